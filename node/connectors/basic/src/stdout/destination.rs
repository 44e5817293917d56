use std::sync::Arc;

use async_trait::async_trait;
use etl_model::Route;
use etl_sdk::{
    CommitKind, ConnectorError, Destination, DestinationCapabilities, Encoder, RouteWriter, RunContext,
};

use super::config::OutputFormat;
use super::encoder::RowEncoder;
use super::output::Output;
use super::writer::Printer;

/// A configured standard output.
pub(super) struct StandardOutput {
    encoder: Arc<RowEncoder>,
    output: Output,
}

impl StandardOutput {
    pub(super) fn new(format: OutputFormat, output: Output) -> Self {
        Self { encoder: RowEncoder::new(format), output }
    }
}

#[async_trait]
impl Destination for StandardOutput {
    fn capabilities(&self) -> DestinationCapabilities {
        DestinationCapabilities {
            commit: CommitKind::None,
            max_writers: None,
            holds_rows: true,
            rejects_rows: false,
            unit_bytes: Some(1 << 20),
        }
    }

    async fn check(&self, _run: &RunContext) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn encoder(&self) -> Arc<dyn Encoder> {
        self.encoder.clone()
    }

    async fn open(
        &self,
        _run: &RunContext,
        _route: &Route,
        _index: usize,
    ) -> Result<Box<dyn RouteWriter>, ConnectorError> {
        Ok(Box::new(Printer::new(self.output.clone())))
    }

    async fn complete(&self, _run: &RunContext, _routes: &[Route]) -> Result<(), ConnectorError> {
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Mutex, PoisonError};

    use etl_sdk::conformance;

    use super::*;
    use crate::stdout::output::Text;

    /// Memory in place of the terminal; what it holds outlives its destination, as a terminal does.
    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Screen {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    /// A reader that has gone away.
    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn keeps_the_contract_of_a_destination() {
        conformance::destination(|| {
            let screen = Screen::default();
            let seen = screen.clone();
            conformance::Site::new(
                move || {
                    Arc::new(StandardOutput::new(OutputFormat::Jsonl, Output::to(screen.clone())))
                        as Arc<dyn Destination>
                },
                move || seen.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
            )
        })
        .await
        .unwrap();
    }

    #[test]
    fn a_csv_header_is_printed_once_and_must_not_change() {
        let screen = Screen::default();
        let output = Output::to(screen.clone());
        let text = |header: &str, body: &str| Text {
            header: Some(header.as_bytes().into()),
            body: body.as_bytes().to_vec(),
        };
        output.print(&[text("a,b\n", "1,2\n"), text("a,b\n", "3,4\n")]).unwrap();
        assert_eq!(screen.text(), "a,b\n1,2\n3,4\n");
        let error = output.print(&[text("a,c\n", "5,6\n")]).unwrap_err();
        assert!(error.to_string().contains("`a,b` became `a,c`"), "{error}");
        assert_eq!(screen.text(), "a,b\n1,2\n3,4\n");
    }

    #[test]
    fn a_reader_that_went_away_is_named() {
        let error = Output::to(Closed).print(&[Text { header: None, body: b"x\n".to_vec() }]).unwrap_err();
        let error = ConnectorError::from(error);
        assert_eq!(error.code(), "stdout_closed");
        assert!(error.to_string().contains("broken pipe"), "{error}");
    }
}
