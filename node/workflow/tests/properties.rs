//! What holds for every input.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fakes;

use etl_workflow::load;
use proptest::prelude::*;

const VALID: &[&str] = &[
    include_str!("golden/graph.yaml"),
    include_str!("golden/linear.yaml"),
    include_str!("golden/aliases.yaml"),
    include_str!("golden/interpolation.yaml"),
    include_str!("golden/union.yaml"),
    include_str!("golden/error_several.yaml"),
    include_str!("golden/error_wrong_types.yaml"),
];

/// Loads and renders; messages must point into the file.
fn survives(bytes: &[u8]) {
    let messages = match load("x.yaml", bytes, &fakes::environment, &fakes::registry()) {
        Ok(workflow) => workflow.warnings,
        Err(errors) => {
            assert!(!errors.is_empty());
            errors
        }
    };
    let lines = String::from_utf8_lossy(bytes).split(['\n', '\r']).count();
    for message in messages.iter() {
        assert!((1..=lines + 1).contains(&message.line) && message.column >= 1, "{message}");
    }
    let _ = messages.to_string();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(1500), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        survives(&bytes);
    }

    #[test]
    fn arbitrary_text_never_panics(text in "[ \\-?:,\\[\\]{}#&*!|>'\"%@`a<~\n\r\t0$.é]{0,120}") {
        survives(text.as_bytes());
        survives(format!("workflow:\n  source: {text}").as_bytes());
    }

    #[test]
    fn mutated_files_never_panic(
        file in 0..VALID.len(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), "[ \\-?:,\\[\\]{}#&*!|>'\"\n\ta1$]{0,4}", 0..6usize), 1..5),
    ) {
        let mut text: Vec<char> = VALID[file].chars().collect();
        for (at, insert, remove) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + remove).min(text.len());
            text.splice(at..end, insert.chars());
        }
        survives(text.into_iter().collect::<String>().as_bytes());
    }

    #[test]
    fn cut_files_never_panic(file in 0..VALID.len(), at in any::<prop::sample::Index>()) {
        let bytes = VALID[file].as_bytes();
        survives(&bytes[..at.index(bytes.len() + 1)]);
    }

    #[test]
    fn escaped_text_is_itself(text in "[ -~é\\n]{0,60}") {
        let quoted = serde_json::to_string(&text.replace('$', "$$")).unwrap();
        let file = format!(
            "workflow:\n  name: a\n  source: {{type: file, config: {{path: p, extra: {quoted}}}}}\n  \
             destination: {{type: stdout}}\n"
        );
        let workflow = load("x.yaml", file.as_bytes(), &|_| None, &fakes::registry()).unwrap();
        prop_assert_eq!(&workflow.sources[0].config["extra"], &serde_json::Value::String(text));
        prop_assert!(workflow.warnings.is_empty());
    }

    #[test]
    fn variables_never_change_the_shape(value in "\\PC{0,40}|[\\n:{}\\[\\]\"'$]{0,20}") {
        let file = "workflow:\n  name: a\n  source: {type: file, config: {path: \"${V}\", extra: [\"x${V}\"]}}\n  \
                    destination: {type: stdout}\n";
        let environment = |_: &str| Some(value.clone());
        let expected = format!("x{value}");
        match load("x.yaml", file.as_bytes(), &environment, &fakes::registry()) {
            Ok(workflow) => {
                prop_assert_eq!(workflow.sources[0].config["path"].as_str(), Some(value.as_str()));
                prop_assert_eq!(workflow.sources[0].config["extra"][0].as_str(), Some(expected.as_str()));
                prop_assert_eq!(workflow.sources[0].config.secret_names().count(), 0);
            }
            Err(errors) => prop_assert!(value.starts_with('/'), "{}", errors),
        }
    }

    #[test]
    fn the_order_of_keys_means_nothing(
        top in Just(vec!["name: a", "source:", "destination:", "sync: {mode: full}"]).prop_shuffle(),
        config in Just(vec!["path: p", "header: true", "skip: 3", "extra: {b: 1, a: [x, y]}"]).prop_shuffle(),
        extra in Just(vec!["a: [x, y]", "b: 1"]).prop_shuffle(),
    ) {
        let config = config.join(", ").replace("{b: 1, a: [x, y]}", &format!("{{{}}}", extra.join(", ")));
        let mut file = "workflow:\n".to_owned();
        for key in top {
            let value = match key {
                "source:" => format!("source: {{config: {{{config}}}, type: file}}"),
                "destination:" => "destination: {type: stdout}".to_owned(),
                other => other.to_owned(),
            };
            file.push_str(&format!("  {value}\n"));
        }
        let workflow = load("x.yaml", file.as_bytes(), &|_| None, &fakes::registry()).unwrap();
        prop_assert_eq!(workflow.meaning, MEANING);
    }
}

/// Changing it would make every interrupted run look changed.
const MEANING: &str = "v1-a61e97e7fc716453fd15ab1f51a6c9b5";
