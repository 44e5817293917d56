use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that names no shard, or a number without its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` names no shard: that is `0of1` to `255of256`")]
pub struct InvalidShard {
    /// As it was given.
    pub text: String,
}

/// One of the parts among which a repartition divides the rows of a path.
///
/// Its text, `3of8`, is the key of markers and state: it never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    number: u16,
    of: u16,
}

impl Shard {
    /// Most shards of one repartition.
    pub const MOST: u16 = 256;

    /// The shard of that number, counted from 0, among `of`.
    pub fn new(number: u16, of: u16) -> Result<Self, InvalidShard> {
        if number < of && of <= Self::MOST {
            return Ok(Self { number, of });
        }
        Err(InvalidShard { text: format!("{number}of{of}") })
    }

    /// All shards of a repartition, in order; none of one with more than there may be.
    pub fn all(of: u16) -> impl Iterator<Item = Self> {
        (0..of).filter_map(move |number| Self::new(number, of).ok())
    }

    /// Counted from 0.
    pub fn number(self) -> usize {
        usize::from(self.number)
    }

    /// How many there are.
    pub fn of(self) -> usize {
        usize::from(self.of)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}of{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = InvalidShard;

    fn from_str(text: &str) -> Result<Self, InvalidShard> {
        let parts =
            text.split_once("of").and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        let shard = parts.and_then(|(number, of)| Self::new(number, of).ok());
        // One shard has one text: no leading zeros or signs.
        shard.filter(|shard| shard.to_string() == text).ok_or_else(|| InvalidShard { text: text.to_owned() })
    }
}

impl TryFrom<String> for Shard {
    type Error = InvalidShard;

    fn try_from(text: String) -> Result<Self, InvalidShard> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> String {
        shard.to_string()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_has_one_text() {
        for shard in Shard::all(256).chain(Shard::all(1)) {
            assert_eq!(shard.to_string().parse(), Ok(shard));
        }
        assert_eq!(Shard::new(3, 8).unwrap().to_string(), "3of8");
        assert_eq!(serde_json::to_string(&Shard::new(0, 2).unwrap()).unwrap(), "\"0of2\"");
        for wrong in ["", "of", "8of8", "0of0", "0of257", "03of8", "+3of8", "3of8 ", "3", "-1of2", "1of65537"]
        {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
        assert_eq!(Shard::all(257).count(), 0);
    }
}
