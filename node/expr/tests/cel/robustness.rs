use arrow::datatypes::Schema;
use etl_expr::Expression;
use proptest::prelude::*;

use crate::batches::batch;

const PIECES: &[&str] = &[
    "i",
    "u",
    "d",
    "s",
    "b",
    "y",
    "t",
    "day",
    "dec",
    "user",
    "l",
    "m",
    "doc",
    "nothing",
    "ghost",
    "1",
    "-1",
    "0",
    "2.5",
    "1u",
    "'x'",
    "'é'",
    "\"",
    "'",
    "b'\\xff'",
    "null",
    "true",
    "false",
    " + ",
    " - ",
    " * ",
    " / ",
    " % ",
    " == ",
    " != ",
    " < ",
    " >= ",
    " && ",
    " || ",
    "!",
    "-",
    " ? ",
    " : ",
    " in ",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ", ",
    ".",
    ".email",
    "['k']",
    ".size()",
    "size(",
    "has(",
    ".map(x, ",
    ".all(x, ",
    ".exists(x, ",
    ".filter(x, ",
    "x",
    "int(",
    "string(",
    "double(",
    "timestamp(",
    "duration(",
    ".split('')",
    ".substring(",
    ".replace(",
    ".matches(",
    "math.greatest(",
    "dyn(",
    "`",
    "\\",
    "9223372036854775807",
    "-9223372036854775808",
    "\n",
    "//",
    "r'",
    "'''",
    ".?",
    "[?",
    "\u{1F600}",
    ".orValue(",
    ".value()",
    ".optMap(x, ",
    "optional.of(",
    "optional.none()",
    "cel.bind(x, ",
    ".sortBy(x, ",
    ".format([",
    ".format('%Y')",
    "'%s %d %x'",
    "regex.extract(",
    "regex.replace(",
    "json.parse(",
    "json.encode(",
    "url.parse(",
    "base64.decode(",
    "hex.decode(",
    "hash.sha256(",
    "uuid()",
    "now()",
    "timestamp.parse(",
    ".truncate('day')",
    "math.bitShiftLeft(",
    "math.pow(",
    ".flatten()",
    ".distinct()",
    ".sort()",
    ".first()",
    "lists.range(",
    "sets.contains(",
];

fn run(text: &str) {
    let batch = batch();
    let Ok(expression) = Expression::parse(text) else { return };
    let _ = expression.compile(&Schema::empty());
    if let Ok(compiled) = expression.compile(&batch.schema()) {
        let evaluated = compiled.evaluate(&batch);
        assert_eq!(evaluated.values.len(), batch.num_rows());
        assert_eq!(*evaluated.values.data_type(), compiled.data_type());
        let (mask, _) = compiled.evaluate_condition(&batch);
        assert_eq!(mask.len(), batch.num_rows());
        compiled.evaluate(&batch.slice(1, 0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn no_text_of_tokens_panics(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..24)) {
        run(&pieces.concat());
    }

    #[test]
    fn no_text_at_all_panics(text in "\\PC{0,60}") {
        run(&text);
    }
}

#[test]
fn deep_and_long_texts_are_refused_or_run() {
    let opened = "(".repeat(90) + "i" + &")".repeat(90);
    run(&opened);
    assert!(Expression::parse(&opened).is_ok());
    for deep in
        ["(".repeat(50_000), "[".repeat(50_000), "!".repeat(50_000), "-".repeat(50_000), "a.".repeat(30_000)]
    {
        assert_eq!(Expression::parse(&deep).unwrap_err()[0].code, "too_deep");
    }
    assert_eq!(Expression::parse(&"1".repeat(70_000)).unwrap_err()[0].code, "too_long");
    run(&vec!["i == 1"; 1000].join(" || "));
    run(&format!("i in [{}]", (0..5000).map(|i| i.to_string()).collect::<Vec<_>>().join(",")));
    run(&("user".to_owned() + &"['email']".repeat(40)));
}

#[test]
fn values_that_double_are_bounded() {
    let batch = batch();
    for (start, step) in
        [("[i]", "x + x"), ("[i]", "[x, x]"), ("{'a': dyn(i)}", "{'a': dyn(x), 'b': dyn(x)}")]
    {
        let mut text = format!("optional.of({start})");
        for _ in 0..22 {
            text.push_str(&format!(".optMap(x, {step})"));
        }
        match Expression::parse(&text) {
            Ok(parsed) => {
                let evaluated = parsed.compile(&batch.schema()).unwrap().evaluate(&batch);
                assert_eq!(evaluated.errors[0].code, "too_long", "{step}");
            }
            Err(errors) => assert_eq!(errors[0].code, "too_deep", "{step}"),
        }
    }
}
