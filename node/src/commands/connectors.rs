use std::io::{Write, stdout};

use comfy_table::{Table, presets};
use etl_sdk::{Descriptor, Registry};
use serde_json::{Value, json};

use crate::arguments::Output;
use crate::view::print_json;
use crate::{Error, Exit};

fn catalogue(registry: &Registry) -> Vec<(&'static str, &Descriptor)> {
    let sources = registry.sources().map(|connector| ("source", connector.descriptor()));
    let transformations = registry.processors().map(|connector| ("transformation", connector.descriptor()));
    let destinations = registry.destinations().map(|connector| ("destination", connector.descriptor()));
    sources.chain(transformations).chain(destinations).collect()
}

pub(super) fn connectors(name: Option<&str>, registry: &Registry, output: Output) -> Result<Exit, Error> {
    let mut entries = catalogue(registry);
    if let Some(name) = name {
        entries.retain(|(_, descriptor)| descriptor.name == name);
        if entries.is_empty() {
            return Err(Error::Unknown {
                message: format!("there is no type `{name}`"),
                help: "list all of them with `actix-etl connectors`".to_owned(),
            });
        }
    }
    if output == Output::Json {
        let documents: Vec<_> = entries
            .iter()
            .map(|(role, descriptor)| {
                json!({
                    "type": descriptor.name,
                    "role": role,
                    "summary": descriptor.summary,
                    "documentation": descriptor.documentation,
                    "schema": descriptor.schema,
                    "example": descriptor.example,
                })
            })
            .collect();
        print_json(&documents)?;
        return Ok(Exit::Success);
    }
    let mut out = stdout().lock();
    if name.is_some() {
        for (role, descriptor) in entries {
            writeln!(out, "# {} ({role})\n\n{}\n", descriptor.name, descriptor.summary)?;
            writeln!(out, "{}\n", descriptor.documentation.trim())?;
            writeln!(out, "Example:\n\n{}\n", descriptor.example.trim_end())?;
            write_fields(&mut out, descriptor)?;
        }
        return Ok(Exit::Success);
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["TYPE", "ROLE", "WHAT IT DOES"]);
    for (role, descriptor) in entries {
        table.add_row([descriptor.name, role, descriptor.summary]);
    }
    writeln!(out, "{table}")?;
    Ok(Exit::Success)
}

/// The fields of a `config`, from its schema; of each alternative, where there are some.
fn write_fields(out: &mut impl Write, descriptor: &Descriptor) -> std::io::Result<()> {
    let schema = descriptor.schema.as_value();
    for variant in schema.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
        let text = variant.get("description").and_then(Value::as_str).unwrap_or_default();
        write_properties(out, &format!("Fields with `{}`. {text}", tag(variant)), variant)?;
    }
    write_properties(out, "Fields:", schema)
}

/// What tells an alternative from the others: its constant fields.
fn tag(variant: &Value) -> String {
    let properties = variant.get("properties").and_then(Value::as_object);
    let constants = properties.into_iter().flatten().filter_map(|(name, field)| {
        let constant = field.get("const")?;
        Some(format!("{name}: {}", constant.as_str().map_or_else(|| constant.to_string(), str::to_owned)))
    });
    constants.collect::<Vec<_>>().join(", ")
}

fn write_properties(out: &mut impl Write, title: &str, schema: &Value) -> std::io::Result<()> {
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Ok(());
    };
    writeln!(out, "{title}\n")?;
    for (name, field) in properties.iter().filter(|(_, field)| field.get("const").is_none()) {
        let needed = if required.iter().any(|known| known == name) { "required" } else { "optional" };
        let default = field
            .get("default")
            .filter(|value| !value.is_null())
            .map_or_else(String::new, |value| format!(", default {value}"));
        writeln!(out, "  {name} ({needed}{default})")?;
        if let Some(text) = field.get("description").and_then(Value::as_str) {
            for line in text.lines() {
                writeln!(out, "      {line}")?;
            }
        }
    }
    writeln!(out)
}
