use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::process::Command;

use super::addresses::Addresses;
use super::error::Error;

/// The environment variable that tells a process that it runs in the middle of a network.
const INSIDE: &str = "CLUSTER_TESTS_NETWORK";

/// Network namespaces around a bridge, one for each member: links between them can be cut, each direction by itself.
///
/// The process that makes them runs in the namespace of the bridge, so that it reaches all members. Needs root and the
/// programs `ip` and `iptables`; nothing outside of the namespaces is touched.
#[derive(Debug)]
pub struct Namespaces {
    prefix: String,
    addresses: Addresses,
    members: BTreeSet<u8>,
}

fn run(program: &str, arguments: &[&str]) -> Result<(), Error> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| Error::Command { command: program.to_owned(), problem: error.to_string() })?;
    if output.status.success() {
        return Ok(());
    }
    let command = format!("{program} {}", arguments.join(" "));
    Err(Error::Command { command, problem: String::from_utf8_lossy(&output.stderr).trim().to_owned() })
}

/// Where the process itself is in the network.
const HUB: u8 = 254;

impl Namespaces {
    /// Whether this process is in the middle of a network already.
    pub fn is_inside() -> bool {
        std::env::var_os(INSIDE).is_some()
    }

    /// Runs this program once more with the same arguments inside a namespace of its own, and returns its exit code.
    pub fn enter() -> Result<i32, Error> {
        let name = format!("etl{}", std::process::id());
        run("ip", &["netns", "add", &name])?;
        run("ip", &["-n", &name, "link", "set", "lo", "up"])?;
        let status = Command::new("ip")
            .args(["netns", "exec", &name])
            .arg(std::env::current_exe()?)
            .args(std::env::args_os().skip(1))
            .env(INSIDE, &name)
            .status();
        run("ip", &["netns", "del", &name])?;
        Ok(status?.code().unwrap_or(1))
    }

    /// Lays the network out for so many members.
    pub fn lay_out(members: u8) -> Result<Self, Error> {
        let prefix = std::env::var(INSIDE)
            .map_err(|_| Error::Unexpected("a network is laid out from within a namespace".to_owned()))?;
        let addresses = Addresses::namespaces();
        let mut this = Self { prefix, addresses, members: BTreeSet::new() };
        // One that was laid out before, whose processes have ended meanwhile.
        let _ = run("ip", &["link", "del", "bridge"]);
        run("ip", &["link", "add", "bridge", "type", "bridge"])?;
        run("ip", &["addr", "add", &format!("{}/24", addresses.ip(HUB)), "dev", "bridge"])?;
        run("ip", &["link", "set", "bridge", "up"])?;
        for member in 1..=members {
            this.add(member)?;
        }
        Ok(this)
    }

    fn add(&mut self, member: u8) -> Result<(), Error> {
        let namespace = self.name(member);
        let ours = format!("v{member}");
        run("ip", &["netns", "add", &namespace])?;
        self.members.insert(member);
        let _ = run("ip", &["link", "del", &ours]);
        run("ip", &["link", "add", &ours, "type", "veth", "peer", "name", "eth0", "netns", &namespace])?;
        run("ip", &["link", "set", &ours, "master", "bridge", "up"])?;
        let address = format!("{}/24", self.addresses.ip(member));
        run("ip", &["-n", &namespace, "addr", "add", &address, "dev", "eth0"])?;
        run("ip", &["-n", &namespace, "link", "set", "lo", "up"])?;
        run("ip", &["-n", &namespace, "link", "set", "eth0", "up"])
    }

    /// The namespace of a member.
    pub fn name(&self, member: u8) -> String {
        format!("{}-{member}", self.prefix)
    }

    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Where the process itself is reached by the members.
    pub fn hub(&self) -> Ipv4Addr {
        self.addresses.ip(HUB)
    }

    /// All that a member sends is no faster than a rate and waits for its turn, until [`Self::hasten`]: `tc-tbf`.
    pub fn slow_down(&self, member: u8, rate: &str) -> Result<(), Error> {
        let name = self.name(member);
        let queue =
            ["qdisc", "add", "dev", "eth0", "root", "tbf", "rate", rate, "burst", "64kb", "latency", "300ms"];
        run("tc", &[&["-n", &name][..], &queue].concat())
    }

    /// Lets a member send as fast as before. Returns how many packets were held up.
    pub fn hasten(&self, member: u8) -> Result<u64, Error> {
        let name = self.name(member);
        let output = Command::new("tc").args(["-n", &name, "-s", "qdisc", "show", "dev", "eth0"]).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        run("tc", &["-n", &name, "qdisc", "del", "dev", "eth0", "root"])?;
        // As in ` Sent 1234 bytes 56 pkt (dropped 0, overlimits 0 requeues 0)`.
        let words: Vec<&str> = text.split_whitespace().collect();
        let sent = words.windows(2).find(|pair| pair[1] == "pkt").and_then(|pair| pair[0].parse().ok());
        sent.ok_or_else(|| Error::Unexpected(format!("what `tc` tells of held up packets: {text}")))
    }

    /// What one member sends another is dropped from now on.
    pub fn cut_one_way(&self, from: u8, to: u8) -> Result<(), Error> {
        let source = self.addresses.ip(from).to_string();
        let (namespace, rule) = (self.name(to), ["-A", "INPUT", "-s", &source, "-j", "DROP"]);
        let mut arguments = vec!["netns", "exec", &namespace, "iptables", "-w"];
        arguments.extend(rule);
        run("ip", &arguments)
    }

    /// Cuts every link between two sides. Clients still reach all.
    pub fn cut(&self, one: &[u8], other: &[u8]) -> Result<(), Error> {
        for &a in one {
            for &b in other {
                self.cut_one_way(a, b)?;
                self.cut_one_way(b, a)?;
            }
        }
        Ok(())
    }

    /// Makes all links whole.
    pub fn heal(&self) -> Result<(), Error> {
        for &member in &self.members {
            run("ip", &["netns", "exec", &self.name(member), "iptables", "-w", "-F", "INPUT"])?;
        }
        Ok(())
    }

    /// Packets that were dropped at cut links since they were cut.
    pub fn dropped(&self) -> Result<u64, Error> {
        let mut sum = 0;
        for &member in &self.members {
            let output = Command::new("ip")
                .args([
                    "netns",
                    "exec",
                    &self.name(member),
                    "iptables",
                    "-w",
                    "-L",
                    "INPUT",
                    "-v",
                    "-n",
                    "-x",
                ])
                .output()?;
            let text = String::from_utf8_lossy(&output.stdout);
            let rules = text.lines().filter(|line| line.contains("DROP"));
            sum += rules.filter_map(|line| line.split_whitespace().next()?.parse::<u64>().ok()).sum::<u64>();
        }
        Ok(sum)
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for &member in &self.members {
            // What is left is removed with the machine; nothing listens there any more.
            let _ = run("ip", &["netns", "del", &self.name(member)]);
        }
        let _ = run("ip", &["link", "del", "bridge"]);
    }
}
