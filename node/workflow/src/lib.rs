//! The workflow language: YAML with spans, validation, plan and guarantees. No IO.
//!
//! [`load`] goes from bytes to a [`Workflow`] in steps that each report all they find: text, tree ([`yaml`]),
//! variables and parameters ([`interpolate`]), fields against schemas ([`check`]), steps, types, configs and graph ([`read`]).

mod check;
mod codes;
mod diagnostics;
mod guarantee;
mod interpolate;
mod json_schema;
mod load;
mod meaning;
mod parameters;
mod place;
mod raw;
mod read;
mod schedule;
mod secrets;
mod settings;
mod sink;
mod source;
mod template;
mod workflow;
mod yaml;

pub use check::did_you_mean;
pub use codes::{CODES, Code, explain};
pub use diagnostics::{Diagnostic, Diagnostics, Severity};
pub use guarantee::{
    Guarantee, RouteDivision, RouteGuarantee, RoutePath, RoutePlan, enforce, guarantee, routes,
};
pub use json_schema::json_schema;
pub use load::{load, load_with};
pub use parameters::{Inputs, Parameter, ParameterKind, RunFacts};
pub use place::Place;
pub use schedule::{CatchUp, Cron, CronError, Overlap, Schedule, Ticks, TicksError};
pub use secrets::StepConfig;
pub use settings::{RequiredGuarantee, Settings};
pub use source::MAX_FILE_BYTES;
pub use workflow::{Step, Viewing, Workflow};
