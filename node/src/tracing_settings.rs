use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use etl_raft::network::{Dialer, channel};
use etl_security::{ClientAuth, Connector, Credentials, TlsSettings};
use etl_telemetry::{Collector, TraceSettings};

use crate::arguments::{Share, TracingOptions};
use crate::tool_dialer::ToolDialer;
use crate::{Error, secrets};

/// How long the collector may take for one call.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Which batches are traced, and where their spans go; holds together and has not been resolved yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TracingSettings {
    pub sample: Share,
    pub collector: Option<CollectorSettings>,
}

/// Where spans go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CollectorSettings {
    /// HOST:PORT.
    pub address: String,
    /// The authority that is trusted; `None` without TLS.
    pub ca: Option<PathBuf>,
    /// With secrets that have yet to be put in.
    pub headers: Vec<(String, String)>,
    pub timeout: Duration,
}

/// What is wrong with one of the options.
pub(crate) struct WrongTracing {
    /// Such as `tracing.endpoint`.
    pub field: &'static str,
    pub message: String,
}

/// What the environment of OpenTelemetry says (OpenTelemetry Protocol Exporter specification, "Configuration Options").
pub(crate) fn otlp_variable(lookup: &dyn Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    let set = |name: String| lookup(&name).filter(|value| !value.trim().is_empty());
    set(format!("OTEL_EXPORTER_OTLP_TRACES_{name}")).or_else(|| set(format!("OTEL_EXPORTER_OTLP_{name}")))
}

/// Puts the options and the environment together, and checks that they hold together. Does no IO. `tls_ca` is what the process
/// trusts anyway.
pub(crate) fn validate(
    options: &TracingOptions,
    tls_ca: Option<&PathBuf>,
    environment: &dyn Fn(&str) -> Option<String>,
    wrong: &mut Vec<WrongTracing>,
) -> TracingSettings {
    let sample = options.sample.unwrap_or(Share::PERCENT);
    let from_environment = |name: &str| otlp_variable(environment, name);
    let Some(endpoint) = options.endpoint.clone().or_else(|| from_environment("ENDPOINT")) else {
        for (field, is_given) in
            [("tracing.headers", options.headers.is_some()), ("tracing.ca", options.ca.is_some())]
        {
            if is_given {
                let message = "means nothing without `tracing.endpoint`".to_owned();
                wrong.push(WrongTracing { field, message });
            }
        }
        return TracingSettings { sample, collector: None };
    };
    let mut refuse = |field: &'static str, message: String| wrong.push(WrongTracing { field, message });
    let (address, has_tls) = match address(&endpoint) {
        Ok(read) => read,
        Err(message) => {
            refuse("tracing.endpoint", message);
            (String::new(), false)
        }
    };
    let ca =
        options.ca.clone().or_else(|| from_environment("CERTIFICATE").map(PathBuf::from)).or(tls_ca.cloned());
    if has_tls && ca.is_none() {
        refuse("tracing.ca", "must be given with https: the PEM file of the authority to trust".to_owned());
    }
    let texts = match &options.headers {
        Some(headers) => headers.clone(),
        None => from_environment("HEADERS")
            .map(|text| text.split(',').map(str::to_owned).collect())
            .unwrap_or_default(),
    };
    let mut headers = Vec::new();
    for text in texts.iter().filter(|text| !text.trim().is_empty()) {
        match text.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                headers.push((name.trim().to_owned(), value.trim().to_owned()));
            }
            // Without the text, which may be a secret.
            _ => refuse("tracing.headers", "must be NAME=VALUE, or several with commas between".to_owned()),
        }
    }
    let timeout = from_environment("TIMEOUT").and_then(|text| text.trim().parse().ok());
    let timeout = timeout.filter(|ms| *ms > 0).map_or(TIMEOUT, Duration::from_millis);
    let collector = CollectorSettings { address, ca: ca.filter(|_| has_tls), headers, timeout };
    TracingSettings { sample, collector: Some(collector) }
}

/// HOST:PORT of a collector, and whether it is spoken to with TLS.
fn address(endpoint: &str) -> Result<(String, bool), String> {
    let wrong = |what: &str| {
        format!("`{endpoint}` {what}; write http://HOST:4317, or https://HOST:4317 with TLS (OTLP over gRPC)")
    };
    let (rest, has_tls) = match endpoint.split_once("://") {
        Some(("http", rest)) => (rest, false),
        Some(("https", rest)) => (rest, true),
        Some(_) => return Err(wrong("is neither http nor https")),
        None => (endpoint, false),
    };
    let rest = rest.trim_end_matches('/');
    if rest.contains('@') {
        return Err(wrong("has a name or password in it, which belong into headers"));
    }
    match etl_security::host_of(rest) {
        Some(host) if !host.is_empty() => Ok((rest.to_owned(), has_tls)),
        _ => Err(wrong("is no HOST:PORT")),
    }
}

impl TracingSettings {
    /// With secrets put in and certificates read.
    ///
    /// # Errors
    /// A secret or certificate is missing.
    pub fn resolve(&self, secrets_dir: Option<&std::path::Path>) -> Result<TraceSettings, Error> {
        let collector =
            self.collector.as_ref().map(|collector| collector.resolve(secrets_dir)).transpose()?;
        Ok(TraceSettings { sample: self.sample.fraction(), collector, redact: secrets::redacted })
    }
}

impl CollectorSettings {
    fn resolve(&self, secrets_dir: Option<&std::path::Path>) -> Result<Collector, Error> {
        let credentials = match &self.ca {
            None => None,
            Some(ca) => Some(Credentials::of_tool(&TlsSettings {
                ca: ca.clone(),
                certificate: None,
                key: None,
                client_auth: ClientAuth::default(),
            })?),
        };
        let mut headers = Vec::new();
        for (name, value) in &self.headers {
            let value =
                with_secrets(value, &|secret| secrets::lookup(secrets_dir, secret)).map_err(|secret| {
                    Error::Unknown {
                        message: format!(
                            "the header `{name}` for traces needs the secret `{secret}`, which is not there"
                        ),
                        help: "put it into the directory of secrets or the environment".to_owned(),
                    }
                })?;
            secrets::hide(&value);
            headers.push((name.clone(), value));
        }
        let dialer: Arc<dyn Dialer> = Arc::new(ToolDialer(Connector::new(credentials)));
        let (address, name) = (self.address.clone(), self.address.clone());
        let connect = Arc::new(move || channel(Arc::clone(&dialer), address.clone()));
        Ok(Collector { name, connect, headers, timeout: self.timeout })
    }
}

/// A text with `${secret:name}` replaced; the name of the first secret that is not there.
fn with_secrets(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let (mut done, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("${secret:") {
        let Some((name, after)) = after.split_once('}') else { break };
        done.push_str(before);
        done.push_str(&lookup(name).ok_or_else(|| name.to_owned())?);
        rest = after;
    }
    done.push_str(rest);
    Ok(done)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn checked(
        options: &TracingOptions,
        environment: &[(&str, &str)],
    ) -> Result<TracingSettings, Vec<(&'static str, String)>> {
        let lookup = |name: &str| {
            environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let mut wrong = Vec::new();
        let settings = validate(options, None, &lookup, &mut wrong);
        match wrong.is_empty() {
            true => Ok(settings),
            false => Err(wrong.into_iter().map(|wrong| (wrong.field, wrong.message)).collect()),
        }
    }

    fn at(endpoint: &str) -> TracingOptions {
        TracingOptions { endpoint: Some(endpoint.to_owned()), ..TracingOptions::default() }
    }

    #[test]
    fn without_an_endpoint_nothing_is_sent() {
        let settings = checked(&TracingOptions::default(), &[]).unwrap();
        assert_eq!((settings.sample, settings.collector), (Share::PERCENT, None));
        let headers = Some(vec!["a=b".to_owned()]);
        let wrong = checked(&TracingOptions { headers, ..TracingOptions::default() }, &[]).unwrap_err();
        assert_eq!(wrong[0].0, "tracing.headers");
    }

    #[test]
    fn an_endpoint_is_an_address_for_grpc() {
        for (text, address, has_tls) in [
            ("http://localhost:4317", "localhost:4317", false),
            ("c:1", "c:1", false),
            ("https://[::1]:4317/", "[::1]:4317", true),
        ] {
            let ca = Some("ca.pem".into());
            let collector = checked(&TracingOptions { ca, ..at(text) }, &[]).unwrap().collector.unwrap();
            assert_eq!((collector.address.as_str(), collector.ca.is_some()), (address, has_tls), "{text}");
        }
        for wrong in ["", "grpc://c:1", "http://c", "http://me:pw@c:1", "http://c:1/v1/traces"] {
            let found = checked(&at(wrong), &[]).unwrap_err();
            assert_eq!(found[0].0, "tracing.endpoint", "{wrong}");
        }
        assert_eq!(checked(&at("https://c:1"), &[]).unwrap_err()[0].0, "tracing.ca");
    }

    #[test]
    fn the_environment_of_opentelemetry_counts_where_nothing_else_was_said() {
        let environment = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:1"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://b:1"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x=1, y=2=3"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "250"),
        ];
        let collector = checked(&TracingOptions::default(), &environment).unwrap().collector.unwrap();
        assert_eq!((collector.address.as_str(), collector.timeout), ("b:1", Duration::from_millis(250)));
        assert_eq!(collector.headers, [("x", "1"), ("y", "2=3")].map(|(n, v)| (n.to_owned(), v.to_owned())));
        let own = checked(&at("http://c:1"), &environment).unwrap().collector.unwrap();
        assert_eq!(own.address, "c:1");
        let wrong = checked(&at("http://c:1"), &[("OTEL_EXPORTER_OTLP_HEADERS", "my-secret")]).unwrap_err();
        assert!(wrong[0].0 == "tracing.headers" && !wrong[0].1.contains("my-secret"), "{wrong:?}");
    }

    #[test]
    fn secrets_are_put_into_headers() {
        let lookup = |name: &str| (name == "key").then(|| "abc".to_owned());
        assert_eq!(with_secrets("Bearer ${secret:key}!", &lookup).unwrap(), "Bearer abc!");
        assert_eq!(with_secrets("${secret:key}${secret:key}", &lookup).unwrap(), "abcabc");
        assert_eq!(with_secrets("${secret:other}", &lookup).unwrap_err(), "other");
        assert_eq!(with_secrets("${secret:key", &lookup).unwrap(), "${secret:key");
    }
}
