use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;
use etl_formats::Compression;
use etl_model::Batch;
use etl_sdk::Payload;
use uuid::Uuid;

use super::columns::ColumnSegment;
use super::disk;
use super::frame::Frame;
use super::manifest::Part;
use super::write_back::WriteBack;
use crate::error::FileError;

/// A file in staging that one writer, and no other ever, writes units to.
pub struct Segment {
    name: String,
    path: PathBuf,
    /// Offset of the first row, behind what precedes it.
    start: u64,
    /// Where the unit being written begins.
    from: u64,
    length: u64,
    header: Option<String>,
    content: Content,
}

enum Content {
    Text { file: File, frame: Frame, write_back: WriteBack },
    Columns(Box<ColumnSegment>),
}

impl Segment {
    /// Creates a segment under a name that no other writer knows. `first` is the first payload of it: it brings the
    /// header or the columns.
    ///
    /// `columns` are those of the route's earlier units, which a Parquet file must have too.
    pub fn create(
        folder: &Path,
        fence: u64,
        frame: &Frame,
        first: &Payload,
        columns: Option<SchemaRef>,
    ) -> Result<Self, FileError> {
        let name = format!("seg-{fence:016}-{}", Uuid::new_v4().simple());
        let path = folder.join(&name);
        let file = disk::create_new(&path)?;
        match first {
            Payload::Bytes { header, .. } => {
                let header = text_header(header.as_deref())?;
                let opening = frame.opening(header.as_deref())?;
                let content = Content::Text { file, frame: frame.clone(), write_back: WriteBack::default() };
                let mut segment = Self { name, path, start: 0, from: 0, length: 0, header, content };
                segment.append(&opening)?;
                segment.start = segment.length;
                segment.from = segment.length;
                Ok(segment)
            }
            Payload::Columns(batch) => {
                let columns = ColumnSegment::new(
                    &path,
                    file,
                    columns.unwrap_or_else(|| batch.schema()),
                    frame.parquet(),
                    batch,
                )?;
                let content = Content::Columns(Box::new(columns));
                Ok(Self { name, path, start: 0, from: 0, length: 0, header: None, content })
            }
            Payload::Rows { .. } => Err(foreign_rows()),
        }
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        let Content::Text { file, write_back, .. } = &mut self.content else {
            return Err(FileError::Internal("text for a file of columns".to_owned()));
        };
        file.write_all(bytes).map_err(FileError::io("write", &self.path))?;
        write_back.wrote(file, bytes.len() as u64);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Writes rows of the current unit.
    pub fn write(&mut self, payload: Payload) -> Result<(), FileError> {
        match payload {
            Payload::Bytes { body, header } => {
                let header = text_header(header.as_deref())?;
                if header != self.header {
                    return Err(columns_changed(self.header.as_deref(), header.as_deref()));
                }
                if body.is_empty() {
                    return Ok(());
                }
                if self.length > self.start
                    && let Content::Text { frame, .. } = &self.content
                {
                    let separator = frame.separator().to_vec();
                    if self.from == self.length {
                        self.from += separator.len() as u64;
                    }
                    self.append(&separator)?;
                }
                self.append(&body)
            }
            Payload::Columns(batch) => self.write_columns(&batch),
            Payload::Rows { .. } => Err(foreign_rows()),
        }
    }

    fn write_columns(&mut self, batch: &Batch) -> Result<(), FileError> {
        match &mut self.content {
            Content::Columns(columns) => columns.write(batch),
            Content::Text { .. } => Err(FileError::Internal("columns for a text file".to_owned())),
        }
    }

    /// Ends the current unit and returns its range; with `close` also the file, which then can stand alone.
    /// The content is not durable yet.
    pub fn end_unit(&mut self, close: bool) -> Result<Part, FileError> {
        match &mut self.content {
            Content::Text { frame, .. } => {
                let to = self.length;
                if close {
                    let closing = frame.closing().to_vec();
                    self.append(&closing)?;
                }
                let part = self.part(self.from, to);
                self.from = self.length;
                Ok(part)
            }
            Content::Columns(columns) => {
                self.length = columns.finish()?;
                Ok(self.part(0, self.length))
            }
        }
    }

    fn part(&self, from: u64, to: u64) -> Part {
        Part {
            segment: self.name.clone(),
            start: self.start,
            from,
            to,
            header: self.header.clone(),
            publish: None,
        }
    }

    /// Makes everything written durable, except for the name of the file.
    pub fn sync(&mut self) -> Result<(), FileError> {
        let synced = match &mut self.content {
            Content::Text { file, write_back, .. } => write_back.sync(file),
            Content::Columns(columns) => columns.file().and_then(File::sync_data),
        };
        synced.map_err(FileError::io("sync", &self.path))
    }
}

/// What precedes the first row, as text.
fn foreign_rows() -> FileError {
    FileError::Internal("a file was given the rows of another destination".to_owned())
}

fn text_header(header: Option<&[u8]>) -> Result<Option<String>, FileError> {
    let text = header.map(|bytes| String::from_utf8(bytes.to_vec())).transpose();
    text.map_err(|_| FileError::Internal("a header that is not UTF-8".to_owned()))
}

/// Rows whose columns differ from those that the file was begun with.
pub fn columns_changed(before: Option<&str>, after: Option<&str>) -> FileError {
    let shown = |header: Option<&str>| header.unwrap_or_default().trim_end().to_owned();
    FileError::user(
        "columns_changed",
        format!("the columns changed from `{}` to `{}` inside one file", shown(before), shown(after)),
        "name the columns with a `mapping` step, so that every record has the same",
    )
}

/// Compresses bytes into a member of their own; members may follow one another in a file. No bytes give no member.
pub fn compress(compression: Compression, bytes: Vec<u8>) -> Result<Vec<u8>, FileError> {
    if compression == Compression::None || bytes.is_empty() {
        return Ok(bytes);
    }
    member(compression, &bytes)
}

/// A member that holds the bytes, also none: a compressed file of no bytes at all would be one that was cut off.
pub fn member(compression: Compression, bytes: &[u8]) -> Result<Vec<u8>, FileError> {
    let failed = |error: std::io::Error| FileError::Internal(format!("cannot compress: {error}"));
    let mut writer = compression.writer(Vec::with_capacity(bytes.len() / 4)).map_err(failed)?;
    writer.write_all(bytes).map_err(failed)?;
    writer.finish().map_err(failed)
}
