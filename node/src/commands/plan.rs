use std::io::{Write, stdout};

use arrow::datatypes::Field;
use etl_engine::{EngineError, Pipeline};
use etl_model::{StepName, is_json};
use etl_sdk::{Discovery, Registry};
use etl_workflow::{Guarantee, RoutePlan, Workflow};
use serde_json::json;

use crate::arguments::{Output, PlanArguments};
use crate::view::{bytes, print_json};
use crate::workflow_file::{load, resolve};
use crate::{Error, Exit, pipeline};

/// Partitions listed one by one; more are summed up.
const LISTED: usize = 10;

type Found = (StepName, Discovery);

async fn discover(pipeline: &Pipeline) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    for step in &pipeline.sources {
        let at_step = |error| Error::Engine(EngineError::Step { step: step.name.clone(), error });
        step.source.check().await.map_err(at_step)?;
        found.push((step.name.clone(), step.source.discover(&[]).await.map_err(at_step)?));
    }
    Ok(found)
}

pub(super) fn plan(arguments: &PlanArguments, registry: &Registry, output: Output) -> Result<Exit, Error> {
    let (workflow, routes) = load(&arguments.workflow.file, registry)?;
    let found = match arguments.offline {
        true => None,
        false => {
            let resolved = resolve(&workflow, &arguments.workflow)?;
            let pipeline = pipeline::build(&resolved, registry)?;
            Some(actix_rt::System::new().block_on(discover(&pipeline))?)
        }
    };
    match output {
        Output::Json => print_json(&document(&workflow, &routes, found.as_deref()))?,
        Output::Text => write_text(&mut stdout().lock(), &workflow, &routes, found.as_deref())?,
    }
    Ok(Exit::Success)
}

/// A column's name and its type, in words.
fn column(field: &Field) -> (&str, String) {
    let kind = if is_json(field) { "json".to_owned() } else { field.data_type().to_string() };
    (field.name(), kind)
}

fn document(workflow: &Workflow, routes: &[RoutePlan], found: Option<&[Found]>) -> serde_json::Value {
    let steps: Vec<_> = workflow
        .steps()
        .map(|step| {
            json!({ "name": step.name, "type": step.kind, "inputs": step.inputs, "on_error": step.on_error,
                    "config": step.config.shown() })
        })
        .collect();
    let sources: Option<Vec<_>> = found.map(|found| {
        found
            .iter()
            .map(|(name, discovery)| {
                let partitions: Vec<_> = discovery
                    .partitions
                    .iter()
                    .map(|partition| json!({ "id": partition.id, "bytes": partition.bytes, "records": partition.records }))
                    .collect();
                let columns: Option<Vec<_>> = discovery.schema.as_ref().map(|schema| {
                    let columns = schema.fields().iter().map(|field| column(field));
                    columns.map(|(name, kind)| json!({ "name": name, "type": kind })).collect()
                });
                json!({ "source": name, "partitions": partitions, "columns": columns, "notes": discovery.notes })
            })
            .collect()
    });
    json!({ "workflow": workflow.name, "meaning": workflow.meaning, "settings": workflow.settings, "steps": steps,
            "routes": routes, "sources": sources })
}

fn write_text(
    out: &mut impl Write,
    workflow: &Workflow,
    routes: &[RoutePlan],
    found: Option<&[Found]>,
) -> std::io::Result<()> {
    writeln!(out, "workflow {}", workflow.name)?;
    let width = workflow.steps().map(|step| step.name.as_str().len()).max().unwrap_or(0);
    writeln!(out, "\nsteps")?;
    for step in workflow.steps() {
        let inputs: Vec<_> = step.inputs.iter().map(StepName::as_str).collect();
        let from = if inputs.is_empty() { String::new() } else { format!("  <- {}", inputs.join(", ")) };
        writeln!(out, "  {:width$}  {}{from}", step.name.as_str(), step.kind)?;
    }
    writeln!(out, "\nroutes")?;
    for RoutePlan { route, guarantee } in routes {
        let given = match guarantee.guarantee {
            Guarantee::ExactlyOnce => "exactly once",
            Guarantee::AtLeastOnce => "at least once",
        };
        writeln!(out, "  {} -> {}: {given}", route.source, route.destination)?;
        writeln!(out, "    {}", guarantee.reason)?;
    }
    for (name, discovery) in found.unwrap_or_default() {
        let partitions = &discovery.partitions;
        let sum: Option<u64> = partitions.iter().map(|partition| partition.bytes).sum();
        let size = sum.map_or_else(String::new, |sum| format!(", {}", bytes(sum)));
        writeln!(out, "\npartitions of {name}: {}{size}", partitions.len())?;
        for partition in partitions.iter().take(LISTED) {
            let size = match (partition.bytes, partition.records) {
                (Some(n), _) => format!("  {}", bytes(n)),
                (None, Some(n)) => format!("  {n} records"),
                (None, None) => String::new(),
            };
            writeln!(out, "  {}{size}", partition.id)?;
        }
        if partitions.len() > LISTED {
            writeln!(out, "  and {} more", partitions.len() - LISTED)?;
        }
        if let Some(schema) = &discovery.schema {
            let columns: Vec<_> = schema.fields().iter().map(|field| column(field)).collect();
            let columns: Vec<_> = columns.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
            writeln!(out, "columns of {name}: {}", columns.join(", "))?;
        }
        for note in &discovery.notes {
            writeln!(out, "note on {name}: {note}")?;
        }
    }
    Ok(())
}
