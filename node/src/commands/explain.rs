use std::io::{Write, stdout};

use etl_workflow::CODES;

use crate::arguments::Output;
use crate::view::print_json;
use crate::{Error, Exit};

pub(super) fn explain(code: Option<&str>, output: Output) -> Result<Exit, Error> {
    let wanted = code.map(str::to_uppercase);
    let found: Vec<_> =
        CODES.iter().filter(|known| wanted.as_deref().is_none_or(|code| known.id == code)).collect();
    if let (Some(code), true) = (code, found.is_empty()) {
        return Err(Error::Unknown {
            message: format!("there is no error code `{code}`"),
            help: "list all of them with `actix-etl explain`".to_owned(),
        });
    }
    if output == Output::Json {
        print_json(&found)?;
        return Ok(Exit::Success);
    }
    let mut out = stdout().lock();
    for known in found {
        match wanted {
            Some(_) => writeln!(out, "{}: {}\n\n{}", known.id, known.title, known.help)?,
            None => writeln!(out, "{}  {}", known.id, known.title)?,
        }
    }
    Ok(Exit::Success)
}
