use crate::functions::Example;

/// A macro: its operands are evaluated for every element, or not at all.
pub(crate) struct Macro {
    pub name: &'static str,
    pub usage: &'static str,
    pub meaning: &'static str,
    pub example: Example,
}

const fn entry(
    name: &'static str,
    usage: &'static str,
    meaning: &'static str,
    text: &'static str,
    yields: &'static str,
) -> Macro {
    Macro { name, usage, meaning, example: Example { text, yields } }
}

pub(crate) const MACROS: &[Macro] = &[
    entry(
        "has",
        "has(record.field)",
        "Whether the field is there and not null; for a field of the record itself \
         `has(record.a)`.",
        "has({'a': 1}.b)",
        "false",
    ),
    entry(
        "all",
        "list.all(x, condition)",
        "Whether the condition holds for all elements of a list, or all keys of a map.",
        "[2, 4].all(x, x % 2 == 0)",
        "true",
    ),
    entry(
        "exists",
        "list.exists(x, condition)",
        "Whether the condition holds for one element or more.",
        "['a', 'b'].exists(x, x == 'b')",
        "true",
    ),
    entry(
        "exists_one",
        "list.exists_one(x, condition)",
        "Whether the condition holds for exactly one element.",
        "[1, 2, 3].exists_one(x, x > 1)",
        "false",
    ),
    entry(
        "existsOne",
        "list.existsOne(x, condition)",
        "The same as `exists_one`.",
        "[1, 2, 3].existsOne(x, x > 2)",
        "true",
    ),
    entry(
        "filter",
        "list.filter(x, condition)",
        "The elements for which the condition holds.",
        "[1, 2, 3].filter(x, x > 1)",
        "[2,3]",
    ),
    entry(
        "map",
        "list.map(x, value)",
        "The value for every element; `list.map(x, condition, value)` only where the \
         condition holds.",
        "[1, 2, 3].map(x, x > 1, x * 10)",
        "[20,30]",
    ),
    entry(
        "sortBy",
        "list.sortBy(x, key)",
        "The elements in the order of their keys; equal keys keep the order of the list.",
        "['ccc', 'a', 'bb'].sortBy(x, size(x))",
        r#"["a","bb","ccc"]"#,
    ),
    entry(
        "bind",
        "cel.bind(x, value, expression)",
        "The expression with a name for a value that it uses more than once.",
        "cel.bind(x, 2 + 3, x * x)",
        "25",
    ),
    entry(
        "optMap",
        "optional.optMap(x, value)",
        "The value computed from what the optional holds, as an optional; none stays none.",
        "optional.of(20).optMap(x, x + 1).orValue(0)",
        "21",
    ),
    entry(
        "optFlatMap",
        "optional.optFlatMap(x, optional)",
        "The same for a value that is itself an optional.",
        "{'a': {'b': 1}}.?a.optFlatMap(x, x.?c).hasValue()",
        "false",
    ),
];
