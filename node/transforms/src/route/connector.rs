use std::sync::Arc;

use etl_sdk::{Descriptor, FieldError, Processor, ProcessorConnector, parse_config};

use super::config::RouteConfig;
use super::processor::RouteProcessor;

/// The `route` transformation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Route;

const DOCUMENTATION: &str = "\
Gives each record one of several ways. `outputs` names them and says which records they take, each by a \
[CEL](https://cel.dev) condition as in `filter`. A step behind reads one by `inputs: [split.high]`, where `split` is the name \
of the route. Records of no output come out of `default`.

A record takes the first output in the order of the file whose condition is true; the conditions after it are not asked. With \
`match: all` it takes every output whose condition is true.

Every output must have a reader, `default` too. With `drop_unmatched: true` the records of those that have none are counted \
as *filtered*.

A record for which a condition that is asked has no value is a **record error**, as in `filter`, and the step's `on_error` \
decides what becomes of it. It takes no output and is reported once. Conditions cannot call `now()` or `uuid()`, whose \
value is another one every time.

In plans and counters each output that is read is a step of its own, `split-high`, which counts the records of the others as \
filtered. A list of transformations has no place for several ways: a route needs the graph form. Records keep their order. The \
step keeps no state.
";

const EXAMPLE: &str = "\
type: route
config:
  outputs:
    high: \"amount > 100.0\"
    eu: \"country in ['DE', 'FR']\"
  drop_unmatched: true
";

impl ProcessorConnector for Route {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "route",
            summary: "Gives each record one of several ways, by conditions.",
            documentation: DOCUMENTATION,
            schema: schemars::schema_for!(RouteConfig),
            example: EXAMPLE,
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Processor>, Vec<FieldError>> {
        let config: RouteConfig = parse_config(config)?;
        Ok(Arc::new(RouteProcessor::new(config.validate()?)))
    }
}
