use crate::functions::{Entry, Function};

pub(super) const LISTS: &[Entry] = &[
    Entry::member("slice", Function::Slice, (3, 3), "list.slice(int, int) -> list")
        .means("The elements from one index to another, which is not included.")
        .example("[1, 2, 3, 4].slice(1, 3)", "[2,3]"),
    Entry::member("flatten", Function::Flatten, (1, 2), "list.flatten([int]) -> list")
        .means("The elements of the lists inside the list, so many levels deep, or one.")
        .example("[1, [2, [3, 4]]].flatten()", "[1,2,[3,4]]"),
    Entry::member("sort", Function::Sort, (1, 1), "list.sort() -> list")
        .means("The elements in ascending order; they must be of one type.")
        .example("[3, 1, 2].sort()", "[1,2,3]"),
    Entry::member("distinct", Function::Distinct, (1, 1), "list.distinct() -> list")
        .means("Each element once, where it is first.")
        .example("[1, 2, 1.0, 3].distinct()", "[1,2,3]"),
    Entry::within("lists", "range", Function::Range, (1, 1), "lists.range(int) -> list(int)")
        .means("The whole numbers from 0 up to the given one, which is not included; at most 1,048,576.")
        .example("lists.range(3)", "[0,1,2]"),
    Entry::member("first", Function::First, (1, 1), "list.first() -> optional")
        .means("The first element.")
        .example("['a', 'b'].first().value()", r#""a""#),
    Entry::member("last", Function::Last, (1, 1), "list.last() -> optional")
        .means("The last element.")
        .example("[1, 2].last().orValue(0)", "2"),
];

pub(super) const SETS: &[Entry] = &[
    Entry::within("sets", "contains", Function::SetContains, (2, 2), "sets.contains(list, list) -> bool")
        .means("Whether every element of the second list is in the first.")
        .example("sets.contains([1, 2, 3], [2, 2.0])", "true"),
    Entry::within(
        "sets",
        "equivalent",
        Function::SetEquivalent,
        (2, 2),
        "sets.equivalent(list, list) -> bool",
    )
    .means("Whether each list has every element of the other.")
    .example("sets.equivalent([1, 2], [2, 1, 1])", "true"),
    Entry::within(
        "sets",
        "intersects",
        Function::SetIntersects,
        (2, 2),
        "sets.intersects(list, list) -> bool",
    )
    .means("Whether the lists have an element in common.")
    .example("sets.intersects(['a'], ['b', 'c'])", "false"),
];
