use std::io::{Write, stdout};
use std::time::{SystemTime, UNIX_EPOCH};

use arrow::datatypes::Field;
use etl_engine::{EngineError, Pipeline};
use etl_model::StepName;
use etl_sdk::{Discovery, Registry};
use etl_workflow::{CatchUp, Guarantee, Overlap, Parameter, RouteDivision, RoutePlan, Schedule, Workflow};
use serde_json::json;

use crate::arguments::{Output, PlanArguments};
use crate::view::{bytes, column_type, moment, print_json, printable};
use crate::workflow_file::{load, resolve};
use crate::{Error, Exit, pipeline};

/// Ticks of a schedule that are told.
const TICKS: usize = 3;
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
    let (workflow, routes) = load(&arguments.workflow.file, &arguments.workflow.parameters, registry)?;
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
    (field.name(), column_type(field))
}

fn document(workflow: &Workflow, routes: &[RoutePlan], found: Option<&[Found]>) -> serde_json::Value {
    let steps: Vec<_> = workflow
        .steps()
        .map(|step| {
            json!({ "name": step.name, "type": step.kind, "inputs": step.inputs, "on_error": step.on_error,
                    "config": step.config.shown(), "rate_limit": step.rate_limit,
                    "circuit_breaker": step.circuit_breaker, "timeout": step.timeout })
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
    json!({ "workflow": workflow.name, "meaning": workflow.meaning, "settings": workflow.settings,
            "next_ticks": next_ticks(workflow, now_ms()), "parameters": workflow.parameters, "steps": steps,
            "routes": routes, "sources": sources })
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// When a workflow starts by itself next, in milliseconds since 1970; none without a schedule.
fn next_ticks(workflow: &Workflow, now_ms: u64) -> Vec<u64> {
    let Some(schedule) = &workflow.settings.schedule else { return Vec::new() };
    let after = |ms: &u64| schedule.ticks.next_after(*ms);
    std::iter::successors(after(&now_ms), after).take(TICKS).collect()
}

fn write_parameters(out: &mut impl Write, workflow: &Workflow) -> std::io::Result<()> {
    if !workflow.parameters.is_empty() {
        writeln!(out, "\nparameters")?;
    }
    for Parameter { name, kind, default, value, description, .. } in &workflow.parameters {
        let value = match value {
            Some(value) => format!("= {}", printable(value)),
            None => "has to be given".to_owned(),
        };
        let is_default = if default.is_some() { "" } else { ", without a default" };
        let what = description.as_ref().map_or_else(String::new, |text| format!("  {}", printable(text)));
        writeln!(out, "  {name} {value} ({kind}{is_default}){what}")?;
    }
    Ok(())
}

fn write_schedule(out: &mut impl Write, workflow: &Workflow, now_ms: u64) -> std::io::Result<()> {
    let Some(Schedule { ticks, overlap, catch_up }) = &workflow.settings.schedule else { return Ok(()) };
    writeln!(out, "\nschedule")?;
    writeln!(out, "  {} in {}", ticks.cron(), ticks.timezone())?;
    let overlap = match overlap {
        Overlap::Skip => "skip: a tick is left out while a run is not finished",
        Overlap::Queue => "queue: the run of a tick waits for the one before",
        Overlap::Replace => "replace: the run of a tick takes the place of the one before",
    };
    let catch_up = match catch_up {
        CatchUp::None => "none: missed ticks are left out",
        CatchUp::Last => "last: one run for all missed ticks",
        CatchUp::All => "all: a run for each missed tick",
    };
    writeln!(out, "  overlap {overlap}\n  catch_up {catch_up}")?;
    for tick in next_ticks(workflow, now_ms) {
        writeln!(out, "  next at {} UTC", moment(tick))?;
    }
    Ok(())
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
        if let Some(limit) = &step.rate_limit {
            let shared = limit.name.as_ref().map_or_else(String::new, |name| format!(", shared as {name}"));
            writeln!(out, "  {:width$}  at most {limit}{shared}", "")?;
        }
        if let Some(breaker) = &step.circuit_breaker {
            let shared = breaker.name.as_ref().map_or_else(String::new, |name| format!(", shared as {name}"));
            writeln!(out, "  {:width$}  circuit breaker: {breaker}{shared}", "")?;
        }
        if let Some(timeout) = step.timeout {
            writeln!(out, "  {:width$}  calls take at most {timeout}", "")?;
        }
    }
    write_parameters(out, workflow)?;
    write_schedule(out, workflow, now_ms())?;
    writeln!(out, "\nroutes")?;
    for RoutePlan { route, divided, guarantee } in routes {
        let given = match guarantee.guarantee {
            Guarantee::ExactlyOnce => "exactly once",
            Guarantee::AtLeastOnce => "at least once",
        };
        writeln!(out, "  {} -> {}: {given}", route.source, route.destination)?;
        writeln!(out, "    {}", guarantee.reason)?;
        if let Some(RouteDivision { step, by, shards }) = divided {
            writeln!(out, "    divided by {step}: {shards} shards by {}", by.join(", "))?;
        }
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
