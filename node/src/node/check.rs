use std::io::{Write, stdout};

use serde_json::json;

use super::NodeSettings;
use super::settings::{Endpoint, Entry, HttpEndpoint};
use crate::arguments::Output;
use crate::view::print_json;

/// Shows what the settings of a node come to.
pub(crate) fn check(settings: &NodeSettings, output: Output) -> Result<(), crate::Error> {
    let entry = match &settings.entry {
        Entry::None => "only with the identity it has".to_owned(),
        Entry::Bootstrap => "founds a cluster, unless it belongs to one".to_owned(),
        Entry::Join(addresses) => {
            format!("joins by {}, unless it belongs to a cluster", addresses.join(", "))
        }
    };
    let endpoint = |endpoint: &Endpoint| json!({ "listen": endpoint.listen, "advertised": endpoint.advertised.address(endpoint.listen) });
    if output == Output::Json {
        let tls = settings.tls.as_ref().map(|tls| {
            json!({ "ca": tls.ca, "cert": tls.certificate, "key": tls.key, "client_auth": tls.client_auth })
        });
        let document = json!({
            "data_dir": settings.data_dir,
            "start": entry,
            "zone": settings.zone,
            "raft": endpoint(&settings.raft),
            "admin": endpoint(&settings.admin),
            "tls": tls,
            "http": match settings.http {
                HttpEndpoint::Off => None,
                HttpEndpoint::IfFree(address) | HttpEndpoint::At(address) => Some(address),
            },
            "tracing": {
                "sample": settings.tracing.sample.fraction(),
                "endpoint": settings.tracing.collector.as_ref().map(|collector| &collector.address),
            },
            "log": settings.log,
        });
        return Ok(print_json(&document)?);
    }
    let mut out = stdout().lock();
    writeln!(out, "data directory: {}", settings.data_dir.display())?;
    writeln!(out, "starts:         {entry}")?;
    for (name, endpoint) in [("raft:", &settings.raft), ("admin:", &settings.admin)] {
        let advertised = endpoint.advertised.address(endpoint.listen);
        writeln!(out, "{name:<15} listens on {}, reached at {advertised}", endpoint.listen)?;
    }
    let http = match settings.http {
        HttpEndpoint::Off => "nowhere".to_owned(),
        HttpEndpoint::IfFree(address) => format!("listens on {address}, if it is free"),
        HttpEndpoint::At(address) => format!("listens on {address}"),
    };
    writeln!(out, "http:           {http}")?;
    let to = settings.tracing.collector.as_ref().map(|collector| format!(", sent to {}", collector.address));
    writeln!(out, "traces:         {} of all batches{}", settings.tracing.sample, to.unwrap_or_default())?;
    let tls = match &settings.tls {
        None => "none; only for a machine or network where everybody is trusted".to_owned(),
        Some(tls) => format!("authority {}", tls.ca.display()),
    };
    writeln!(out, "TLS:            {tls}")?;
    Ok(())
}
