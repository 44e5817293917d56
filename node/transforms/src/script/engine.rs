use std::cell::Cell;
use std::time::{Duration, Instant};

use rhai::packages::{Package, StandardPackage};
use rhai::{AST, Array, Dynamic, Engine, EvalAltResult, Map, OptimizationLevel, ParseError, Position, Scope};

use crate::script::failure::Failure;
use crate::script::moment;

/// The function that a script defines.
const ENTRY: &str = "process";
/// Deepest calls of functions by one another.
const CALLS: usize = 24;
/// Most variables at once.
const VARIABLES: usize = 256;
/// Deepest nesting of arrays and maps; documents have at most 128 levels.
const NESTING: usize = 256;
/// Operations between two looks at the clock.
const TICK: u64 = 32;
/// Shortest time between two looks at what the variables hold.
const PAUSE: Duration = Duration::from_millis(1);

thread_local! {
    /// When the record that this thread works on has had its time.
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
    /// When to look again at what the variables hold.
    static WEIGHING: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// What a script may use for one record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub operations: u64,
    pub time: Duration,
    /// Bytes of what the variables of a function hold together.
    pub memory: usize,
}

/// A compiled script with nothing around it: no files, no network, no modules, no output, no `eval`.
pub(crate) struct Sandbox {
    engine: Engine,
    script: AST,
    time: Duration,
}

impl Sandbox {
    /// Compiles a script; fails where the text is no script.
    pub fn new(text: &str, limits: Limits) -> Result<Self, ParseError> {
        let engine = engine(limits);
        let script = engine.compile(text)?;
        Ok(Self { engine, script, time: limits.time })
    }

    /// Whether the script defines the function that takes a record.
    pub fn has_entry(&self) -> bool {
        self.script.iter_functions().any(|function| function.name == ENTRY && function.params.len() == 1)
    }

    /// The records that the script makes of one.
    pub fn run(&self, record: Map) -> Result<Vec<Map>, Failure> {
        let now = Instant::now();
        DEADLINE.set(now.checked_add(self.time));
        WEIGHING.set(now.checked_add(PAUSE));
        let result = self.engine.call_fn::<Dynamic>(&mut Scope::new(), &self.script, ENTRY, (record,));
        let result = result.map_err(|error| Failure::of(&error))?;
        if result.is_unit() {
            return Ok(Vec::new());
        }
        if result.is_map() {
            return Ok(vec![record_of(result)?]);
        }
        match result.try_cast_result::<Array>() {
            Ok(records) => records.into_iter().map(record_of).collect(),
            Err(other) => Err(not_a_record(&other)),
        }
    }
}

fn record_of(value: Dynamic) -> Result<Map, Failure> {
    value.try_cast_result::<Map>().map_err(|other| not_a_record(&other))
}

fn not_a_record(value: &Dynamic) -> Failure {
    let message = format!("`{ENTRY}` returned {}, not a map, an array of maps or ()", value.type_name());
    Failure::new("script_result", message)
}

fn engine(limits: Limits) -> Engine {
    // Raw: without a resolver of modules, which would read files.
    let mut engine = Engine::new_raw();
    engine.register_global_module(StandardPackage::new().as_shared_module());
    moment::register(&mut engine);
    // `this` is no variable, and what it holds could not be watched.
    for name in ["eval", "import", "export", "print", "debug", "this"] {
        engine.disable_symbol(name);
    }
    // A name can also be called through a function pointer, so these are taken away as functions.
    engine.register_fn("sleep", |_: i64| -> Result<(), Box<EvalAltResult>> {
        Err("there is no `sleep`".into())
    });
    engine.register_fn("sleep", |_: f64| -> Result<(), Box<EvalAltResult>> {
        Err("there is no `sleep`".into())
    });
    watch(&mut engine, limits.memory);
    engine
        .set_optimization_level(OptimizationLevel::Simple)
        .set_strict_variables(true)
        .set_fail_on_invalid_map_property(true)
        .set_max_operations(limits.operations)
        .set_max_call_levels(CALLS)
        .set_max_expr_depths(64, 32)
        .set_max_variables(VARIABLES)
        .set_max_modules(0)
        .set_max_string_size(limits.memory)
        .set_max_array_size(limits.memory / size_of::<Dynamic>())
        // An entry has its key and its place in a tree besides its value.
        .set_max_map_size(limits.memory / (4 * size_of::<Dynamic>()))
        .on_progress(|operations| {
            let late = || DEADLINE.get().is_some_and(|deadline| Instant::now() >= deadline);
            (operations % TICK == 0 && late()).then_some(Dynamic::UNIT)
        });
    engine
}

/// Stops a script whose variables hold too much.
///
/// The engine's own limits see the value that an operation yields, but not an array or map that grows by `a[i] = value`.
/// Such growth takes time, so it is enough to look once in a while; a look that takes long makes the next one later.
// The function is not out of use; it is marked as one that may change with the version of the engine.
#[allow(deprecated)]
fn watch(engine: &mut Engine, memory: usize) {
    engine.on_var(move |_, _, context| {
        let now = Instant::now();
        if WEIGHING.get().is_none_or(|time| now < time) {
            return Ok(None);
        }
        let mut left = memory;
        let fits = context.scope().iter_raw().all(|(_, _, value)| weigh(value, NESTING, &mut left));
        let taken = now.elapsed();
        WEIGHING.set(Instant::now().checked_add(PAUSE.max(taken * 4)));
        if fits {
            return Ok(None);
        }
        Err(EvalAltResult::ErrorDataTooLarge("The variables".to_owned(), Position::NONE).into())
    });
}

/// Takes the size of a value off what is left; false when it is more, or when values are nested too deeply in one another.
fn weigh(value: &Dynamic, depth: usize, left: &mut usize) -> bool {
    let own = size_of::<Dynamic>();
    let Some(depth) = depth.checked_sub(1) else { return false };
    let size = if let Ok(items) = value.as_array_ref() {
        if !items.iter().all(|item| weigh(item, depth, left)) {
            return false;
        }
        own
    } else if let Ok(fields) = value.as_map_ref() {
        if !fields.iter().all(|(name, value)| take(name.len() + 3 * own, left) && weigh(value, depth, left)) {
            return false;
        }
        own
    } else if let Ok(text) = value.as_immutable_string_ref() {
        own + text.len()
    } else if let Ok(bytes) = value.as_blob_ref() {
        own + bytes.len()
    } else {
        own
    };
    take(size, left)
}

fn take(size: usize, left: &mut usize) -> bool {
    let rest = left.checked_sub(size);
    *left = rest.unwrap_or(0);
    rest.is_some()
}
