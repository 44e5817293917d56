use std::sync::Arc;

use etl_model::{Retry, StepName};
use etl_relay::{HostedStep, RelayedDestination};
use etl_sdk::{ConnectorError, Destination};

use crate::fakes::{Fault, HOST, Host, HostSetup, Memory, Steps, eventually, numbers};

/// The same error as it is told on the sender.
fn on_host(error: &ConnectorError) -> ConnectorError {
    let on = |text: &str| format!("node {HOST}: {text}");
    match error.clone() {
        ConnectorError::User { code, message, help } => {
            ConnectorError::User { code, message: on(&message), help }
        }
        ConnectorError::External { code, message, retry } => {
            ConnectorError::External { code, message: on(&message), retry }
        }
        ConnectorError::Fenced { place, found, held, run } => {
            ConnectorError::Fenced { place: on(&place), found, held, run }
        }
        ConnectorError::Internal { message } => ConnectorError::Internal { message: on(&message) },
    }
}

/// What becomes of one unit.
async fn deliver(host: &Host, sink: &RelayedDestination) -> Result<(), ConnectorError> {
    sink.check(&host.steps.context).await?;
    host.open(sink, 0).await.marker().await?;
    let (mut writer, marker) = host.fenced(sink, 0, 1).await?;
    writer.write(sink.encoder().encode(numbers(0..10, 5))?).await?;
    let unit = Host::unit(&marker, 10);
    writer.stage(&unit).await?;
    writer.commit(&unit).await?;
    sink.complete(&host.steps.context, &[host.route(0)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_every_call_survive_and_name_the_host() {
    let errors = [
        ConnectorError::user("no_table", "table `a` is missing", "create it"),
        ConnectorError::external("full", "disk full"),
        ConnectorError::transient("reset", "connection reset"),
        ConnectorError::Fenced { place: "a".to_owned(), found: 9, held: 3, run: "r".to_owned() },
        ConnectorError::internal("impossible"),
    ];
    for error in errors {
        let faults = [
            Fault::Open(error.clone()),
            Fault::Marker(error.clone()),
            Fault::Fence(error.clone()),
            Fault::Encode(error.clone()),
            Fault::Write(error.clone()),
            Fault::Stage(error.clone()),
            Fault::Commit(error.clone()),
            Fault::Check(error.clone()),
            Fault::Complete(error.clone()),
        ];
        for fault in faults {
            let memory = Memory::with_fault(fault.clone());
            let host = Host::of(&memory);
            let sink = host.destination(host.relay(), &memory);
            assert_eq!(deliver(&host, &sink).await, Err(on_host(&error)), "{fault:?}");
            eventually("the writer is gone", || memory.writers() == 0).await;
            let delivered = matches!(fault, Fault::Complete(_));
            assert_eq!(memory.numbers().is_empty(), !delivered, "{fault:?}");
            host.stop().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_on_the_host_is_an_error_and_the_host_lives_on() {
    let memory = Memory::with_fault(Fault::Panic);
    let host = Host::of(&memory);
    let sink = host.destination(host.relay(), &memory);
    let error = deliver(&host, &sink).await.unwrap_err();
    assert_eq!(error, ConnectorError::internal(format!("node {HOST}: panicked: boom")));
    eventually("the writer is gone", || memory.writers() == 0).await;
    let (mut writer, marker) = host.fenced(&sink, 0, 2).await.unwrap();
    writer.commit(&Host::unit(&marker, 0)).await.unwrap();
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_have_no_form_are_refused_when_staged() {
    let memory = Memory { cannot_encode: Some(4), rejects: Some(3), ..Memory::default() };
    let host = Host::of(&memory);
    let sink = host.destination(host.relay(), &memory);
    let (mut writer, mut marker) = host.fenced(&sink, 0, 1).await.unwrap();
    for from in [0, 12] {
        let encoded = sink.encoder().encode(numbers(from..from + 12, 5)).unwrap();
        assert_eq!((encoded.rows, encoded.errors.len()), (12, 0));
        writer.write(encoded).await.unwrap();
        let unit = Host::unit(&marker, from as u64 + 12);
        let refused = writer.stage(&unit).await.unwrap();
        let told: Vec<_> =
            refused.iter().map(|error| (error.ordinal as i64 - from, error.code.as_str())).collect();
        let expected =
            [(0, "no_form"), (4, "no_form"), (8, "no_form"), (3, "refused"), (6, "refused"), (9, "refused")];
        assert_eq!(told, expected);
        let first = &refused[0];
        assert_eq!(first.record, serde_json::json!({ "n": from, "float": 0.1 }));
        assert_eq!((first.field.as_deref(), first.help.as_deref()), (Some("n"), Some("use another")));
        writer.commit(&unit).await.unwrap();
        marker = unit.marker;
    }
    assert_eq!(memory.numbers(), [1, 2, 5, 7, 10, 11, 13, 14, 17, 19, 22, 23]);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_is_not_hosted_is_refused() {
    let memory = Memory::default();
    let steps = Steps::new().with("sink", HostedStep::Destination(Arc::new(memory.clone())));
    let host = Host::start(steps, HostSetup::default());
    let refusal = |version, step: &str| {
        let (relay, step) = (host.relay(), StepName::new(step).unwrap());
        let real = Arc::new(memory.clone());
        let sink = RelayedDestination::new(relay, HOST, host.run(), version, step, real);
        let context = host.steps.context.clone();
        async move { sink.check(&context).await.unwrap_err() }
    };
    let error = refusal(1, "other").await;
    assert!(error.to_string().starts_with("node 7: ") && error.to_string().contains("`other` is not placed"));
    assert_eq!(error.retry(), Retry::Never);
    let error = refusal(2, "sink").await;
    assert_eq!((error.code(), error.retry()), ("relay_refused", Retry::Backoff));

    // Another run, and a step of another kind.
    let step = StepName::new("sink").unwrap();
    let stranger = RelayedDestination::new(
        host.relay(),
        HOST,
        uuid::Uuid::new_v4(),
        1,
        step.clone(),
        Arc::new(memory.clone()),
    );
    let error = stranger.check(&host.steps.context).await.unwrap_err();
    assert!(error.to_string().contains("here the run is"), "{error}");
    let processor = host.processor(host.relay(), "sink", Arc::new(crate::processing::Doubling));
    let error = tokio::task::spawn_blocking(move || {
        etl_sdk::Processor::process(&processor, numbers(0..1, 1)).unwrap_err()
    });
    assert!(error.await.unwrap().to_string().contains("the sender means a Processor"));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_not_there_is_an_error_after_the_grace_time() {
    let memory = Memory::default();
    let mut setup = HostSetup::default();
    setup.settings.grace = std::time::Duration::from_secs(1);
    let steps = Steps::new().with("sink", HostedStep::Destination(Arc::new(memory.clone())));
    let host = Host::start(steps, setup);
    let proxy = crate::fakes::Proxy::before(host.address, Vec::new()).await;
    proxy.close();
    let sink = host.destination(host.relay_through(&proxy), &memory);
    let error = sink.check(&host.steps.context).await.unwrap_err();
    assert_eq!((error.code(), error.retry()), ("relay_lost", Retry::Backoff));
    assert!(error.to_string().contains("node 7 cannot be reached"), "{error}");
    proxy.open();
    sink.check(&host.steps.context).await.unwrap();
    host.stop().await;
}
