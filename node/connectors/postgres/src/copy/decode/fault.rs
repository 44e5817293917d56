use super::text;
use crate::types::{CellFault, Column};

/// A value that Arrow cannot hold; which one and where is known to the one who finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// `NaN` or an infinity in a decimal column.
    NotANumber,
    /// A number with more digits than the decimal column.
    Decimal { precision: u8, scale: i8 },
    /// A date that 32 bits cannot count from 1970.
    Date,
    /// Outside of 00:00:00 to 24:00:00.
    Time,
    /// A timestamp that 64 bits cannot count from 1970.
    Timestamp,
    /// An array with another number of dimensions than declared.
    Dimensions { found: usize, declared: u8 },
    /// An array whose first subscript is not 1.
    LowerBound(i32),
}

impl Fault {
    fn code(self) -> &'static str {
        match self {
            Self::NotANumber => "not_a_number",
            Self::Decimal { .. } | Self::Date | Self::Time | Self::Timestamp => "out_of_range",
            Self::Dimensions { .. } | Self::LowerBound(_) => "array_dimensions",
        }
    }

    fn message(self, value: &str) -> String {
        match self {
            Self::NotANumber => format!("`{value}`: a decimal column holds neither NaN nor infinity"),
            Self::Decimal { precision, scale } => {
                format!("`{value}` does not fit numeric({precision},{scale})")
            }
            Self::Date => format!("`{value}` is too far from 1970 for a date column"),
            Self::Time => format!("`{value}` is not a time of day"),
            Self::Timestamp => {
                format!("`{value}` is too far from 1970 for a timestamp column (beyond the year 294246)")
            }
            Self::Dimensions { found, declared } => {
                format!("`{value}` has {found} dimensions, the column has {declared}")
            }
            Self::LowerBound(bound) => {
                format!("the subscripts of `{value}` begin at {bound} instead of 1")
            }
        }
    }

    fn help(self) -> &'static str {
        match self {
            Self::NotANumber => "with `numeric: text` such columns are read as text, which holds every value",
            Self::Decimal { .. } => {
                "with `numeric: text` such columns are read as text, which holds every digit"
            }
            Self::Date | Self::Time | Self::Timestamp => {
                "select the column as text (`column::text`), or filter such rows out"
            }
            Self::Dimensions { .. } | Self::LowerBound(_) => {
                "with `arrays: text` arrays are read as text, which holds every shape"
            }
        }
    }
}

/// The faults of a read, with the values in them as text.
pub(super) struct Faults {
    list: Vec<CellFault>,
    room: usize,
}

impl Faults {
    const ROOM: usize = 64 << 20;
    const IN_MESSAGE: usize = 200;

    /// For values that have so many bytes in all. Few bytes can stand for a numeric of 150 000 digits, so the texts
    /// together are bounded; a longer one ends in an ellipsis.
    pub(super) fn new(bytes: usize) -> Self {
        Self { list: Vec::new(), room: bytes.saturating_mul(4).saturating_add(Self::ROOM) }
    }

    /// Notes that the value of `column`, which is the one with this index, has a fault.
    pub(super) fn push(&mut self, row: usize, index: usize, column: &Column, bytes: &[u8], fault: Fault) {
        let shown = text::show(&column.ty.kind, bytes, self.room);
        self.room = self.room.saturating_sub(shown.len());
        let message = match shown.char_indices().nth(Self::IN_MESSAGE) {
            Some((end, _)) => fault.message(&format!("{}…", shown.get(..end).unwrap_or_default())),
            None => fault.message(&shown),
        };
        let (code, help) = (fault.code(), fault.help());
        self.list.push(CellFault { row, column: index, code, message, help, shown });
    }

    /// All of them by row and column.
    pub(super) fn sorted(mut self) -> Vec<CellFault> {
        self.list.sort_by_key(|fault| (fault.row, fault.column));
        self.list
    }
}
