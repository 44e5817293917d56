use std::path::Path;

use etl_formats::Splitter;
use etl_formats::csv::{self, CsvSplitter, Dialect};
use etl_formats::json::{ArraySplitter, Framing, LinesSplitter};

use super::input::Input;
use super::settings::Settings;
use crate::error::FileError;
use crate::format::Format;

/// Bytes of a header above which a file is refused.
const MAX_HEADER: usize = 16 << 20;
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// How the text of one file is divided into records; read off its beginning.
#[derive(Debug, Clone)]
pub enum TextKind {
    /// CSV with these columns.
    Csv {
        /// How it is written.
        dialect: Dialect,
        /// Names of the columns, in the file's order.
        names: Vec<String>,
    },
    /// JSON.
    Json(Framing),
}

/// The beginning of a text file.
pub struct Opening {
    /// How it is divided.
    pub kind: TextKind,
    /// The bytes read so far, from the first byte of the file.
    pub bytes: Vec<u8>,
    /// Where the first record begins in them.
    pub first_record: usize,
}

impl Opening {
    /// Reads as much of the beginning as tells how the file is divided, at least `block` bytes where there are any.
    pub fn read(
        input: &mut Input,
        settings: &Settings,
        format: Format,
        block: usize,
    ) -> Result<Self, FileError> {
        let path = input.path().to_owned();
        let mut bytes = Vec::new();
        let mut wanted = block.max(1);
        loop {
            input.fill(&mut bytes, wanted)?;
            let found = match format {
                Format::Csv => header(&bytes, settings.dialect(&path), input.at_end(), &path)?,
                Format::Jsonl => Some((TextKind::Json(Framing::Lines), 0)),
                Format::Json => framing(&bytes, input.at_end()).map(|framing| (TextKind::Json(framing), 0)),
                Format::Parquet => {
                    return Err(FileError::Internal("a Parquet file was opened as text".to_owned()));
                }
            };
            if let Some((kind, first_record)) = found {
                return Ok(Self { kind, bytes, first_record });
            }
            if bytes.len() >= MAX_HEADER || input.at_end() {
                return Err(FileError::user(
                    "no_record",
                    format!("{}: no record begins in its first {} bytes", path.display(), bytes.len()),
                    "check that `format` and its options fit the file",
                ));
            }
            wanted = bytes.len().saturating_mul(2);
        }
    }
}

fn header(
    bytes: &[u8],
    dialect: &Dialect,
    at_end: bool,
    path: &Path,
) -> Result<Option<(TextKind, usize)>, FileError> {
    let found = csv::read_header(bytes, dialect, at_end).map_err(FileError::format(path))?;
    Ok(found.map(|(names, length)| (TextKind::Csv { dialect: dialect.clone(), names }, length)))
}

/// The first byte that is not white space decides; an array holds the file's records, an object is one.
fn framing(bytes: &[u8], at_end: bool) -> Option<Framing> {
    let text = bytes.strip_prefix(BOM).unwrap_or(bytes);
    match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => Some(Framing::Array),
        Some(_) => Some(Framing::Lines),
        None => at_end.then_some(Framing::Lines),
    }
}

impl TextKind {
    /// The splitter for the file's first record, or, `resumed`, for the end of an earlier section.
    pub fn splitter(&self, resumed: bool) -> Box<dyn Splitter> {
        match self {
            Self::Csv { dialect, .. } => Box::new(CsvSplitter::new(dialect)),
            Self::Json(Framing::Lines) => Box::new(LinesSplitter::new()),
            Self::Json(Framing::Array) if resumed => Box::new(ArraySplitter::resumed()),
            Self::Json(Framing::Array) => Box::new(ArraySplitter::new()),
        }
    }

    /// Whether every record stands on lines of its own.
    pub fn has_lines(&self) -> bool {
        !matches!(self, Self::Json(Framing::Array))
    }
}
