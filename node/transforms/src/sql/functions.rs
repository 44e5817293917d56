use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::{ScalarUDF, Volatility};
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Query, Spanned, Value, Visitor,
};

use super::query::Faults;

/// Longest text and list that a function may make out of nothing.
const MOST: u64 = 10_000;
/// Functions whose second argument says how long their result is.
const SIZED: [&str; 7] =
    ["repeat", "lpad", "rpad", "array_repeat", "list_repeat", "array_resize", "list_resize"];
/// Functions that make lists whose length only their values say.
const BOUNDLESS: [&str; 2] = ["range", "generate_series"];

/// What a function looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// The values of one record.
    Record,
    /// Several records.
    Records,
    /// The clock, or chance.
    World,
}

/// Every function by its names.
pub(super) struct Functions {
    sights: BTreeMap<String, Sight>,
    /// Those of values alone, whose length is bounded.
    pub scalars: Vec<Arc<ScalarUDF>>,
}

impl Functions {
    pub fn new() -> Self {
        let mut sights = BTreeMap::from([("unnest".to_owned(), Sight::Record)]);
        let mut add = |name: &str, aliases: &[String], sight| {
            for name in std::iter::once(name).chain(aliases.iter().map(String::as_str)) {
                sights.insert(name.to_owned(), sight);
            }
        };
        for function in SessionStateDefaults::default_aggregate_functions() {
            add(function.name(), function.aliases(), Sight::Records);
        }
        for function in SessionStateDefaults::default_window_functions() {
            add(function.name(), function.aliases(), Sight::Records);
        }
        for function in SessionStateDefaults::default_higher_order_functions() {
            add(function.name(), function.aliases(), Sight::Record);
        }
        let mut scalars = SessionStateDefaults::default_scalar_functions();
        for function in &scalars {
            let sight = match function.signature().volatility {
                Volatility::Immutable => Sight::Record,
                Volatility::Stable | Volatility::Volatile => Sight::World,
            };
            add(function.name(), function.aliases(), sight);
        }
        scalars.retain(|function| {
            let bounded = !BOUNDLESS.contains(&function.name());
            bounded && function.signature().volatility == Volatility::Immutable
        });
        Self { sights, scalars }
    }
}

/// Looks for what a query over single records must not call or contain.
pub(super) struct Calls<'a, 't> {
    pub functions: &'a Functions,
    pub faults: &'a mut Faults<'t>,
}

impl Calls<'_, '_> {
    fn check(&mut self, function: &Function) {
        let name = function.name.to_string().to_lowercase();
        let place = function.name.span();
        if function.over.is_some() {
            return self.faults.over_records(&format!("`{name}() OVER`"), place);
        }
        match self.functions.sights.get(&name) {
            None => {
                self.faults.put("unknown_function", format!("there is no function `{name}`"), None, place)
            }
            Some(Sight::Records) => self.faults.over_records(&format!("`{name}()`"), place),
            Some(Sight::World) => {
                let message = format!("`{name}()` has another value when the record is read again");
                let help = "let a `mapping` in front add the field, with `now()` or `uuid()`";
                self.faults.put("volatile_function", message, Some(help), place);
            }
            Some(Sight::Record) if BOUNDLESS.contains(&name.as_str()) => {
                let message = format!("`{name}()` makes lists of any length");
                self.faults.put("boundless_function", message, None, place);
            }
            Some(Sight::Record) if SIZED.contains(&name.as_str()) && !is_sized(function) => {
                let message = format!("`{name}()` needs its length as a number up to {MOST}");
                let help = "write the number itself; the value of a field could be of any size";
                self.faults.put("boundless_function", message, Some(help), place);
            }
            Some(Sight::Record) => {}
        }
    }
}

/// Whether the second argument is a whole number that is not too large.
fn is_sized(function: &Function) -> bool {
    let FunctionArguments::List(list) = &function.args else { return false };
    let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))) = list.args.get(1) else {
        return false;
    };
    matches!(&value.value, Value::Number(number, _) if number.parse::<u64>().is_ok_and(|size| size <= MOST))
}

impl Visitor for Calls<'_, '_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.faults.over_records("a query inside of the query", query.span());
        ControlFlow::Break(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr {
            self.check(function);
        }
        ControlFlow::Continue(())
    }
}
