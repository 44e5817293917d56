use etl_sdk::Registry;

use crate::view::print_json;
use crate::{Error, Exit};

pub(super) fn schema(registry: &Registry) -> Result<Exit, Error> {
    print_json(&registry.sources().count())?;
    Ok(Exit::Success)
}
