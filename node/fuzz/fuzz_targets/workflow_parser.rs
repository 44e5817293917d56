#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let environment = |name: &str| (name.len() % 2 == 0).then(|| format!("value of {name}"));
    let registry = etl_connectors::registry();
    match etl_workflow::load("fuzz.yaml", data, &environment, &registry) {
        Ok(workflow) => {
            assert!(workflow.steps().count() >= 2, "a workflow has a source and a destination");
            // Whether the guarantee can be given may be refused, but is always decided.
            let _ = etl_workflow::enforce(&workflow, &registry);
        }
        Err(diagnostics) => {
            assert!(!diagnostics.is_empty(), "a refusal without a reason");
            assert!(diagnostics.to_string().contains("fuzz.yaml:"), "a reason without a place");
        }
    }
});
