use std::io::{Write, stdout};
use std::path::{Path, PathBuf};

use etl_security::{CertificateFolder, NodeCertificate};
use serde_json::json;

use crate::arguments::{CertificateArguments, Output, TlsCommand};
use crate::view::print_json;
use crate::{Error, Exit};

/// Hosts that every node's certificate is for, so that tools on the same machine reach it.
const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

pub(super) fn tls(command: &TlsCommand, output: Output) -> Result<Exit, Error> {
    let (directory, written) = match command {
        TlsCommand::Init(arguments) => {
            let nodes = nodes(&arguments.nodes)?;
            let clients = [arguments.client.clone()];
            let written =
                CertificateFolder::create_with(&arguments.directory, &nodes, &clients, arguments.nodes.days)?;
            (&arguments.directory, written)
        }
        TlsCommand::Issue(arguments) => {
            let nodes = match arguments.nodes.node.is_empty() && !arguments.client.is_empty() {
                true => Vec::new(),
                false => nodes(&arguments.nodes)?,
            };
            let folder = CertificateFolder::open(&arguments.directory)?;
            let written = folder.issue(&nodes, &arguments.client, arguments.nodes.days, arguments.replace)?;
            (&arguments.directory, written)
        }
    };
    show(directory, &written, output)?;
    Ok(Exit::Success)
}

/// The nodes that were named, each with its hosts, the ones that hold for all, and this machine's.
fn nodes(arguments: &CertificateArguments) -> Result<Vec<NodeCertificate>, Error> {
    if arguments.node.is_empty() {
        return Err(Error::Unknown {
            message: "no node was named".to_owned(),
            help: "name every node and how others reach it: --node NAME=HOST,... ".trim_end().to_owned(),
        });
    }
    let node = |text: &String| {
        let (name, hosts) = text.split_once('=').unwrap_or((text, ""));
        let own = hosts.split(',').filter(|host| !host.is_empty()).map(str::to_owned);
        let mut all: Vec<String> = Vec::new();
        for host in own.chain(arguments.host.iter().cloned()).chain(LOCAL.map(str::to_owned)) {
            if !all.contains(&host) {
                all.push(host);
            }
        }
        NodeCertificate { name: name.to_owned(), hosts: all }
    };
    Ok(arguments.node.iter().map(node).collect())
}

fn show(directory: &Path, written: &[PathBuf], output: Output) -> Result<(), Error> {
    match output {
        Output::Json => print_json(&json!({ "authority": directory.join("ca.crt"), "written": written }))?,
        Output::Text => {
            let mut out = stdout().lock();
            for path in written {
                writeln!(out, "{}", path.display())?;
            }
            let ca = directory.join("ca.key");
            writeln!(
                out,
                "keep {} away from nodes: whoever has it can make certificates they trust",
                ca.display()
            )?;
        }
    }
    Ok(())
}
