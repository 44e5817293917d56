/// What a file has been asked to do since it was last synced.
#[derive(Debug, Clone)]
enum Pending {
    Write { offset: u64, bytes: Vec<u8> },
    Resize { size: u64 },
}

/// The unit that a disk writes whole: a write that is torn ends at a multiple of it.
const SECTOR: usize = 512;

/// A file's bytes as they are seen, and as they would be found after a loss of power.
#[derive(Debug, Default)]
pub struct Inode {
    seen: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Pending>,
}

/// What became of one file's unsynced work.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    pub dropped: u64,
    pub torn: u64,
    /// Written although something before it was not.
    pub reordered: u64,
    pub kept: u64,
}

fn apply(content: &mut Vec<u8>, pending: &Pending) {
    match pending {
        Pending::Resize { size } => content.resize(usize::try_from(*size).unwrap_or(usize::MAX), 0),
        Pending::Write { offset, bytes } => {
            let start = usize::try_from(*offset).unwrap_or(usize::MAX);
            let end = start + bytes.len();
            if content.len() < end {
                content.resize(end, 0);
            }
            content[start..end].copy_from_slice(bytes);
        }
    }
}

impl Inode {
    pub fn bytes(&self) -> &[u8] {
        &self.seen
    }

    pub fn write(&mut self, offset: u64, bytes: &[u8]) {
        self.change(Pending::Write { offset, bytes: bytes.to_vec() });
    }

    pub fn resize(&mut self, size: u64) {
        self.change(Pending::Resize { size });
    }

    fn change(&mut self, pending: Pending) {
        apply(&mut self.seen, &pending);
        self.pending.push(pending);
    }

    /// Everything written so far survives from now on.
    pub fn sync(&mut self) {
        for pending in self.pending.drain(..) {
            apply(&mut self.durable, &pending);
        }
    }

    /// The power goes: of what was not synced each write is dropped, torn or kept, whatever came before it.
    pub fn cut(&mut self, random: &mut fastrand::Rng) -> Lost {
        let mut lost = Lost::default();
        // Often all is lost, as when the disk's cache simply goes; else the disk has chosen what to write first.
        let all = random.bool();
        for pending in std::mem::take(&mut self.pending) {
            match (if all { 0 } else { random.u8(0..4) }, pending) {
                (0 | 1, _) => lost.dropped += 1,
                (2, Pending::Write { offset, mut bytes }) if bytes.len() > 1 => {
                    let sectors = bytes.len().div_ceil(SECTOR);
                    bytes.truncate(random.usize(0..sectors) * SECTOR);
                    apply(&mut self.durable, &Pending::Write { offset, bytes });
                    lost.torn += 1;
                }
                (_, pending) => {
                    apply(&mut self.durable, &pending);
                    lost.reordered += u64::from(lost.dropped + lost.torn > 0);
                    lost.kept += 1;
                }
            }
        }
        self.seen.clone_from(&self.durable);
        lost
    }
}

impl std::ops::AddAssign for Lost {
    fn add_assign(&mut self, other: Self) {
        self.dropped += other.dropped;
        self.torn += other.torn;
        self.reordered += other.reordered;
        self.kept += other.kept;
    }
}
