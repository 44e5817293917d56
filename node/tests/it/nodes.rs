use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::site::{Ended, Site};

/// How long a condition may take to come true; only a broken program takes that long.
const PATIENCE: Duration = Duration::from_secs(120);

/// Nodes of one cluster, each a process on a loopback address of their own; all are killed when this is dropped.
pub struct Nodes {
    pub site: Site,
    host: String,
    /// Given to every node.
    arguments: Vec<String>,
    /// Given to every tool.
    tool: Vec<String>,
    members: BTreeMap<u8, Member>,
}

#[derive(Default)]
struct Member {
    process: Option<Child>,
    /// What it told when it was last ready.
    told: Option<Value>,
    starts: u32,
}

impl Nodes {
    pub fn new() -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let [_, _, high, low] = std::process::id().to_be_bytes();
        // Nobody else binds there, so that a node finds its ports free when it comes back.
        let host = format!("127.{}.{low}.{}", 64 + high % 128, NEXT.fetch_add(1, Ordering::Relaxed));
        let arguments = ["--cluster-promote-after", "200ms"].map(str::to_owned).to_vec();
        Self { site: Site::new(), host, arguments, tool: Vec::new(), members: BTreeMap::new() }
    }

    /// The loopback address at which all nodes listen.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Adds arguments for every node that is started from now on.
    pub fn all_with(&mut self, arguments: &[&str]) {
        self.arguments.extend(arguments.iter().map(|text| (*text).to_owned()));
    }

    /// Adds arguments for every tool that is run from now on.
    pub fn tools_with(&mut self, arguments: &[&str]) {
        self.tool.extend(arguments.iter().map(|text| (*text).to_owned()));
    }

    /// One founds a cluster, the others join; all vote.
    pub fn cluster(size: u8) -> Self {
        let mut nodes = Self::new();
        nodes.grow(size);
        nodes
    }

    /// The same with the settings this has.
    pub fn grow(&mut self, size: u8) {
        self.start(1, &["--bootstrap"]);
        let founder = self.admin(1);
        for node in 2..=size {
            self.start(node, &["--join", &founder]);
        }
        self.until_voters(usize::from(size));
    }

    /// One founds a cluster, another joins; both are up, the first alone votes.
    pub fn pair() -> Self {
        let mut nodes = Self::new();
        nodes.start(1, &["--bootstrap"]);
        let founder = nodes.admin(1);
        nodes.start(2, &["--join", &founder]);
        nodes.until("both nodes are up", |nodes| {
            let up = |status: Value| {
                let all = status["nodes"].as_array().unwrap();
                all.iter().filter(|node| node["state"] == "up").count()
            };
            nodes.status(2).map(up) == Some(2)
        });
        nodes
    }

    pub fn directory(&self, node: u8) -> PathBuf {
        self.site.path(&format!("node-{node}"))
    }

    /// Starts a node, for the first time or again at the same addresses, and waits until it is ready.
    #[track_caller]
    pub fn start(&mut self, node: u8, arguments: &[&str]) {
        self.spawn(node, arguments);
        let file = self.addresses_file(node);
        self.until(&format!("node {node} is ready"), |nodes| {
            assert!(nodes.runs(node), "node {node} has ended: {}", nodes.says(node));
            file.exists()
        });
        let told = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        self.members.get_mut(&node).unwrap().told = Some(told);
    }

    /// Starts a node and waits for nothing.
    pub fn spawn(&mut self, node: u8, arguments: &[&str]) {
        let address = |name: &str| match self.members.get(&node).and_then(|member| member.told.as_ref()) {
            Some(told) => told[name].as_str().unwrap().to_owned(),
            None => format!("{}:0", self.host),
        };
        let (raft, admin) = (address("raft"), address("admin"));
        self.members.entry(node).or_default().starts += 1;
        let directory = self.directory(node).display().to_string();
        let file = self.addresses_file(node).display().to_string();
        let mut all = vec!["node", "start", "--data-dir", &directory, "--print-addresses", &file];
        all.extend(["--raft-listen", raft.as_str(), "--admin-listen", admin.as_str()]);
        all.extend(self.arguments.iter().map(String::as_str));
        all.extend(arguments);
        let log = File::options().create(true).append(true).open(self.log_file(node)).unwrap();
        let mut command = self.site.command(&all);
        let process = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        self.members.get_mut(&node).unwrap().process = Some(process);
    }

    fn addresses_file(&self, node: u8) -> PathBuf {
        let starts = self.members.get(&node).map_or(0, |member| member.starts);
        self.site.path(&format!("addresses-{node}-{starts}.json"))
    }

    fn log_file(&self, node: u8) -> PathBuf {
        self.site.path(&format!("node-{node}.log"))
    }

    /// What a node has said since its first start.
    pub fn says(&self, node: u8) -> String {
        fs::read_to_string(self.log_file(node)).unwrap_or_default()
    }

    fn told(&self, node: u8, name: &str) -> &Value {
        &self.members[&node].told.as_ref().unwrap()[name]
    }

    pub fn admin(&self, node: u8) -> String {
        self.told(node, "admin").as_str().unwrap().to_owned()
    }

    /// Where it tells over HTTP; it must have been started with `--http-listen`.
    pub fn http(&self, node: u8) -> std::net::SocketAddr {
        self.told(node, "http").as_str().unwrap().parse().unwrap()
    }

    pub fn raft(&self, node: u8) -> String {
        self.told(node, "raft").as_str().unwrap().to_owned()
    }

    /// The id that the cluster has given it.
    pub fn id(&self, node: u8) -> u64 {
        self.told(node, "node").as_u64().unwrap()
    }

    pub fn cluster_id(&self, node: u8) -> String {
        self.told(node, "cluster").as_str().unwrap().to_owned()
    }

    fn process(&mut self, node: u8) -> &mut Child {
        self.members.get_mut(&node).unwrap().process.as_mut().unwrap()
    }

    pub fn runs(&mut self, node: u8) -> bool {
        self.process(node).try_wait().unwrap().is_none()
    }

    pub fn signal(&mut self, node: u8, signal: Signal) {
        kill_process(Pid::from_child(self.process(node)), signal).unwrap();
    }

    /// Kills it with SIGKILL.
    pub fn kill(&mut self, node: u8) {
        let process = self.process(node);
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Waits for its end and returns the exit code; `None` when a signal has ended it.
    #[track_caller]
    pub fn ended(&mut self, node: u8) -> Option<i32> {
        self.until(&format!("node {node} has ended"), |nodes| !nodes.runs(node));
        self.process(node).wait().unwrap().code()
    }

    /// Runs a tool against a node.
    pub fn tool(&self, node: u8, arguments: &[&str]) -> Ended {
        let server = self.admin(node);
        let mut all = arguments.to_vec();
        all.extend(["--server", &server]);
        all.extend(self.tool.iter().map(String::as_str));
        self.site.run(&all)
    }

    /// The status that a node gives after asking the others; `None` while it cannot.
    pub fn status(&self, node: u8) -> Option<Value> {
        let ended = self.tool(node, &["cluster", "status", "-o", "json", "--timeout", "5s"]);
        (ended.code == Some(0)).then(|| ended.json())
    }

    /// Waits until a node that runs sees so many voters, and nobody who learns.
    #[track_caller]
    pub fn until_voters(&mut self, count: usize) {
        self.until(&format!("{count} nodes vote"), |nodes| {
            let node = nodes.any_running();
            nodes.status(node).is_some_and(|status| voters(&status).len() == count && learners(&status) == 0)
        });
    }

    pub fn any_running(&mut self) -> u8 {
        let all: Vec<u8> = self.members.keys().copied().collect();
        all.into_iter().find(|&node| self.members[&node].told.is_some() && self.runs(node)).unwrap()
    }

    /// Which node leads, as another that runs sees it.
    #[track_caller]
    pub fn leader(&mut self) -> u8 {
        let mut leader = None;
        self.until("somebody leads", |nodes| {
            let node = nodes.any_running();
            let id = nodes.status(node).and_then(|status| status["leader"].as_u64());
            leader = nodes
                .members
                .keys()
                .copied()
                .find(|&node| nodes.members[&node].told.is_some() && Some(nodes.id(node)) == id);
            leader.is_some()
        });
        leader.unwrap()
    }

    /// Has a node put a workflow in force; returns whether that was acknowledged.
    pub fn apply(&self, node: u8, name: &str) -> Ended {
        let file = format!("{name}.yaml");
        let document = format!(
            "workflow:\n  name: {name}\n  source: {{ type: generate, config: {{ rows: 3 }} }}\n  transformations: []\n  \
             destination: {{ type: stdout }}\n"
        );
        self.site.write(&file, document);
        self.tool(node, &["workflow", "apply", &file, "-o", "json"])
    }

    /// The names of all workflows in force, as a node sees them after asking the others.
    #[track_caller]
    pub fn workflows(&self, node: u8) -> Vec<String> {
        let list = self.tool(node, &["workflow", "list", "-o", "json"]).code(0).json();
        list.as_array().unwrap().iter().map(|each| each["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until the condition holds.
    #[track_caller]
    pub fn until(&mut self, what: &str, mut condition: impl FnMut(&mut Self) -> bool) {
        let started = Instant::now();
        while !condition(self) {
            if started.elapsed() > PATIENCE {
                let all: Vec<u8> = self.members.keys().copied().collect();
                let said: Vec<String> =
                    all.iter().map(|&node| format!("--- node {node}\n{}", tail(&self.says(node)))).collect();
                panic!("waited too long for: {what}\n{}", said.join("\n"));
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}

/// The last lines.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

/// The ids of the nodes that vote.
pub fn voters(status: &Value) -> Vec<u64> {
    let nodes = status["nodes"].as_array().unwrap();
    let votes = |node: &&Value| matches!(node["role"].as_str(), Some("leader" | "voter"));
    nodes.iter().filter(votes).map(|node| node["id"].as_u64().unwrap()).collect()
}

fn learners(status: &Value) -> usize {
    status["nodes"].as_array().unwrap().iter().filter(|node| node["role"] == "learner").count()
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for member in self.members.values_mut() {
            if let Some(process) = &mut member.process {
                let _ = process.kill();
                let _ = process.wait();
            }
        }
    }
}
