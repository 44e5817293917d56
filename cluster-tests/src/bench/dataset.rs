use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use rand_mt::Mt;

use super::BenchError;
use super::expected::Expected;

const FIRST_NAMES: [&str; 30] = [
    "Anna", "Ben", "Carla", "David", "Emma", "Felix", "Grete", "Hans", "Ida", "Jonas", "Klara", "Lukas",
    "Marie", "Nils", "Olga", "Paul", "Quinn", "Rosa", "Stefan", "Tina", "Uwe", "Vera", "Walter", "Xenia",
    "Yusuf", "Zoe", "Élodie", "José", "Müge", "Søren",
];
const LAST_NAMES: [&str; 25] = [
    "Meyer",
    "Schmidt",
    "O'Brien",
    "Fischer",
    "Weber",
    "Wagner",
    "Becker",
    "Hoffmann",
    "Koch",
    "Richter",
    "Klein",
    "Wolf",
    "Schröder",
    "Neumann",
    "Schwarz",
    "Zimmermann",
    "Krüger",
    "Hartmann",
    "Lange",
    "Werner",
    "García",
    "Nguyen",
    "Kowalski",
    "Andersson",
    "Silva",
];
const COUNTRIES: [&str; 20] = [
    "DE", "FR", "IT", "ES", "PL", "NL", "BE", "AT", "CH", "SE", "NO", "DK", "FI", "PT", "CZ", "US", "CA",
    "GB", "JP", "BR",
];
const PLANS: [&str; 5] = ["free", "basic", "pro", "team", "enterprise"];
const DAYS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// One row of the data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// 1, 2, 3 and so on.
    pub id: u64,
    /// One of 30.
    pub first_name: &'static str,
    /// One of 25.
    pub last_name: &'static str,
    /// `userID@exampleN.com`.
    pub email: String,
    /// One of 20.
    pub country: &'static str,
    /// `amount`, in cents, below 100000.
    pub cents: u64,
    /// In the form 2024-09-27T02:25:01Z.
    pub created_at: String,
    /// In seven of ten rows.
    pub active: bool,
    /// A JSON object as text.
    pub attributes: String,
}

impl Row {
    /// `country == 'DE' || amount > 500.0`.
    pub fn passes_w2(&self) -> bool {
        self.country == "DE" || self.cents > 50_000
    }

    fn amount(&self) -> String {
        format!("{}.{:02}", self.cents / 100, self.cents % 100)
    }

    fn write_csv(&self, out: &mut impl Write) -> std::io::Result<()> {
        let Self { id, first_name, last_name, email, country, created_at, active, .. } = self;
        let attributes = self.attributes.replace('"', "\"\"");
        let amount = self.amount();
        writeln!(
            out,
            "{id},{first_name},{last_name},{email},{country},{amount},{created_at},{active},\"{attributes}\""
        )
    }

    fn write_json(&self, out: &mut impl Write) -> std::io::Result<()> {
        let Self { id, first_name, last_name, email, country, created_at, active, attributes, .. } = self;
        let amount = self.amount();
        writeln!(
            out,
            "{{\"id\":{id},\"first_name\":\"{first_name}\",\"last_name\":\"{last_name}\",\"email\":\"{email}\",\
             \"country\":\"{country}\",\"amount\":{amount},\"created_at\":\"{created_at}\",\"active\":{active},\
             \"attributes\":{attributes}}}"
        )
    }
}

/// The rows, the same ones in every run: those that Python's `random.Random(42)` yields.
pub struct Rows {
    random: Mt,
    next: u64,
    last: u64,
}

impl Rows {
    /// The first `count` rows.
    pub fn new(count: u64) -> Self {
        Self { random: Mt::new_with_key([42]), next: 1, last: count }
    }

    /// A number below `n`, as `int(random() * n)` in Python: 53 random bits as a fraction, scaled.
    fn below(&mut self, n: u64) -> u64 {
        let high = u64::from(self.random.next_u32() >> 5);
        let low = u64::from(self.random.next_u32() >> 6);
        let fraction = (high * (1 << 26) + low) as f64 / (1u64 << 53) as f64;
        (fraction * n as f64) as u64
    }

    fn one_of<T: Copy, const N: usize>(&mut self, values: &[T; N]) -> T {
        // The fraction is below 1, so the index is below N.
        values[self.below(N as u64) as usize]
    }
}

impl Iterator for Rows {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        if self.next > self.last {
            return None;
        }
        let id = self.next;
        self.next += 1;
        let first_name = self.one_of(&FIRST_NAMES);
        let last_name = self.one_of(&LAST_NAMES);
        let country = self.one_of(&COUNTRIES);
        let cents = self.below(100_000);
        let month = self.below(12);
        let year = self.below(6);
        let day = self.below(DAYS[month as usize]) + 1;
        let (hour, minute, second) = (self.below(24), self.below(60), self.below(60));
        let mut created_at = String::with_capacity(20);
        // Writing to a string does not fail.
        let _ = write!(created_at, "202{year}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", month + 1);
        let active = self.below(10) < 7;
        let email = format!("user{id}@example{}.com", self.below(50));
        let plan = self.one_of(&PLANS);
        let (score, tag) = (self.below(1000), self.below(90));
        let attributes = format!("{{\"plan\":\"{plan}\",\"score\":{score},\"tags\":[\"t{tag}\"]}}");
        Some(Row { id, first_name, last_name, email, country, cents, created_at, active, attributes })
    }
}

/// The files of the data set.
#[derive(Debug)]
pub struct Dataset {
    /// The rows as CSV.
    pub csv: PathBuf,
    /// The rows as JSON lines.
    pub jsonl: PathBuf,
    /// What outputs must add up to.
    pub expected: Expected,
}

impl Dataset {
    /// Writes the files into `directory` unless they are there. Needs little memory: the peak of this process is part
    /// of what the system reports for its children.
    pub fn prepare(directory: &Path, rows: u64) -> Result<Self, BenchError> {
        let directory = directory.join(format!("users-{rows}"));
        let [csv, jsonl, sums] =
            ["users.csv", "users.jsonl", "expected.json"].map(|name| directory.join(name));
        if let Ok(text) = std::fs::read(&sums) {
            return Ok(Self { csv, jsonl, expected: serde_json::from_slice(&text)? });
        }
        std::fs::create_dir_all(&directory).map_err(BenchError::at(&directory))?;
        let mut expected = Expected::default();
        let open = |path: &Path| File::create(path).map(BufWriter::new).map_err(BenchError::at(path));
        let (mut csv_out, mut jsonl_out) = (open(&csv)?, open(&jsonl)?);
        let header = b"id,first_name,last_name,email,country,amount,created_at,active,attributes\n";
        csv_out.write_all(header).map_err(BenchError::at(&csv))?;
        for row in Rows::new(rows) {
            row.write_csv(&mut csv_out).map_err(BenchError::at(&csv))?;
            row.write_json(&mut jsonl_out).map_err(BenchError::at(&jsonl))?;
            expected.add(&row);
        }
        csv_out.flush().map_err(BenchError::at(&csv))?;
        jsonl_out.flush().map_err(BenchError::at(&jsonl))?;
        // Written last: where it is, the data is complete.
        std::fs::write(&sums, serde_json::to_vec_pretty(&expected)?).map_err(BenchError::at(&sums))?;
        Ok(Self { csv, jsonl, expected })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rows_are_those_of_the_published_data_set() {
        let mut csv = Vec::new();
        let mut json = Vec::new();
        for row in Rows::new(4) {
            row.write_csv(&mut csv).unwrap();
            row.write_json(&mut json).unwrap();
        }
        assert_eq!(
            String::from_utf8(csv).unwrap(),
            "1,Tina,Meyer,user1@example25.com,NL,223.21,2024-09-27T02:25:01Z,true,\
             \"{\"\"plan\"\":\"\"free\"\",\"\"score\"\":198,\"\"tags\"\":[\"\"t58\"\"]}\"\n\
             2,Quinn,Wagner,user2@example4.com,DK,809.43,2024-01-22T08:09:57Z,true,\
             \"{\"\"plan\"\":\"\"free\"\",\"\"score\"\":847,\"\"tags\"\":[\"\"t54\"\"]}\"\n\
             3,Yusuf,Lange,user3@example2.com,NO,973.11,2023-05-26T14:51:34Z,false,\
             \"{\"\"plan\"\":\"\"basic\"\",\"\"score\"\":289,\"\"tags\"\":[\"\"t7\"\"]}\"\n\
             4,Grete,O'Brien,user4@example8.com,NL,635.68,2022-05-07T06:56:38Z,true,\
             \"{\"\"plan\"\":\"\"team\"\",\"\"score\"\":163,\"\"tags\"\":[\"\"t34\"\"]}\"\n"
        );
        let json = String::from_utf8(json).unwrap();
        assert_eq!(
            json.lines().next().unwrap(),
            r#"{"id":1,"first_name":"Tina","last_name":"Meyer","email":"user1@example25.com","country":"NL","amount":223.21,"created_at":"2024-09-27T02:25:01Z","active":true,"attributes":{"plan":"free","score":198,"tags":["t58"]}}"#
        );
    }

    #[test]
    fn sums_are_those_of_the_published_data_set() {
        let directory = tempfile::tempdir().unwrap();
        let expected = Dataset::prepare(directory.path(), 1000).unwrap().expected;
        let again = Dataset::prepare(directory.path(), 1000).unwrap().expected;
        assert_eq!(expected, again);
        assert_eq!((expected.rows, expected.sum_id), (1000, 500_500));
        let lines = std::fs::read_to_string(directory.path().join("users-1000/users.csv")).unwrap();
        assert_eq!(lines.lines().count(), 1001);
    }
}
