use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use etl_model::{Claim, Fence, Marker, Route, Unit};
use etl_sdk::{ConnectorError, Encoded, Payload, failpoint};
use uuid::Uuid;

use super::chain::{Appended, Chain};
use super::layout::{Layout, PartNames, Target};
use super::manifest::{Kind, Manifest, Part, VERSION};
use super::segment::Segment;
use super::settings::Settings;
use super::{columns, disk};
use crate::error::FileError;

/// The staging of one route, as the writer that holds it works on it. Blocking.
pub struct RouteStaging {
    settings: Arc<Settings>,
    route: Route,
    index: usize,
    chain: Chain,
    names: PartNames,
    held: Option<Held>,
    segment: Option<Segment>,
    /// Rows of the current unit so far.
    rows: u64,
    staged: Option<Option<Part>>,
    /// Columns of the route's Parquet files; all get the first one's.
    columns: Option<SchemaRef>,
}

/// What the last manifest that this writer knows says.
struct Held {
    number: u64,
    fence: u64,
    index: usize,
    marker: Marker,
}

impl RouteStaging {
    /// The staging of a route; touches nothing yet.
    pub fn new(settings: Arc<Settings>, route: Route, index: usize) -> Self {
        let chain = Chain::new(settings.layout.route(&route), route.clone());
        let names = PartNames::new(&route, &settings.extension);
        Self {
            settings,
            route,
            index,
            chain,
            names,
            held: None,
            segment: None,
            rows: 0,
            staged: None,
            columns: None,
        }
    }

    fn place(&self) -> String {
        format!("{} [{}]", self.settings.layout.path().display(), self.route)
    }

    /// The stored marker.
    pub fn marker(&self) -> Result<Option<Marker>, ConnectorError> {
        Ok(self.chain.last()?.map(|last| last.marker))
    }

    /// Takes the route over; see [`etl_sdk::RouteWriter::fence`].
    pub fn fence(&mut self, claim: &Claim) -> Result<Marker, ConnectorError> {
        self.held = None;
        self.segment = None;
        self.rows = 0;
        self.staged = None;
        disk::create_directories(self.chain.folder())?;
        loop {
            let last = self.chain.last()?;
            let marker = match claim.decide(last.as_ref().map(|last| &last.marker)) {
                Fence::Store(marker) => marker,
                Fence::Held(marker) if marker.done => return Ok(marker),
                // A new number shuts out a commit that an earlier writer of this epoch may still have under way.
                Fence::Held(marker) => marker,
                Fence::Fenced { epoch, run } => {
                    let (place, run) = (self.place(), run.to_string());
                    return Err(FileError::Fenced { place, found: epoch, held: claim.epoch, run }.into());
                }
                Fence::Stranger { run } => return Err(self.stranger(&run.to_string()).into()),
            };
            let continued = last.as_ref().filter(|last| last.marker.run == claim.run);
            let index = continued.map_or(self.index, |last| last.index);
            let number = last.as_ref().map_or(1, |last| last.number + 1);
            let manifest = self.manifest(Kind::Fence, number, number, index, marker.clone(), None);
            if let Appended::Created = self.chain.append(&manifest)? {
                self.columns = self.recover(number, &marker, continued.is_none())?;
                self.held = Some(Held { number, fence: number, index, marker: marker.clone() });
                return Ok(marker);
            }
        }
    }

    fn stranger(&self, run: &str) -> FileError {
        FileError::user(
            "unknown_run",
            format!(
                "{}: run {run} has begun to write here, and this state directory does not know it",
                self.place()
            ),
            format!(
                "use the state directory of that run (--state-dir), or remove {} if that run is to be forgotten",
                self.settings.layout.workflow(&self.route.workflow).display()
            ),
        )
    }

    fn manifest(
        &self,
        kind: Kind,
        number: u64,
        fence: u64,
        index: usize,
        marker: Marker,
        part: Option<Part>,
    ) -> Manifest {
        let (route, attempt) = (self.route.clone(), Uuid::new_v4());
        Manifest { version: VERSION, number, kind, fence, attempt, route, index, marker, part }
    }

    /// Publishes what was committed and not yet published, then removes what nobody will commit any more. Returns the
    /// columns of the Parquet files that there are.
    fn recover(&self, fence: u64, marker: &Marker, fresh: bool) -> Result<Option<SchemaRef>, FileError> {
        let units = units_of(&self.chain, marker)?;
        if self.settings.publishes_units() {
            for part in units.iter().filter_map(|unit| unit.part.as_ref()) {
                self.publish(part)?;
            }
        }
        let kept =
            |name: &str| units.iter().filter_map(|unit| unit.part.as_ref()).any(|part| part.segment == name);
        self.chain.sweep(fence, kept)?;
        if fresh {
            self.chain.forget_below(fence)?;
        }
        let first =
            units.iter().find_map(|unit| unit.part.as_ref()).filter(|_| self.settings.frame.is_columnar());
        Ok(match first {
            Some(part) => self.staged_columns(part)?,
            None => None,
        })
    }

    /// The columns of a unit, as long as it is in staging.
    fn staged_columns(&self, part: &Part) -> Result<Option<SchemaRef>, FileError> {
        let path = self.chain.folder().join(&part.segment);
        if disk::identity(&path)?.is_none() { Ok(None) } else { columns::schema_of(&path).map(Some) }
    }

    /// Gives a committed unit its visible name. The staging name goes last, so its absence means "published".
    fn publish(&self, part: &Part) -> Result<(), FileError> {
        publish(self.chain.folder(), &self.settings.layout, part)
    }

    /// Takes rows of the current unit.
    pub fn write(&mut self, rows: Vec<Encoded>) -> Result<(), ConnectorError> {
        let Some(held) = &self.held else { return Err(not_fenced()) };
        for encoded in rows {
            let segment = match &mut self.segment {
                Some(segment) => segment,
                None => {
                    let (folder, frame) = (self.chain.folder(), &self.settings.frame);
                    if let (None, Payload::Columns(batch)) = (&self.columns, &encoded.payload) {
                        self.columns = Some(batch.schema());
                    }
                    let columns = self.columns.clone();
                    let segment = Segment::create(folder, held.fence, frame, &encoded.payload, columns)?;
                    self.segment.insert(segment)
                }
            };
            self.rows += encoded.rows;
            segment.write(encoded.payload)?;
        }
        Ok(())
    }

    /// Makes the rows of the unit durable.
    pub fn stage(&mut self, unit: &Unit) -> Result<(), ConnectorError> {
        let Some(held) = &self.held else { return Err(not_fenced()) };
        let expected = (held.marker.run, held.marker.epoch, held.marker.seq + 1);
        if expected != (unit.marker.run, unit.marker.epoch, unit.marker.seq) {
            let message = format!("unit {:?} after marker {:?}", unit.marker, held.marker);
            return Err(ConnectorError::internal(message));
        }
        failpoint("rows_written")?;
        let alone = self.settings.one_unit_per_segment();
        let mut part = None;
        if let Some(segment) = &mut self.segment {
            let mut range = segment.end_unit(alone)?;
            segment.sync()?;
            if alone {
                if self.settings.is_directory() && self.rows > 0 {
                    range.publish = Some(self.names.name(unit.marker.run, held.index, unit.marker.seq));
                }
                self.segment = None;
            }
            part = Some(range);
        }
        self.rows = 0;
        self.staged = Some(part);
        failpoint("unit_staged")
    }

    /// Commits the staged unit by creating the next number.
    pub fn commit(&mut self, unit: &Unit) -> Result<(), ConnectorError> {
        // Taken and not borrowed: after an error only a new fence can tell what happened.
        let Some(held) = self.held.take() else { return Err(not_fenced()) };
        let Some(part) = self.staged.take() else {
            return Err(ConnectorError::internal("a unit was committed that is not staged"));
        };
        let (number, published) = (held.number + 1, part.clone());
        let manifest = self.manifest(Kind::Unit, number, held.fence, held.index, unit.marker.clone(), part);
        match self.chain.append(&manifest)? {
            Appended::Created => {}
            Appended::Taken(found)
                if (found.marker.run, found.marker.epoch) == (held.marker.run, held.marker.epoch) =>
            {
                return Err(FileError::Raced { place: self.place() }.into());
            }
            Appended::Taken(found) => {
                let (found, run) = (found.marker.epoch, found.marker.run.to_string());
                return Err(
                    FileError::Fenced { place: self.place(), found, held: held.marker.epoch, run }.into()
                );
            }
        }
        if let Some(part) = published.filter(|_| self.settings.publishes_units()) {
            self.publish(&part)?;
        }
        self.held = Some(Held { number, marker: unit.marker.clone(), ..held });
        Ok(())
    }
}

fn not_fenced() -> ConnectorError {
    ConnectorError::internal("the route is not fenced by this writer")
}

/// The committed units of the marker's run, in order.
pub fn units_of(chain: &Chain, marker: &Marker) -> Result<Vec<Manifest>, FileError> {
    let mut manifests = chain.all()?;
    manifests.retain(|manifest| manifest.kind == Kind::Unit && manifest.marker.run == marker.run);
    Ok(manifests)
}

/// Gives a segment its visible name in the target directory, unless that has been done already.
pub fn publish(folder: &Path, layout: &Layout, part: &Part) -> Result<(), FileError> {
    let Some(name) = &part.publish else { return Ok(()) };
    let Target::Directory(directory) = layout.target() else {
        return Err(FileError::Internal("a part file without a target directory".to_owned()));
    };
    let (staged, visible) = (folder.join(&part.segment), directory.join(name));
    let Some(identity) = disk::identity(&staged)? else { return Ok(()) };
    match disk::link(&staged, &visible) {
        Ok(true) => {}
        // Another owner of this run may have published and removed it in between.
        Err(_) if disk::identity(&staged)?.is_none() => return Ok(()),
        Err(error) => return Err(error),
        Ok(false) if disk::identity(&visible)? == Some(identity) => {}
        Ok(false) => {
            return Err(FileError::user(
                "part_exists",
                format!("{} exists and is not the file that this run wrote", visible.display()),
                "move it away and run the workflow again",
            ));
        }
    }
    disk::sync_directory(directory)?;
    disk::remove(&staged)
}
