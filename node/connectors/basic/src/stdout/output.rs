use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::BasicError;

/// Where rows are printed; shared by all routes of a destination, one unit at a time.
#[derive(Clone)]
pub(super) struct Output(Arc<Mutex<Inner>>);

struct Inner {
    sink: Box<dyn Write + Send>,
    header: Option<Arc<[u8]>>,
}

/// Rows of one batch with the header that belongs before them.
pub(super) struct Text {
    pub(super) header: Option<Arc<[u8]>>,
    pub(super) body: Vec<u8>,
}

impl Output {
    pub(super) fn standard() -> Self {
        Self::to(io::stdout())
    }

    pub(super) fn to(sink: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Inner { sink: Box::new(sink), header: None })))
    }

    /// Prints a unit and flushes. Blocks.
    pub(super) fn print(&self, unit: &[Text]) -> Result<(), BasicError> {
        let mut inner = self.lock();
        for text in unit {
            inner.print(text)?;
        }
        inner.sink.flush().map_err(output_error)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while printing leaves nothing in `Inner` that could be half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn print(&mut self, text: &Text) -> Result<(), BasicError> {
        match (&self.header, &text.header) {
            (_, None) => {}
            (None, Some(header)) => {
                self.sink.write_all(header).map_err(output_error)?;
                self.header = Some(header.clone());
            }
            (Some(was), Some(is)) if was == is => {}
            (Some(was), Some(is)) => {
                let shown = |header: &[u8]| String::from_utf8_lossy(header).trim_end().to_owned();
                return Err(BasicError::HeaderChanged { was: shown(was), is: shown(is) });
            }
        }
        self.sink.write_all(&text.body).map_err(output_error)
    }
}

fn output_error(error: io::Error) -> BasicError {
    match error.kind() {
        ErrorKind::BrokenPipe => BasicError::OutputClosed,
        _ => BasicError::Output(error),
    }
}
