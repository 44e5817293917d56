use std::sync::Arc;

use arrow::datatypes::Schema;
use cel::parser::{ParseErrors, Parser};

use crate::compiled::Compiled;
use crate::error::ExprError;
use crate::functions::Function;
use crate::lower::Lowering;
use crate::syntax::{Syntax, SyntaxNode};
use crate::{compile, guard, json};

/// Stack of the thread that parses: the generated parser recurses through a dozen calls per bracket.
const PARSER_STACK: usize = 16 * 1024 * 1024;

/// A parsed CEL expression, independent of any schema.
#[derive(Debug, Clone)]
pub struct Expression {
    text: Arc<str>,
    pub(crate) syntax: Arc<Syntax>,
}

impl Expression {
    /// Parses a text; reports all faults that need no schema, with byte offsets: syntax, unknown functions, wrong
    /// numbers of arguments.
    pub fn parse(text: &str) -> Result<Self, Vec<ExprError>> {
        guard::check(text).map_err(|error| vec![error])?;
        let syntax = std::thread::scope(|scope| {
            std::thread::Builder::new()
                .name("expression-parser".to_owned())
                .stack_size(PARSER_STACK)
                .spawn_scoped(scope, || parse(text))
                .map_err(|error| vec![internal(format!("cannot start the parser: {error}"))])?
                .join()
                .map_err(|_| vec![ExprError::new(None, "syntax", "the expression cannot be parsed")])?
        })?;
        Ok(Self { text: text.into(), syntax: Arc::new(syntax) })
    }

    /// The field at a dotted path. A column whose name is the whole path comes first; a field of a struct that is null,
    /// and a key that a JSON object lacks, are null. See [`Compiled::is_absent`] for a field that the schema lacks.
    pub fn path(path: &str) -> Self {
        let segments = path.split('.').map(str::to_owned).collect();
        let syntax = Syntax { offset: None, node: SyntaxNode::Path(segments) };
        Self { text: path.into(), syntax: Arc::new(syntax) }
    }

    /// A constant: numbers are int, uint above its range, or double; a list of one type is a list of it, any other a
    /// list of JSON; an object is a struct.
    pub fn constant(value: &serde_json::Value) -> Self {
        let (constant, kind) = json::constant(value);
        let syntax = Syntax { offset: None, node: SyntaxNode::Constant(constant, kind) };
        Self { text: value.to_string().into(), syntax: Arc::new(syntax) }
    }

    /// The text it was parsed from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the same record may have another value the next time: the expression calls `now()` or `uuid()`.
    pub fn is_volatile(&self) -> bool {
        self.syntax.calls(&|function: Function| function.is_volatile())
    }

    /// Types the expression against a schema and plans its evaluation.
    ///
    /// Fails where no row of such a batch could have a value for want of an overload (`string + int`). A field that
    /// the schema lacks is no fault here: its rows fail when they are evaluated.
    pub fn compile(&self, schema: &Schema) -> Result<Compiled, Vec<ExprError>> {
        compile::compile(&self.syntax, schema)
    }
}

fn internal(message: String) -> ExprError {
    ExprError::new(None, "internal", message)
}

fn parse(text: &str) -> Result<Syntax, Vec<ExprError>> {
    if text.trim().is_empty() {
        return Err(vec![ExprError::new(0, "syntax", "the expression is empty")]);
    }
    let parser = Parser::new().enable_ident_escape_syntax(true).enable_optional_syntax(true);
    let (tree, places) = parser.parse_with_source_info(text).map_err(|errors| syntax_errors(text, errors))?;
    let mut lowering = Lowering { places: &places, errors: Vec::new() };
    let syntax = lowering.lower(&tree);
    if lowering.errors.is_empty() { Ok(syntax) } else { Err(lowering.errors) }
}

fn syntax_errors(text: &str, errors: ParseErrors) -> Vec<ExprError> {
    let mut found: Vec<ExprError> = errors
        .errors
        .into_iter()
        .map(|error| {
            let message = error.msg.strip_prefix("Syntax error: ").unwrap_or(&error.msg).to_owned();
            let has = message.contains("has() macro");
            let fault = ExprError::new(byte_offset(text, error.pos), "syntax", message);
            if has {
                fault
                    .with_help("has() takes a field of something: write `has(record.name)` or `name != null`")
            } else {
                fault
            }
        })
        .collect();
    if found.is_empty() {
        found.push(ExprError::new(None, "syntax", "the expression cannot be parsed"));
    }
    found
}

/// The byte of a line and a column, both counted from 1 and the column in characters.
fn byte_offset(text: &str, (line, column): (isize, isize)) -> Option<usize> {
    let line = usize::try_from(line).ok()?.checked_sub(1)?;
    let column = usize::try_from(column).ok()?.checked_sub(1)?;
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(start..)?;
    Some(start + rest.char_indices().nth(column).map_or(rest.len(), |(byte, _)| byte))
}
