use crate::batches::{batch, rows};

/// Rows: sound, null, edge. One failing row never touches the others.
#[test]
fn one_row_fails_and_the_others_do_not() {
    let batch = batch();
    let null = "!no_such_overload";
    let cases: &[(&str, [&str; 3])] = &[
        ("i + 1", ["7", null, "!overflow"]),
        ("i * 2", ["12", null, "!overflow"]),
        ("0 - i", ["-6", null, "-9223372036854775807"]),
        ("-i", ["-6", null, "-9223372036854775807"]),
        ("10u / u", ["2", null, "!division_by_zero"]),
        ("10u % u", ["0", null, "!modulus_by_zero"]),
        ("int(d)", ["2", null, "!overflow"]),
        ("s.substring(1)", ["éllo", null, "!index_out_of_range"]),
        ("int(s)", ["!invalid_conversion", null, "!invalid_conversion"]),
        ("string(y)", ["ab", null, "!invalid_utf8"]),
        ("l[0]", ["1", null, "!index_out_of_range"]),
        ("m.k", ["7", "!no_such_field", "!no_such_field"]),
        ("doc.a.b", ["1", "!no_such_field", null]),
        ("user.age", ["30", "40", "!no_such_field"]),
        ("user.email", ["a@b.c", "null", "!no_such_field"]),
        ("user.email != null", ["true", "false", "false"]),
        ("user.email == null", ["false", "true", "true"]),
        ("has(user.age)", ["true", "true", "false"]),
        ("i == 6", ["true", "false", "false"]),
        ("i != 6", ["false", "true", "true"]),
        ("i == u", ["false", "true", "false"]),
        ("s == ''", ["false", "false", "true"]),
        ("s != user.email", ["true", "false", "!no_such_field"]),
        ("i > 6", ["false", null, "true"]),
        ("d < 3.0", ["true", null, "false"]),
        ("d != d", ["false", "false", "true"]),
        ("b && true", ["true", null, "false"]),
        ("b && false", ["false", "false", "false"]),
        ("b || true", ["true", "true", "true"]),
        ("!b", ["false", null, "true"]),
        ("b ? i : 0", ["6", null, "0"]),
        ("b ? 1 : i / 0", ["1", null, "!division_by_zero"]),
        ("i != null && i > 6", ["false", "false", "true"]),
        ("i > 6 && i != null", ["false", "false", "true"]),
        ("i == null || i > 6", ["false", "true", "true"]),
        ("i in [6]", ["true", "false", "false"]),
        ("i in l", ["true", "!no_such_overload", "false"].map(|x| if x == "true" { "false" } else { x })),
        ("s in ['']", ["false", "false", "true"]),
        ("s.contains('l')", ["true", null, "false"]),
        ("s.matches('l')", ["true", null, "false"]),
        ("size(s)", ["5", null, "0"]),
        ("s + 'x'", ["héllox", null, "x"]),
        ("s.upperAscii()", ["HéLLO", null, ""]),
        ("l.all(x, x > 1)", ["false", null, "true"]),
        ("l.map(x, 6 / (x - 2))", ["!division_by_zero", null, "[]"]),
        ("t.getFullYear()", ["2009", null, "1970"]),
        ("t - duration('1s') < t", ["true", null, "true"]),
        ("math.greatest(i, 7)", ["7", null, "9223372036854775807"]),
        (
            "doc",
            [
                "{\"a\": {\"b\": 1}, \"l\": [1, \"x\", null], \"n\": null, \"f\": 1.5, \"big\": 18446744073709551615}",
                "null",
                "\"text\"",
            ],
        ),
        ("[i, 1]", ["[6, 1]", "[null, 1]", "[9223372036854775807, 1]"]),
        ("{'a': i}['a']", ["6", "null", "9223372036854775807"]),
        ("dec + 1.0", ["13.5", null, "0.99"]),
        ("1", ["1", "1", "1"]),
        ("1 / 0", ["!division_by_zero"; 3]),
        ("ghost", ["!no_such_field"; 3]),
    ];
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(text, expected)| {
            let found = rows(text, &batch);
            (found != *expected).then(|| format!("{text}\n  expected {expected:?}\n  found    {found:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_empty_batch_has_no_values_and_no_errors() {
    let empty = batch().slice(0, 0);
    for text in
        ["i + 1", "1 / 0", "1", "ghost", "l.map(x, x + 1)", "doc.a.b", "b ? s : 'x'", "user.email != null"]
    {
        assert_eq!(rows(text, &empty), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn slices_of_batches_give_the_same_rows() {
    let batch = batch();
    for text in [
        "i + 1",
        "s.size()",
        "s.contains('l')",
        "user.email",
        "doc.a.b",
        "l.map(x, x + 1)",
        "m.k",
        "b ? s : 'x'",
        "t < timestamp(1)",
        "s == ''",
    ] {
        let all = rows(text, &batch);
        for row in 0..batch.num_rows() {
            assert_eq!(rows(text, &batch.slice(row, 1)), all[row..=row], "{text}");
        }
    }
}
