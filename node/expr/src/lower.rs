//! From the parser's tree to ours.

use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SourceInfo, operators};

use crate::error::ExprError;
use crate::functions::{self, Function};
use crate::syntax::{BindKind, BindSyntax, ItemSyntax, LoopKind, LoopSyntax, Syntax, SyntaxNode};
use crate::value::Value;

/// Translates one tree, collecting every fault.
pub(crate) struct Lowering<'a> {
    pub places: &'a SourceInfo,
    pub errors: Vec<ExprError>,
}

impl Lowering<'_> {
    /// The tree in our form. Where a part is at fault a null literal takes its place; `errors` is not empty then.
    pub fn lower(&mut self, tree: &IdedExpr) -> Syntax {
        let offset = self.offset(tree.id);
        let node = match &tree.expr {
            Expr::Literal(literal) => SyntaxNode::Literal(literal_value(literal)),
            Expr::Ident(name) => SyntaxNode::Name(name.strip_prefix('.').unwrap_or(name).to_owned()),
            Expr::Select(select) => {
                let operand = Box::new(self.lower(&select.operand));
                let field = select.field.clone();
                if select.test {
                    SyntaxNode::Has { operand, field }
                } else {
                    SyntaxNode::Select { operand, field }
                }
            }
            Expr::Call(call) => self.call(offset, &call.func_name, call.target.as_deref(), &call.args),
            Expr::List(list) => {
                let items = list.elements.iter().enumerate();
                SyntaxNode::List(
                    items
                        .map(|(place, item)| ItemSyntax {
                            value: self.lower(item),
                            optional: list.optional_indices.contains(&place),
                        })
                        .collect(),
                )
            }
            Expr::Map(map) => {
                let mut entries = Vec::with_capacity(map.entries.len());
                for entry in &map.entries {
                    match &entry.expr {
                        EntryExpr::MapEntry(entry) => {
                            let (key, value) = (self.lower(&entry.key), self.lower(&entry.value));
                            entries.push((key, ItemSyntax { value, optional: entry.optional }));
                        }
                        EntryExpr::StructField(_) => {
                            return self.fault(offset, "messages cannot be built here");
                        }
                    }
                }
                SyntaxNode::Map(entries)
            }
            Expr::Comprehension(comprehension) => match self.comprehension(comprehension) {
                Some(node) => node,
                None => return self.fault(offset, "this macro is not supported"),
            },
            Expr::Struct(message) => {
                let text = format!("messages such as `{}{{...}}` cannot be built here", message.type_name);
                return self.fault(offset, &text);
            }
            Expr::Unspecified => return self.fault(offset, "a part of the expression is missing"),
        };
        Syntax { offset, node }
    }

    fn offset(&self, id: u64) -> Option<usize> {
        let start = self.places.offset_for(id)?.0 as usize;
        // Positions are bytes of the text.
        (start <= self.places.source.len()).then_some(start)
    }

    fn fault(&mut self, offset: Option<usize>, message: &str) -> Syntax {
        self.errors.push(ExprError::new(offset, "unsupported", message));
        Syntax { offset, node: SyntaxNode::Literal(Value::Null) }
    }

    fn call(
        &mut self,
        offset: Option<usize>,
        name: &str,
        target: Option<&IdedExpr>,
        args: &[IdedExpr],
    ) -> SyntaxNode {
        if let Some(node) = self.named(name, target, args) {
            return node;
        }
        let space = match target.map(|target| &target.expr) {
            Some(Expr::Ident(space)) if functions::is_namespaced(space, name, args.len()) => {
                Some(space.as_str())
            }
            _ => None,
        };
        let receiver = target.filter(|_| space.is_none());
        let mut operands: Vec<Syntax> = receiver.into_iter().chain(args).map(|arg| self.lower(arg)).collect();
        match (name, operands.len()) {
            (operators::LOGICAL_AND, 2) => {
                if let (Some(right), Some(left)) = (operands.pop(), operands.pop()) {
                    return SyntaxNode::And(Box::new(left), Box::new(right));
                }
            }
            (operators::LOGICAL_OR, 2) => {
                if let (Some(right), Some(left)) = (operands.pop(), operands.pop()) {
                    return SyntaxNode::Or(Box::new(left), Box::new(right));
                }
            }
            (operators::LOGICAL_NOT, 1) => {
                if let Some(operand) = operands.pop() {
                    return SyntaxNode::Not(Box::new(operand));
                }
            }
            (operators::OPT_SELECT, 2) => {
                if let (Some(Syntax { node: SyntaxNode::Literal(Value::String(field)), .. }), Some(operand)) =
                    (operands.pop(), operands.pop())
                {
                    let (operand, field) = (Box::new(operand), field.to_string());
                    return SyntaxNode::OptionalSelect { operand, field };
                }
            }
            (operators::OPT_INDEX, 2) => {
                if let (Some(key), Some(operand)) = (operands.pop(), operands.pop()) {
                    return SyntaxNode::OptionalIndex { operand: Box::new(operand), key: Box::new(key) };
                }
            }
            (operators::CONDITIONAL, 3) => {
                if let (Some(other), Some(then), Some(condition)) =
                    (operands.pop(), operands.pop(), operands.pop())
                {
                    return SyntaxNode::If(Box::new(condition), Box::new(then), Box::new(other));
                }
            }
            _ => {}
        }
        if let Some(function) = Function::operator(name) {
            return SyntaxNode::Call { function, args: operands };
        }
        match functions::resolve(name, receiver.is_some(), space, operands.len(), offset) {
            Ok(function) => SyntaxNode::Call { function, args: operands },
            Err(error) => {
                self.errors.push(error);
                SyntaxNode::Literal(Value::Null)
            }
        }
    }

    /// A macro that the parser leaves as a call.
    fn named(&mut self, name: &str, target: Option<&IdedExpr>, args: &[IdedExpr]) -> Option<SyntaxNode> {
        let variable = |tree: &IdedExpr| match &tree.expr {
            Expr::Ident(name) => Some(name.clone()),
            _ => None,
        };
        match (name, target?, args) {
            ("sortBy", range, [name, key]) => Some(SyntaxNode::Loop(Box::new(LoopSyntax {
                kind: LoopKind::SortBy,
                variable: variable(name)?,
                range: self.lower(range),
                condition: None,
                yields: Some(self.lower(key)),
            }))),
            ("optMap" | "optFlatMap", value, [argument, body]) => {
                Some(SyntaxNode::Bind(Box::new(BindSyntax {
                    kind: if name == "optMap" { BindKind::Map } else { BindKind::FlatMap },
                    variable: variable(argument)?,
                    value: self.lower(value),
                    body: self.lower(body),
                })))
            }
            ("bind", IdedExpr { expr: Expr::Ident(space), .. }, [name, value, body]) if space == "cel" => {
                Some(SyntaxNode::Bind(Box::new(BindSyntax {
                    kind: BindKind::Value,
                    variable: variable(name)?,
                    value: self.lower(value),
                    body: self.lower(body),
                })))
            }
            _ => None,
        }
    }

    /// Recognises which macro the parser has expanded into a fold.
    fn comprehension(&mut self, fold: &ComprehensionExpr) -> Option<SyntaxNode> {
        let Expr::Call(step) = &fold.loop_step.expr else { return None };
        let is_list = matches!(&fold.accu_init.expr, Expr::List(list) if list.elements.is_empty());
        let appended = |tree: &IdedExpr| -> Option<IdedExpr> {
            match &tree.expr {
                Expr::Call(call) if call.func_name == operators::ADD => match call.args.as_slice() {
                    [_, IdedExpr { expr: Expr::List(list), .. }] => list.elements.first().cloned(),
                    _ => None,
                },
                _ => None,
            }
        };
        let (kind, condition, yields) = match (step.func_name.as_str(), step.args.as_slice()) {
            (operators::LOGICAL_AND, [_, body]) => (LoopKind::All, Some(body.clone()), None),
            (operators::LOGICAL_OR, [_, body]) => (LoopKind::Exists, Some(body.clone()), None),
            (operators::CONDITIONAL, [body, _, _]) if !is_list => {
                (LoopKind::ExistsOne, Some(body.clone()), None)
            }
            (operators::CONDITIONAL, [body, step, _]) => {
                let yields = appended(step)?;
                // `filter` yields the element itself, so mapping to it is the same.
                match &yields.expr {
                    Expr::Ident(name) if *name == fold.iter_var => {
                        (LoopKind::Filter, Some(body.clone()), None)
                    }
                    _ => (LoopKind::Map, Some(body.clone()), Some(yields)),
                }
            }
            (operators::ADD, _) if is_list => (LoopKind::Map, None, Some(appended(&fold.loop_step)?)),
            _ => return None,
        };
        Some(SyntaxNode::Loop(Box::new(LoopSyntax {
            kind,
            range: self.lower(&fold.iter_range),
            variable: fold.iter_var.clone(),
            condition: condition.map(|condition| self.lower(&condition)),
            yields: yields.map(|yields| self.lower(&yields)),
        })))
    }
}

fn literal_value(literal: &LiteralValue) -> Value {
    match literal {
        LiteralValue::Boolean(value) => Value::Bool(*value.inner()),
        LiteralValue::Bytes(value) => Value::Bytes(value.inner().into()),
        LiteralValue::Double(value) => Value::Double(*value.inner()),
        LiteralValue::Int(value) => Value::Int(*value.inner()),
        LiteralValue::Null => Value::Null,
        LiteralValue::String(value) => Value::string(value.inner()),
        LiteralValue::UInt(value) => Value::Uint(*value.inner()),
    }
}
