use etl_expr::Expression;
use etl_sdk::FieldError;

use super::place::{Kind, Place};
use crate::expression;

/// A part of a template.
#[derive(Debug)]
pub(super) enum Piece {
    Text(String),
    /// An expression by its number.
    Value(usize, Place),
}

/// Splits a template; all faults at once, with their offsets.
pub(super) fn parse(text: &str, kind: Kind) -> Result<(Vec<Piece>, Vec<Expression>), Vec<FieldError>> {
    let (mut pieces, mut expressions, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    let mut is_quoted = false;
    let mut at = 0;
    while let Some(found) = text[at..].find("{{") {
        let begin = at + found;
        let before = &text[at..begin];
        is_quoted = quoted_after(before, is_quoted);
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        match expression_at(text, begin + 2) {
            Ok((expression, end)) => {
                pieces.push(Piece::Value(expressions.len(), place(kind, &text[..begin], is_quoted)));
                expressions.push(expression);
                at = end;
            }
            Err((fault, end)) => {
                faults.extend(fault);
                at = end;
            }
        }
    }
    if at < text.len() {
        pieces.push(Piece::Text(text[at..].to_owned()));
    }
    if faults.is_empty() { Ok((pieces, expressions)) } else { Err(faults) }
}

/// Reads an expression up to the first `}}` that ends one: braces may also close its maps.
fn expression_at(text: &str, begin: usize) -> Result<(Expression, usize), (Vec<FieldError>, usize)> {
    let mut first = None;
    let mut from = begin;
    while let Some(found) = text[from..].find("}}") {
        let end = from + found;
        let inside = &text[begin..end];
        let indent = inside.len() - inside.trim_start().len();
        match expression::parse(inside.trim(), |fault| fault) {
            Ok(expression) => return Ok((expression, end + 2)),
            Err(faults) => {
                let shifted = |fault: FieldError| {
                    let offset = fault.offset.unwrap_or_default() + begin + indent;
                    fault.at_offset(offset)
                };
                first.get_or_insert_with(|| (faults.into_iter().map(shifted).collect(), end + 2));
            }
        }
        from = end + 1;
    }
    Err(first.unwrap_or_else(|| {
        let fault = FieldError::new("template", "`{{` has no `}}`").at_offset(begin - 2);
        (vec![fault], text.len())
    }))
}

/// Whether what follows a piece of JSON stands between quotes.
fn quoted_after(piece: &str, before: bool) -> bool {
    let mut is_quoted = before;
    let mut is_escaped = false;
    for c in piece.chars() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ => {}
        }
    }
    is_quoted
}

fn place(kind: Kind, before: &str, is_quoted: bool) -> Place {
    match kind {
        Kind::Url => {
            let host = before.split_once("://").map(|(_, host)| host);
            let in_path = host.is_some_and(|host| host.contains(['/', '?', '#']));
            if in_path { Place::Encoded } else { Place::Host }
        }
        Kind::Form => Place::Encoded,
        Kind::Header => Place::Header,
        Kind::Json if is_quoted => Place::JsonString,
        Kind::Json => Place::JsonValue,
        Kind::Text => Place::Text,
    }
}
