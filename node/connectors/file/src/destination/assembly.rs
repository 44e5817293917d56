use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::frame::Frame;
use super::manifest::{Manifest, Part};
use super::segment::columns_changed;
use super::{columns, disk};
use crate::error::FileError;

/// The committed units of one route.
pub struct RouteUnits {
    /// Where its segments lie.
    pub folder: PathBuf,
    /// In order.
    pub units: Vec<Manifest>,
}

impl RouteUnits {
    /// The folder and rows of every unit that has any, in order.
    pub fn parts(&self) -> impl Iterator<Item = (&Path, &Part)> {
        self.units.iter().filter_map(|unit| Some((self.folder.as_path(), unit.part.as_ref()?)))
    }
}

/// Joins the units of all routes, in order, into one durable file `ready`; its name is not durable yet.
///
/// A single segment that already is the whole file is linked, anything else copied.
pub fn assemble(frame: &Frame, routes: &[RouteUnits], ready: &Path) -> Result<(), FileError> {
    if let Some(whole) = whole_segment(frame, routes)? {
        disk::link(&whole, ready)?;
        return Ok(());
    }
    if frame.is_columnar() { join_columns(routes, ready) } else { join_text(frame, routes, ready) }
}

fn parts(routes: &[RouteUnits]) -> impl Iterator<Item = (&Path, &Part)> {
    routes.iter().flat_map(RouteUnits::parts)
}

/// The path of the one segment that holds exactly what the file must hold, if there is one.
///
/// Its writer must be the one that committed the end: any other one may be paused inside a write and go on appending
/// to what would be the visible file.
fn whole_segment(frame: &Frame, routes: &[RouteUnits]) -> Result<Option<PathBuf>, FileError> {
    let mut found: Option<(&Path, &Part, u64)> = None;
    for (folder, part) in parts(routes) {
        found = match found {
            None if part.from == part.start => Some((folder, part, part.to)),
            Some((folder, first, to)) if first.segment == part.segment && part.from == to => {
                Some((folder, first, part.to))
            }
            _ => return Ok(None),
        };
    }
    let Some((folder, part, to)) = found else { return Ok(None) };
    let whole = frame.is_columnar() || frame.closing().is_empty() && is_of_last_writer(routes);
    if !whole {
        return Ok(None);
    }
    let path = folder.join(&part.segment);
    let length = fs::metadata(&path).map_err(|error| missing(&path, &error))?.len();
    // A text without a byte may need a compressed member all the same.
    Ok((length == to && length > 0).then_some(path))
}

/// Whether all rows were written under the fence that also committed the end.
fn is_of_last_writer(routes: &[RouteUnits]) -> bool {
    let [route] = routes else { return false };
    let fence = route.units.last().map(|unit| unit.fence);
    route.units.iter().filter(|unit| unit.part.is_some()).all(|unit| Some(unit.fence) == fence)
}

fn join_text(frame: &Frame, routes: &[RouteUnits], ready: &Path) -> Result<(), FileError> {
    let mut out = disk::create_new(ready)?;
    let mut header: Option<Option<&str>> = None;
    for (_, part) in parts(routes) {
        match header {
            Some(header) if header != part.header.as_deref() => {
                return Err(columns_changed(header, part.header.as_deref()));
            }
            _ => header = Some(part.header.as_deref()),
        }
    }
    let written = FileError::io("write", ready);
    let opening = frame.opening(header.flatten())?;
    out.write_all(&opening).map_err(written)?;
    let mut is_first = true;
    for (folder, part) in parts(routes).filter(|(_, part)| part.to > part.from) {
        if !is_first {
            out.write_all(frame.separator()).map_err(FileError::io("write", ready))?;
        }
        is_first = false;
        copy_range(&folder.join(&part.segment), part, &mut out, ready)?;
    }
    let closing = if is_first && opening.is_empty() { frame.blank()? } else { frame.closing().to_vec() };
    out.write_all(&closing).and_then(|()| out.sync_all()).map_err(FileError::io("write", ready))
}

fn copy_range(segment: &Path, part: &Part, out: &mut File, ready: &Path) -> Result<(), FileError> {
    let mut file = File::open(segment).map_err(|error| missing(segment, &error))?;
    file.seek(SeekFrom::Start(part.from)).map_err(FileError::io("read", segment))?;
    let length = part.to - part.from;
    let copied = io::copy(&mut file.take(length), out).map_err(FileError::io("write", ready))?;
    if copied != length {
        let message = format!("it ends {} bytes before its committed end", length - copied);
        return Err(FileError::Damaged { path: segment.to_owned(), message });
    }
    Ok(())
}

fn missing(segment: &Path, error: &io::Error) -> FileError {
    FileError::Damaged {
        path: segment.to_owned(),
        message: format!("a committed segment is missing: {error}"),
    }
}

fn join_columns(routes: &[RouteUnits], ready: &Path) -> Result<(), FileError> {
    let mut files = Vec::new();
    for (folder, part) in parts(routes) {
        let path = folder.join(&part.segment);
        files.push(File::open(&path).map_err(|error| missing(&path, &error))?);
    }
    let out = disk::create_new(ready)?;
    let out = columns::join(&files, out, ready)?;
    out.sync_all().map_err(FileError::io("write", ready))
}
