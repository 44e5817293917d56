use etl_sdk::Registry;

use crate::view::print_json;
use crate::{Error, Exit};

pub(super) fn schema(registry: &Registry) -> Result<Exit, Error> {
    print_json(&etl_workflow::json_schema(registry))?;
    Ok(Exit::Success)
}
