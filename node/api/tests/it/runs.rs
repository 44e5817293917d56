use etl_api::model::{Consistency, RunOptions, RunPhase, RunTarget};
use etl_api::{Detail, Kind};
use etl_raft_state::State;
use etl_raft_state::command::HaltRun;
use etl_raft_state::parts::Halt;
use uuid::Uuid;

use crate::site::{Node, refused, stop_all, three, workflow};

const FRESH: Consistency = Consistency::Linearizable;

fn named(name: &str) -> RunTarget {
    RunTarget::Workflow(name.to_owned())
}

fn options() -> RunOptions {
    RunOptions::default()
}

fn restart() -> RunOptions {
    RunOptions { restart: true, ..options() }
}

fn accept() -> RunOptions {
    RunOptions { accept_changes: true, ..options() }
}

async fn phase(node: &Node, run: Uuid) -> RunPhase {
    node.client().run(&RunTarget::Run(run), FRESH).await.unwrap().summary.phase
}

/// A workflow that lies on one machine.
fn local(name: &str) -> String {
    workflow(name, 1).replace("  source:", "  description: local\n  source:")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workflow_is_run_paused_resumed_and_stopped() {
    let node = Node::found().await;
    let client = node.client();
    client.apply_workflow(&workflow("orders", 1), None).await.unwrap();
    assert_eq!(client.list_runs(None, None, FRESH).await.unwrap(), []);
    assert_eq!(client.list_runs(Some("orders"), None, FRESH).await.unwrap(), []);

    let started = client.run_workflow("orders", &options()).await.unwrap();
    assert_eq!((started.version, started.continued), (1, false));
    let run = started.run;
    let view = client.run(&named("orders"), FRESH).await.unwrap();
    assert_eq!((view.summary.run, view.summary.phase, view.summary.version), (run, RunPhase::Running, 1));
    assert_eq!((view.summary.pinned, view.summary.finished_at_ms, view.routes.len()), (None, None, 0));
    assert!(view.summary.created_at_ms > 0 && !view.summary.partitions.complete);

    assert_eq!(client.pause_run(&named("orders")).await.unwrap(), run);
    assert_eq!(phase(&node, run).await, RunPhase::Paused);
    assert_eq!(client.pause_run(&RunTarget::Run(run)).await.unwrap(), run, "it is paused already");
    let resumed = client.resume_run(&named("orders")).await.unwrap();
    assert_eq!((resumed.run, resumed.version, resumed.continued), (run, 1, true));
    assert_eq!(phase(&node, run).await, RunPhase::Running);
    assert_eq!(client.resume_run(&RunTarget::Run(run)).await.unwrap(), resumed, "it runs already");

    client.pause_run(&named("orders")).await.unwrap();
    let continued = client.run_workflow("orders", &options()).await.unwrap();
    assert_eq!((continued.run, continued.version, continued.continued), (run, 1, true));
    assert_eq!(phase(&node, run).await, RunPhase::Running);

    assert_eq!(client.stop_run(&named("orders")).await.unwrap(), run);
    let view = client.run(&named("orders"), FRESH).await.unwrap();
    assert_eq!((view.summary.run, view.summary.phase), (run, RunPhase::Cancelled), "the last one");
    assert!(view.summary.finished_at_ms.is_some());
    assert_eq!(client.stop_run(&RunTarget::Run(run)).await.unwrap(), run, "it is stopped already");

    let next = client.run_workflow("orders", &options()).await.unwrap();
    assert!(!next.continued && next.run > run, "ids sort by time");
    client.apply_workflow(&workflow("other", 1), None).await.unwrap();
    let other = client.run_workflow("other", &options()).await.unwrap();
    let listed = client.list_runs(None, None, FRESH).await.unwrap();
    assert_eq!(listed.iter().map(|run| run.run).collect::<Vec<_>>(), [other.run, next.run, run]);
    let listed = client.list_runs(Some("orders"), None, FRESH).await.unwrap();
    assert_eq!(
        listed.iter().map(|run| run.phase).collect::<Vec<_>>(),
        [RunPhase::Running, RunPhase::Cancelled]
    );
    let limited = client.list_runs(None, Some(2), FRESH).await.unwrap();
    assert_eq!(limited.iter().map(|run| run.run).collect::<Vec<_>>(), [other.run, next.run]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_done_is_refused_with_the_way_on() {
    let node = Node::found().await;
    let client = node.client();
    let code = |refusal: etl_api::Refusal, kind: Kind| {
        assert_eq!(refusal.kind, kind, "{refusal:?}");
        assert!(refusal.help.is_some(), "{refusal:?}");
        refusal.code
    };
    let missing = named("orders");
    assert_eq!(code(refused(client.run_workflow("orders", &options()).await), Kind::NotFound), "not_found");
    for result in [client.pause_run(&missing).await, client.stop_run(&missing).await] {
        assert_eq!(code(refused(result), Kind::NotFound), "not_found");
    }
    assert_eq!(code(refused(client.resume_run(&missing).await), Kind::NotFound), "not_found");
    assert_eq!(code(refused(client.run(&missing, FRESH).await), Kind::NotFound), "not_found");
    assert_eq!(code(refused(client.run_partitions(&missing, FRESH).await), Kind::NotFound), "not_found");
    assert_eq!(
        code(refused(client.list_runs(Some("orders"), None, FRESH).await), Kind::NotFound),
        "not_found"
    );
    let nobody = RunTarget::Run(Uuid::from_u128(7));
    assert_eq!(code(refused(client.pause_run(&nobody).await), Kind::NotFound), "not_found");
    assert_eq!(code(refused(client.run(&nobody, FRESH).await), Kind::NotFound), "not_found");

    client.apply_workflow(&workflow("orders", 1), None).await.unwrap();
    for result in [client.pause_run(&missing).await, client.stop_run(&missing).await] {
        assert_eq!(code(refused(result), Kind::Precondition), "not_running");
    }
    assert_eq!(code(refused(client.resume_run(&missing).await), Kind::Precondition), "not_running");
    let refusal = refused(client.run(&missing, FRESH).await);
    assert!(refusal.message.contains("has never run"), "{refusal}");
    let expecting = |version| RunOptions { expected_version: Some(version), ..options() };
    let refusal = refused(client.run_workflow("orders", &expecting(2)).await);
    let detail = Detail::VersionConflict { name: "orders".to_owned(), expected: 2, actual: 1 };
    assert_eq!((refusal.kind, refusal.detail), (Kind::Conflict, Some(detail)));
    let both = RunOptions { accept_changes: true, ..restart() };
    assert_eq!(refused(client.run_workflow("orders", &both).await).kind, Kind::Invalid);
    assert_eq!(client.list_runs(None, None, FRESH).await.unwrap(), [], "a refusal starts nothing");

    let run = client.run_workflow("orders", &expecting(1)).await.unwrap().run;
    let refusal = refused(client.run_workflow("orders", &options()).await);
    assert!(refusal.message.contains(&run.to_string()), "{refusal}");
    let help = refusal.help.clone().unwrap();
    for way in ["runs watch", "workflow pause", "workflow stop"] {
        assert!(help.contains(way), "{help}");
    }
    assert_eq!(code(refusal, Kind::Precondition), "run_active");
    assert_eq!(
        code(refused(client.delete_workflow("orders", None).await), Kind::Precondition),
        "run_not_finished"
    );

    let message = "the disk is full".to_owned();
    let failed = HaltRun { run, halt: Halt::Failed { message: message.clone() }, by: None };
    assert_eq!(node.consensus.write(failed).await.unwrap().rejection(), None);
    let view = client.run(&missing, FRESH).await.unwrap();
    assert_eq!((view.summary.phase, view.summary.message), (RunPhase::Failed, Some(message)));
    assert_eq!(view.summary.finished_at_ms, None);
    assert_eq!(code(refused(client.pause_run(&missing).await), Kind::Precondition), "run_halted");
    assert!(client.resume_run(&missing).await.unwrap().continued, "a failed run can be resumed");

    client.stop_run(&missing).await.unwrap();
    let ended = RunTarget::Run(run);
    assert_eq!(code(refused(client.pause_run(&ended).await), Kind::Precondition), "run_finished");
    assert_eq!(code(refused(client.resume_run(&ended).await), Kind::Precondition), "run_finished");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_takes_the_place_of_what_runs_or_is_halted() {
    let node = Node::found().await;
    let client = node.client();
    client.apply_workflow(&workflow("orders", 1), None).await.unwrap();
    let first = client.run_workflow("orders", &restart()).await.unwrap();
    let second = client.run_workflow("orders", &restart()).await.unwrap();
    client.pause_run(&named("orders")).await.unwrap();
    client.apply_workflow(&workflow("orders", 2), None).await.unwrap();
    let third = client.run_workflow("orders", &restart()).await.unwrap();
    assert_eq!((first.continued, second.continued, third.continued), (false, false, false));
    assert_eq!((first.version, second.version, third.version), (1, 1, 2));
    let listed = client.list_runs(Some("orders"), None, FRESH).await.unwrap();
    let told: Vec<_> = listed.iter().map(|run| (run.run, run.phase, run.replaced_by)).collect();
    let replaced = RunPhase::Replaced;
    assert_eq!(
        told,
        [
            (third.run, RunPhase::Running, None),
            (second.run, replaced, Some(third.run)),
            (first.run, replaced, Some(second.run))
        ]
    );
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_workflow_continues_only_when_it_means_the_same_or_is_accepted() {
    let node = Node::found().await;
    let client = node.client();
    let one = workflow("orders", 1);
    client.apply_workflow(&one, None).await.unwrap();
    let run = client.run_workflow("orders", &options()).await.unwrap().run;
    client.apply_workflow(&workflow("orders", 2), None).await.unwrap();
    let refusal = refused(client.run_workflow("orders", &options()).await);
    assert_eq!(refusal.code, "run_active", "a run is not changed unasked while it runs");
    client.pause_run(&named("orders")).await.unwrap();
    let refusal = refused(client.run_workflow("orders", &options()).await);
    assert_eq!((refusal.kind, refusal.code.as_str()), (Kind::Precondition, "workflow_changed"));
    let help = refusal.help.unwrap();
    for way in ["--accept-changes", "--restart", "workflow resume orders"] {
        assert!(help.contains(way), "{help}");
    }
    let resumed = client.resume_run(&named("orders")).await.unwrap();
    assert_eq!((resumed.run, resumed.version), (run, 1), "with the version that it has");
    client.pause_run(&named("orders")).await.unwrap();
    let continued = client.run_workflow("orders", &accept()).await.unwrap();
    assert_eq!((continued.run, continued.version, continued.continued), (run, 2, true));

    client.pause_run(&named("orders")).await.unwrap();
    let same = format!("# It only looks different.\n{}", workflow("orders", 2));
    client.apply_workflow(&same, None).await.unwrap();
    let continued = client.run_workflow("orders", &options()).await.unwrap();
    assert_eq!((continued.run, continued.version, continued.continued), (run, 3, true));

    client.apply_workflow(&workflow("orders", 1), None).await.unwrap();
    let gone_over = client.run_workflow("orders", &accept()).await.unwrap();
    assert_eq!((gone_over.run, gone_over.version, gone_over.continued), (run, 4, true), "while it runs");
    let refusal = refused(client.run_workflow("orders", &accept()).await);
    assert_eq!(refusal.code, "run_active", "it has that version");

    client.pause_run(&named("orders")).await.unwrap();
    client.apply_workflow(&local("orders"), None).await.unwrap();
    let refusal = refused(client.run_workflow("orders", &accept()).await);
    assert_eq!(refusal.code, "workflow_changed", "what is on all nodes cannot be tied to one");
    let restarted = client.run_workflow("orders", &restart()).await.unwrap();
    assert_eq!((restarted.version, restarted.continued), (5, false));
    assert_eq!(client.run(&named("orders"), FRESH).await.unwrap().summary.pinned, Some(1));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_local_workflow_is_tied_to_the_node_that_was_asked() {
    let nodes = three().await;
    let (asked, other) = (&nodes[2], &nodes[0]);
    for name in ["here", "there"] {
        other.client().apply_workflow(&local(name), None).await.unwrap();
    }
    other.client().apply_workflow(&workflow("shared", 1), None).await.unwrap();
    for (name, pinned) in [("here", Some(asked.id)), ("shared", None)] {
        let run = asked.client().run_workflow(name, &options()).await.unwrap().run;
        for node in &nodes {
            let view = node.client().run(&RunTarget::Run(run), FRESH).await.unwrap();
            assert_eq!(view.summary.pinned, pinned);
        }
    }
    let run = other.client().run_workflow("there", &options()).await.unwrap().run;
    other.client().pause_run(&named("there")).await.unwrap();
    let continued = asked.client().run_workflow("there", &options()).await.unwrap();
    assert_eq!(continued.run, run);
    let view = asked.client().run(&named("there"), FRESH).await.unwrap();
    assert_eq!(view.summary.pinned, Some(other.id), "a run that goes on stays where it is");
    stop_all(nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_of_one_machine_is_carried_out_there_and_the_partitions_anywhere() {
    let nodes = three().await;
    let (asked, other) = (&nodes[2], &nodes[0]);
    let described = |name: &str, words: &str| {
        workflow(name, 1).replace("  source:", &format!("  description: {words}\n  source:"))
    };
    let client = asked.client();
    for (name, words) in [("here", "local sink"), ("placed", "sink on 1"), ("nowhere", "sink on 99")] {
        other.client().apply_workflow(&described(name, words), None).await.unwrap();
    }
    for (name, host) in [("here", asked.id), ("placed", other.id)] {
        let run = client.run_workflow(name, &options()).await.unwrap().run;
        let view = other.client().run(&RunTarget::Run(run), FRESH).await.unwrap();
        assert_eq!((view.summary.pinned, view.summary.hosts), (None, [("sink".to_owned(), host)].into()));
    }
    let refusal = refused(client.run_workflow("nowhere", &options()).await);
    assert!(refusal.message.contains("99"), "{refusal:?}");
    client.pause_run(&named("placed")).await.unwrap();
    client.apply_workflow(&described("placed", "sink on 99"), None).await.unwrap();
    let refusal = refused(client.run_workflow("placed", &accept()).await);
    assert_eq!(refusal.code, "workflow_changed", "what it has written is on another node");
    stop_all(nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_ask_at_once_start_one_run() {
    let nodes = three().await;
    nodes[0].client().apply_workflow(&workflow("orders", 1), None).await.unwrap();
    let asked = nodes.iter().cycle().take(12).map(|node| {
        let client = node.client();
        tokio::spawn(async move { client.run_workflow("orders", &options()).await })
    });
    let mut started = Vec::new();
    for answer in asked.collect::<Vec<_>>() {
        match answer.await.unwrap() {
            Ok(run) => started.push(run.run),
            Err(error) => assert_eq!(refused::<()>(Err(error)).code, "run_active"),
        }
    }
    let [only] = started.as_slice() else { panic!("{started:?}") };
    let runs = nodes[1].consensus.read(|state: &State| state.runs().iter().count()).await.unwrap();
    assert_eq!((runs, phase(&nodes[2], *only).await), (1, RunPhase::Running));
    stop_all(nodes).await;
}
