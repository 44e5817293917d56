use super::{Buckets, Group, Kind, Metric};

/// From a tenth of a millisecond to a minute.
const WORK: Buckets = Buckets(&[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    30.0, 60.0,
]);
/// From five milliseconds to a quarter of an hour.
const LATENCY: Buckets = Buckets(&[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0,
]);

/// Of a step of a workflow.
const STEP: &[&str] = &["workflow", "step", "connector"];
const WORKFLOW: &[&str] = &["workflow"];
const NONE: &[&str] = &[];

macro_rules! metrics {
    ($($id:ident = $name:literal, $kind:expr, $group:ident, $labels:expr, $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $id: Metric = Metric {
                name: $name,
                kind: $kind,
                labels: $labels,
                help: $help,
                group: Group::$group,
            };
        )*

        /// All metrics, by group and subject.
        pub const ALL: &[&Metric] = &[$(&$id),*];
    };
}

metrics! {
    RECORDS_READ = "actix_etl_records_read_total", Kind::Counter, Business, STEP,
        "Records that sources have yielded, those that are read again after a failure included";
    BYTES_READ = "actix_etl_bytes_read_total", Kind::Counter, Business, STEP,
        "Bytes that sources have read, as each of them counts";
    RECORDS_DELIVERED = "actix_etl_records_delivered_total", Kind::Counter, Business, STEP,
        "Records that are durable at destinations";
    BYTES_WRITTEN = "actix_etl_bytes_written_total", Kind::Counter, Business, STEP,
        "Bytes of the records that are durable at destinations, as they are encoded for them";
    RECORDS_FILTERED = "actix_etl_records_filtered_total", Kind::Counter, Business, STEP,
        "Records that conditions have removed on their way to a destination";
    RECORDS_CREATED = "actix_etl_records_created_total", Kind::Counter, Business, STEP,
        "Records that steps made in addition, beyond the first of each that they made several of, on their way to a destination";
    RECORDS_SET_ASIDE = "actix_etl_records_dead_lettered_total", Kind::Counter, Business, STEP,
        "Records that lie in the dead letters, by the step that could not process them";
    RECORDS_SKIPPED = "actix_etl_records_skipped_total", Kind::Counter, Business, STEP,
        "Records that failed and were left out on their way to a destination, because the workflow says so";

    STEP_RECORDS = "actix_etl_step_records_total", Kind::Counter, Performance,
        &["workflow", "step", "connector", "operation"],
        "Records that steps have worked on, by what they did: read, decode, transform, encode, write, commit";
    STEP_SECONDS = "actix_etl_step_seconds", Kind::Histogram(WORK), Performance,
        &["workflow", "step", "connector", "operation"],
        "How long steps take for one chunk, batch or unit, by what they do";
    BATCH_LATENCY = "actix_etl_batch_latency_seconds", Kind::Histogram(LATENCY), Performance, STEP,
        "From the moment at which the first batch of a unit was read to its commit at the destination";
    WAIT_SECONDS = "actix_etl_wait_seconds_total", Kind::SecondsCounter, Performance,
        &["workflow", "step", "connector", "reason"],
        "How long chains have waited: for room in memory, a limit or breaker, a thread, or their turn at a destination";
    LAG = "actix_etl_lag_seconds", Kind::Gauge, Performance, WORKFLOW,
        "Since the oldest batch was read that is not committed at all destinations; 0 when there is none";
    PERMITS_TAKEN = "actix_etl_permits_taken_bytes", Kind::Gauge, Performance, WORKFLOW,
        "Memory that batches under way have taken of their chains' budgets";
    PERMITS = "actix_etl_permits_capacity_bytes", Kind::Gauge, Performance, WORKFLOW,
        "Memory that the budgets of open chains have in all";
    COMPUTE_SECONDS = "actix_etl_compute_seconds_total", Kind::SecondsCounter, Performance, WORKFLOW,
        "Time that threads have spent on decoding, transforming and encoding";

    UNITS_COMMITTED = "actix_etl_units_committed_total", Kind::Counter, Operational, STEP,
        "Units that are durable at destinations";
    CHECKPOINTS = "actix_etl_checkpoints_total", Kind::Counter, Operational, WORKFLOW,
        "Checkpoints of routes that are durable";
    CHECKPOINT_AGE = "actix_etl_checkpoint_age_seconds", Kind::Gauge, Operational, WORKFLOW,
        "Since the last checkpoint of a run that is worked on here; since it has begun where there is none";
    PARTITIONS_OPEN = "actix_etl_partitions_open", Kind::Gauge, Operational, STEP,
        "Partitions of a source that are worked on here";
    RETRIES = "actix_etl_retries_total", Kind::Counter, Operational,
        &["workflow", "step", "connector", "fault"],
        "Partitions that were begun again after an error that may go away, by the step that failed and whose fault it was";
    FAILURES = "actix_etl_failures_total", Kind::Counter, Operational,
        &["workflow", "step", "connector", "fault"],
        "Partitions that could not go on, by the step that failed and whose fault it was";
    BREAKER_OPEN = "actix_etl_breaker_open", Kind::Gauge, Operational, &["breaker"],
        "Whether a circuit breaker is open as this process knows: 1 or 0";
    BREAKER_WAITING = "actix_etl_breaker_waiting_partitions", Kind::Gauge, Operational, &["breaker"],
        "Partitions that wait here for a circuit breaker";
    RUNS = "actix_etl_runs", Kind::Gauge, Operational, &["phase"],
        "Runs that the cluster knows, by phase";
    NODES = "actix_etl_nodes", Kind::Gauge, Operational, &["state"],
        "Nodes of the cluster, by state";
    PROBLEMS = "actix_etl_problems", Kind::Gauge, Operational, NONE,
        "Problems that `cluster status` shows, as far as this node knows";
    READY = "actix_etl_ready", Kind::Gauge, Operational, NONE,
        "Whether this node takes part, as `/readyz` tells: 1 or 0";

    RAFT_LEADS = "actix_etl_raft_leads", Kind::Gauge, Operational, NONE,
        "Whether this node leads the cluster: 1 or 0";
    RAFT_HAS_LEADER = "actix_etl_raft_has_leader", Kind::Gauge, Operational, NONE,
        "Whether this node hears a leader: 1 or 0";
    RAFT_TERM = "actix_etl_raft_term", Kind::Gauge, Operational, NONE,
        "The term of the last election that this node knows of";
    RAFT_LAST = "actix_etl_raft_last_index", Kind::Gauge, Operational, NONE,
        "The last entry of this node's log";
    RAFT_COMMITTED = "actix_etl_raft_committed_index", Kind::Gauge, Operational, NONE,
        "The last entry that this node knows to be committed";
    RAFT_APPLIED = "actix_etl_raft_applied_index", Kind::Gauge, Operational, NONE,
        "The last entry whose effect this node knows";
    RAFT_SNAPSHOT = "actix_etl_raft_snapshot_index", Kind::Gauge, Operational, NONE,
        "The last entry that this node's newest snapshot covers";
    RAFT_VOTERS = "actix_etl_raft_voters", Kind::Gauge, Operational, NONE,
        "Nodes that vote";
    RAFT_LAG = "actix_etl_raft_replication_lag_entries", Kind::Gauge, Operational, &["peer"],
        "On the leader: entries that a member has not";
    RAFT_QUORUM_SILENT = "actix_etl_raft_quorum_silent_seconds", Kind::Gauge, Operational, NONE,
        "On the leader: since a quorum has answered";
    RAFT_LOG_BYTES = "actix_etl_raft_log_bytes", Kind::Gauge, Operational, NONE,
        "Size of the log on the disk";
    RAFT_STATE_BYTES = "actix_etl_raft_state_bytes", Kind::Gauge, Operational, NONE,
        "Size of the applied state on the disk";
    RAFT_PROPOSALS = "actix_etl_raft_proposals_total", Kind::SampledCounter, Operational, &["outcome"],
        "Commands that this node has brought before the cluster, by outcome: done, refused, not_done, unknown";
    RAFT_PROPOSAL_SECONDS = "actix_etl_raft_proposal_seconds_total", Kind::SampledCounter, Performance, NONE,
        "How long these commands have taken together until their effect was known here";

    RELAY_CHANNELS = "actix_etl_relay_channels", Kind::Gauge, Operational, &["role"],
        "Relay channels that are open: those to other nodes (sender) and those that are carried out here (host)";
    RELAY_FRAMES = "actix_etl_relay_frames_total", Kind::SampledCounter, Performance, &["direction"],
        "Counted frames that went over relay channels";
    RELAY_BYTES = "actix_etl_relay_bytes_total", Kind::SampledCounter, Performance, &["direction"],
        "Bytes in these frames";
    RELAY_KEPT = "actix_etl_relay_unacknowledged_bytes", Kind::Gauge, Performance, NONE,
        "Bytes of frames that the other sides of relay channels have not acknowledged";
    RELAY_CREDIT = "actix_etl_relay_credit_bytes", Kind::Gauge, Performance, NONE,
        "Bytes that may still be sent over relay channels before the other sides grant more";
    RELAY_RESENT = "actix_etl_relay_resent_frames_total", Kind::SampledCounter, Operational, NONE,
        "Frames that were sent once more on a new stream";
    RELAY_STREAMS_LOST = "actix_etl_relay_streams_lost_total", Kind::SampledCounter, Operational, NONE,
        "Streams of relay channels that broke";

    LOG_EVENTS = "actix_etl_log_events_total", Kind::SampledCounter, Operational, &["level"],
        "Events that were logged, those that were held back included";
    LOG_HELD_BACK = "actix_etl_log_held_back_total", Kind::SampledCounter, Operational, NONE,
        "Events that were not written because the same had been written many times";
    SPANS_SENT = "actix_etl_spans_sent_total", Kind::SampledCounter, Operational, NONE,
        "Spans that the collector has taken";
    SPANS_DROPPED = "actix_etl_spans_dropped_total", Kind::SampledCounter, Operational, &["reason"],
        "Spans that were not sent: the queue was full (queue), or the collector did not take them (collector)";

    DISK_FREE = "actix_etl_disk_free_bytes", Kind::Gauge, Performance, NONE,
        "Free space of the file system with the data";
    DISK_TOTAL = "actix_etl_disk_total_bytes", Kind::Gauge, Performance, NONE,
        "Size of the file system with the data";
    BUILD = "actix_etl_build_info", Kind::Gauge, Operational, &["version", "node"],
        "Always 1: the version of the software and the node's number, which is empty for a run without a cluster";
    CPU = "process_cpu_seconds_total", Kind::SampledCounter, Performance, NONE,
        "Processor time that this process has used";
    MEMORY = "process_resident_memory_bytes", Kind::Gauge, Performance, NONE,
        "Memory that this process has";
    VIRTUAL_MEMORY = "process_virtual_memory_bytes", Kind::Gauge, Performance, NONE,
        "Addresses that this process has asked for";
    FILES = "process_open_fds", Kind::Gauge, Performance, NONE,
        "File descriptors that this process has open";
    STARTED = "process_start_time_seconds", Kind::Gauge, Performance, NONE,
        "When this process has begun, in seconds since 1970";
}
