use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use etl_model::{ByteSize, Span};
use etl_raft::consensus;
use etl_security::{ClientAuth, TlsSettings, host_of};
use tracing_subscriber::EnvFilter;

use super::address::{Advertised, is_local, listen};
use super::node_settings::{Endpoint, Entry, HttpEndpoint, NodeSettings, WorkSettings};
use crate::arguments::{
    ClientCertificates, ClusterOptions, NodeOptions, RaftOptions, TlsOptions, TracingOptions, WorkOptions,
};
use crate::tracing_settings::{self, TracingSettings, WrongTracing};

const DATA_DIR: &str = "/var/lib/actix-etl";
const RAFT_LISTEN: &str = "127.0.0.1:7001";
const ADMIN_LISTEN: &str = "127.0.0.1:7002";
const HTTP_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7003);
const JOIN_TIMEOUT: Duration = Duration::from_secs(120);
const LOG: &str = "info";
const MEMORY: ByteSize = ByteSize(256 << 20);
/// Less does not hold one chunk at each stage.
const LEAST_MEMORY: ByteSize = ByteSize(16 << 20);
const STALL_TIMEOUT: Duration = Duration::from_secs(600);
/// Longest name of a zone, in bytes.
const MAX_ZONE: usize = 64;

/// What is wrong with one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    /// As in the file: `raft.listen`.
    pub field: &'static str,
    pub message: String,
}

/// Puts in what was not given and checks that it holds together. Does no IO.
///
/// # Errors
/// Everything that is wrong.
pub(super) fn validate(options: &NodeOptions) -> Result<NodeSettings, Vec<Wrong>> {
    let mut wrong = Vec::new();
    let raft = endpoint("raft", &options.raft.listen, RAFT_LISTEN, &options.raft.advertise, &mut wrong);
    let admin = endpoint("admin", &options.admin.listen, ADMIN_LISTEN, &options.admin.advertise, &mut wrong);
    if raft.listen == admin.listen && raft.listen.port() != 0 {
        refuse(
            &mut wrong,
            "admin.listen",
            "is the same as `raft.listen`; give each listener a port of its own",
        );
    }
    let tls = tls(&options.tls, &mut wrong);
    if tls.is_none() && options.insecure_plain_listener != Some(true) {
        for (field, endpoint) in [("raft.listen", &raft), ("admin.listen", &admin)] {
            if !is_local(&endpoint.listen) {
                let message = format!(
                    "{} can be reached from other machines and would speak without TLS; give `tls.ca`, `tls.cert` and \
                     `tls.key` (`actix-etl tls init` makes them), or allow it with --insecure-plain-listener",
                    endpoint.listen
                );
                wrong.push(Wrong { field, message });
            }
        }
    }
    let http = http(options, tls.is_some(), [&raft, &admin], &mut wrong);
    let tracing = tracing(&options.tracing, tls.as_ref(), &mut wrong);
    let settings = NodeSettings {
        data_dir: data_dir(options.data_dir.clone(), &mut wrong),
        entry: entry(options, &mut wrong),
        join_timeout: options.join_timeout.map_or(JOIN_TIMEOUT, |span| span.0),
        zone: zone(options.zone.as_deref(), &mut wrong),
        raft,
        admin,
        http,
        tls,
        consensus: consensus(&options.raft, &mut wrong),
        cluster: cluster(&options.cluster, &mut wrong),
        work: work(&options.work, &mut wrong),
        tracing,
        log: log(options.log.as_deref(), &mut wrong),
        log_format: options.log_format.unwrap_or_default(),
    };
    if wrong.is_empty() { Ok(settings) } else { Err(wrong) }
}

fn refuse(wrong: &mut Vec<Wrong>, field: &'static str, message: impl Into<String>) {
    wrong.push(Wrong { field, message: message.into() });
}

fn work(options: &WorkOptions, wrong: &mut Vec<Wrong>) -> WorkSettings {
    let memory = options.memory.unwrap_or(MEMORY);
    if memory < LEAST_MEMORY {
        refuse(wrong, "work.memory", format!("must be at least {LEAST_MEMORY}"));
    }
    let stall_timeout = options.stall_timeout.map_or(STALL_TIMEOUT, |span| span.0);
    if stall_timeout < Duration::from_secs(1) {
        refuse(wrong, "work.stall_timeout", "must be at least 1s");
    }
    let threads = options.threads.or(available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    WorkSettings { memory, threads, stall_timeout, secrets_dir: options.secrets_dir.clone() }
}

fn data_dir(given: Option<PathBuf>, wrong: &mut Vec<Wrong>) -> PathBuf {
    let data_dir = given.unwrap_or_else(|| DATA_DIR.into());
    if data_dir.as_os_str().is_empty() {
        refuse(wrong, "data_dir", "is empty");
    }
    data_dir
}

/// `name` is `raft` or `admin`.
fn endpoint(
    name: &'static str,
    given: &Option<String>,
    default: &str,
    advertised: &Option<String>,
    wrong: &mut Vec<Wrong>,
) -> Endpoint {
    let [listen_field, advertise_field] = match name {
        "raft" => ["raft.listen", "raft.advertise"],
        _ => ["admin.listen", "admin.advertise"],
    };
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let listen = listen(given.as_deref().unwrap_or(default)).unwrap_or_else(|message| {
        refuse(wrong, listen_field, message);
        nowhere
    });
    let advertised = match advertised.as_deref() {
        Some(text) => Advertised::parse(text).unwrap_or_else(|message| {
            refuse(wrong, advertise_field, message);
            Advertised::AsListening
        }),
        None => {
            if listen.ip().is_unspecified() {
                let message = format!(
                    "must be given, because others cannot dial {}; it is the host of this machine",
                    listen.ip()
                );
                refuse(wrong, advertise_field, message);
            }
            Advertised::AsListening
        }
    };
    Endpoint { listen, advertised }
}

fn http(
    options: &NodeOptions,
    has_tls: bool,
    others: [&Endpoint; 2],
    wrong: &mut Vec<Wrong>,
) -> HttpEndpoint {
    let text = match options.http_listen.as_deref() {
        Some("off") => return HttpEndpoint::Off,
        Some(text) => text,
        None => return HttpEndpoint::IfFree(HTTP_LISTEN),
    };
    let address = match listen(text) {
        Ok(address) => address,
        Err(message) => {
            refuse(wrong, "http_listen", format!("{message}, or `off`"));
            return HttpEndpoint::Off;
        }
    };
    if address.port() != 0 && others.iter().any(|other| other.listen == address) {
        refuse(wrong, "http_listen", "is that of another listener; give each a port of its own");
    }
    if !has_tls && options.insecure_plain_listener != Some(true) && !is_local(&address) {
        let message = format!(
            "{address} can be reached from other machines and would speak without TLS; give `tls.ca`, `tls.cert` and \
             `tls.key`, or allow it with --insecure-plain-listener"
        );
        refuse(wrong, "http_listen", message);
    }
    HttpEndpoint::At(address)
}

fn tracing(options: &TracingOptions, tls: Option<&TlsSettings>, wrong: &mut Vec<Wrong>) -> TracingSettings {
    let mut found = Vec::new();
    let environment = |name: &str| std::env::var(name).ok();
    let settings = tracing_settings::validate(options, tls.map(|tls| &tls.ca), &environment, &mut found);
    wrong.extend(found.into_iter().map(|WrongTracing { field, message }| Wrong { field, message }));
    settings
}

fn entry(options: &NodeOptions, wrong: &mut Vec<Wrong>) -> Entry {
    let join: Vec<String> = options.join.clone().unwrap_or_default();
    for address in &join {
        if host_of(address).is_none() {
            refuse(wrong, "join", format!("`{address}` is not HOST:PORT, the admin address of a member"));
        }
    }
    if join.iter().collect::<BTreeSet<_>>().len() < join.len() {
        refuse(wrong, "join", "names an address twice");
    }
    match (options.bootstrap == Some(true), join.is_empty()) {
        (true, true) => Entry::Bootstrap,
        (true, false) => {
            refuse(wrong, "bootstrap", "cannot go with `join`: a node founds a cluster or joins one");
            Entry::None
        }
        (false, true) => Entry::None,
        (false, false) => Entry::Join(join),
    }
}

fn zone(given: Option<&str>, wrong: &mut Vec<Wrong>) -> String {
    let zone = given.unwrap_or_default();
    if zone.len() > MAX_ZONE || zone.chars().any(|c| c.is_control() || c.is_whitespace()) {
        refuse(wrong, "zone", format!("must be one word of at most {MAX_ZONE} bytes"));
    }
    zone.to_owned()
}

fn tls(options: &TlsOptions, wrong: &mut Vec<Wrong>) -> Option<TlsSettings> {
    let TlsOptions { ca, cert, key, client_auth } = options;
    if ca.is_none() && cert.is_none() && key.is_none() {
        if client_auth.is_some_and(|client_auth| client_auth != ClientCertificates::default()) {
            refuse(wrong, "tls.client_auth", "means nothing without `tls.ca`, `tls.cert` and `tls.key`");
        }
        return None;
    }
    for (field, given) in [("tls.ca", ca), ("tls.cert", cert), ("tls.key", key)] {
        if given.is_none() {
            refuse(wrong, field, "is missing; with TLS a node needs `tls.ca`, `tls.cert` and `tls.key`");
        }
    }
    let client_auth = match client_auth.unwrap_or_default() {
        ClientCertificates::Required => ClientAuth::Required,
        ClientCertificates::None => ClientAuth::None,
    };
    Some(TlsSettings {
        ca: ca.clone().unwrap_or_default(),
        certificate: cert.clone(),
        key: key.clone(),
        client_auth,
    })
}

fn consensus(options: &RaftOptions, wrong: &mut Vec<Wrong>) -> consensus::Settings {
    let time = |given: Option<Span>, default: Duration| given.map_or(default, |span| span.0);
    let default = consensus::Settings::default();
    let settings = consensus::Settings {
        heartbeat: time(options.heartbeat, default.heartbeat),
        vote_lease: time(options.vote_lease, default.vote_lease),
        election_min: time(options.election_min, default.election_min),
        election_max: time(options.election_max, default.election_max),
        snapshot_after_entries: options.snapshot_after.unwrap_or(default.snapshot_after_entries),
        keep_entries: options.keep_entries.unwrap_or(default.keep_entries),
        ..default
    };
    let longest = Duration::from_secs(60);
    let rules: [(bool, &'static str, &str); 6] = [
        (settings.heartbeat >= Duration::from_millis(1), "raft.heartbeat", "must be at least 1ms"),
        (
            settings.heartbeat < settings.vote_lease / 2,
            "raft.vote_lease",
            "must be more than two of `raft.heartbeat`",
        ),
        (
            settings.vote_lease < settings.election_min,
            "raft.election_min",
            "must be more than `raft.vote_lease`",
        ),
        (
            settings.election_min < settings.election_max,
            "raft.election_max",
            "must be more than `raft.election_min`",
        ),
        (
            settings.election_max <= longest,
            "raft.election_max",
            "must be at most 1m: so long nobody would lead",
        ),
        (settings.snapshot_after_entries > 0, "raft.snapshot_after", "must be at least 1"),
    ];
    for (_, field, message) in rules.into_iter().filter(|(kept, ..)| !kept) {
        refuse(wrong, field, message);
    }
    settings
}

fn cluster(options: &ClusterOptions, wrong: &mut Vec<Wrong>) -> etl_cluster::Settings {
    let mut settings = etl_cluster::Settings::default();
    if let Some(Span(down_after)) = options.down_after {
        settings.down_after = down_after;
        settings.down_after_refusal = settings.down_after_refusal.min(down_after);
        settings.limits.silence = down_after;
    }
    if let Some(Span(promote_after)) = options.promote_after {
        settings.limits.stabilisation = promote_after;
    }
    if let Some(Span(replace_after)) = options.replace_after {
        settings.limits.replace_after = replace_after;
    }
    if settings.down_after < Duration::from_secs(1) {
        refuse(wrong, "cluster.down_after", "must be at least 1s: a node is heard three times a second");
    }
    if settings.limits.replace_after < settings.down_after {
        refuse(wrong, "cluster.replace_after", "must not be less than `cluster.down_after`");
    }
    settings
}

fn log(given: Option<&str>, wrong: &mut Vec<Wrong>) -> String {
    let log = given.unwrap_or(LOG);
    if let Err(error) = EnvFilter::try_new(log) {
        refuse(wrong, "log", format!("`{log}` is no filter of a log: {error}"));
    }
    log.to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn wrong(change: impl FnOnce(&mut NodeOptions)) -> Vec<(&'static str, String)> {
        let mut options = NodeOptions::default();
        change(&mut options);
        validate(&options).unwrap_err().into_iter().map(|wrong| (wrong.field, wrong.message)).collect()
    }

    fn fields(change: impl FnOnce(&mut NodeOptions)) -> Vec<&'static str> {
        wrong(change).into_iter().map(|(field, _)| field).collect()
    }

    fn text(value: &str) -> Option<String> {
        Some(value.to_owned())
    }

    fn span(value: &str) -> Option<Span> {
        value.parse().ok()
    }

    #[test]
    fn nothing_given_is_a_node_that_only_this_machine_reaches() {
        let settings = validate(&NodeOptions::default()).unwrap();
        assert_eq!(settings.raft.listen.to_string(), RAFT_LISTEN);
        assert_eq!(settings.admin.advertised, Advertised::AsListening);
        assert_eq!((settings.entry, settings.tls), (Entry::None, None));
        assert_eq!(settings.consensus, consensus::Settings::default());
        assert_eq!(settings.cluster, etl_cluster::Settings::default());
    }

    #[test]
    fn all_faults_are_found_at_once() {
        let found = fields(|options| {
            options.raft.listen = text("x");
            options.admin.advertise = text("0.0.0.0");
            options.join = Some(vec!["nowhere".to_owned(), "nowhere".to_owned()]);
            options.bootstrap = Some(true);
            options.zone = text("a b");
            options.tls.ca = Some("ca.crt".into());
            options.raft.heartbeat = span("5s");
            options.cluster.down_after = span("1ms");
            options.work.memory = Some(ByteSize(1 << 20));
            options.work.stall_timeout = span("1ms");
            options.log = text("a=b=c");
            options.http_listen = text("7003");
            options.tracing.endpoint = text("ftp://c:1");
        });
        let expected = [
            "raft.listen",
            "admin.advertise",
            "tls.cert",
            "tls.key",
            "http_listen",
            "tracing.endpoint",
            "join",
            "join",
            "join",
            "bootstrap",
            "zone",
            "raft.vote_lease",
            "cluster.down_after",
            "work.memory",
            "work.stall_timeout",
            "log",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_plain_listener_for_other_machines_must_be_asked_for_by_name() {
        let open = |options: &mut NodeOptions| {
            options.raft.listen = text("0.0.0.0:7001");
            options.raft.advertise = text("10.0.0.1");
            options.admin.listen = text("10.0.0.1:7002");
        };
        let found = wrong(open);
        assert_eq!(
            found.iter().map(|(field, _)| *field).collect::<Vec<_>>(),
            ["raft.listen", "admin.listen"]
        );
        assert!(found.iter().all(|(_, message)| message.contains("--insecure-plain-listener")), "{found:?}");
        let mut options = NodeOptions::default();
        open(&mut options);
        options.insecure_plain_listener = Some(true);
        validate(&options).unwrap();
        options.insecure_plain_listener = None;
        options.tls = TlsOptions {
            ca: Some("ca".into()),
            cert: Some("crt".into()),
            key: Some("key".into()),
            client_auth: None,
        };
        assert_eq!(validate(&options).unwrap().tls.unwrap().client_auth, ClientAuth::Required);
    }

    #[test]
    fn what_is_told_over_http_has_a_listener_of_its_own_or_none() {
        let http = |text: &str| {
            let options = NodeOptions { http_listen: Some(text.to_owned()), ..NodeOptions::default() };
            validate(&options).map(|settings| settings.http)
        };
        assert_eq!(validate(&NodeOptions::default()).unwrap().http, HttpEndpoint::IfFree(HTTP_LISTEN));
        assert_eq!(http("off").unwrap(), HttpEndpoint::Off);
        assert_eq!(http("127.0.0.1:0").unwrap(), HttpEndpoint::At("127.0.0.1:0".parse().unwrap()));
        for wrong in [ADMIN_LISTEN, RAFT_LISTEN, "0.0.0.0:7003", "nowhere"] {
            assert_eq!(http(wrong).unwrap_err()[0].field, "http_listen", "{wrong}");
        }
    }

    #[test]
    fn others_must_be_able_to_dial() {
        assert_eq!(
            fields(|options| {
                options.insecure_plain_listener = Some(true);
                options.raft.listen = text("0.0.0.0:7001");
                options.admin.listen = text("[::]:7002");
            }),
            ["raft.advertise", "admin.advertise"]
        );
        assert_eq!(fields(|options| options.admin.listen = text(RAFT_LISTEN)), ["admin.listen"]);
        let mut options = NodeOptions::default();
        options.raft.listen = text("127.0.0.1:0");
        options.admin.listen = text("127.0.0.1:0");
        validate(&options).unwrap();
    }

    #[test]
    fn times_must_follow_each_other() {
        type Change = fn(&mut RaftOptions);
        let cases: [(&str, Change); 5] = [
            ("raft.vote_lease", |raft| raft.vote_lease = span("200ms")),
            ("raft.election_min", |raft| raft.election_min = span("300ms")),
            ("raft.election_max", |raft| raft.election_max = span("500ms")),
            ("raft.election_max", |raft| raft.election_max = span("2m")),
            ("raft.snapshot_after", |raft| raft.snapshot_after = Some(0)),
        ];
        for (field, change) in cases {
            assert_eq!(fields(|options| change(&mut options.raft)), [field]);
        }
        assert_eq!(fields(|options| options.cluster.replace_after = span("2s")), ["cluster.replace_after"]);
        assert_eq!(
            fields(|options| options.tls.client_auth = Some(ClientCertificates::None)),
            ["tls.client_auth"]
        );
    }
}
