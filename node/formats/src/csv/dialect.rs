use etl_sdk::FieldError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the CSV file is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CsvOptions {
    /// The character between fields: one ASCII character, or `tab`.
    pub delimiter: String,
    /// The character around fields that hold delimiters, quotes or line ends. Empty: quotes have no meaning.
    pub quote: String,
    /// Whether the first record holds the names of the columns.
    pub header: bool,
    /// Names of the columns, in order. With a header they replace the names found there; without one the columns are
    /// otherwise called `column_1`, `column_2` and so on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// Unquoted fields with one of these values are null. The first one is what null is written as.
    pub null_tokens: Vec<String>,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            delimiter: ",".to_owned(),
            quote: "\"".to_owned(),
            header: true,
            columns: None,
            null_tokens: vec![String::new()],
        }
    }
}

/// A validated way of writing CSV.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialect {
    delimiter: u8,
    quote: Option<u8>,
    header: bool,
    columns: Option<Vec<String>>,
    null_tokens: Vec<String>,
    /// Whether one of the tokens is empty.
    empty_is_null: bool,
    /// Whether one of the tokens is not empty.
    words_are_null: bool,
}

impl Default for Dialect {
    /// Commas, double quotes, a header; the empty field is null.
    fn default() -> Self {
        Self {
            delimiter: b',',
            quote: Some(b'"'),
            header: true,
            columns: None,
            null_tokens: vec![String::new()],
            empty_is_null: true,
            words_are_null: false,
        }
    }
}

impl Dialect {
    /// Validates the options; all faults at once, their paths relative to the options.
    pub fn new(options: &CsvOptions) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let delimiter = match options.delimiter.as_str() {
            "tab" | "\\t" => Some(b'\t'),
            text => single_byte(text),
        };
        if delimiter.is_none() {
            errors.push(character(
                "csv_delimiter",
                "delimiter",
                &options.delimiter,
                "such as `,`, `;` or `tab`",
            ));
        }
        let quote = if options.quote.is_empty() { None } else { single_byte(&options.quote) };
        if quote.is_none() && !options.quote.is_empty() {
            errors.push(character("csv_quote", "quote", &options.quote, "such as `\"`, or leave it empty"));
        }
        if delimiter.is_some() && delimiter == quote {
            errors.push(
                FieldError::new("csv_quote", "the quote must differ from the delimiter")
                    .at("quote")
                    .with_help("leave `quote` empty if the file does not use quotes"),
            );
        }
        for (i, token) in options.null_tokens.iter().enumerate() {
            let reserved = |b: u8| b == b'\n' || b == b'\r' || Some(b) == delimiter || Some(b) == quote;
            if token.bytes().any(reserved) {
                errors.push(
                    FieldError::new("csv_null_token", format!("`{}` can never match", token.escape_debug()))
                        .at("null_tokens")
                        .at(i)
                        .with_help("a null token is unquoted: no delimiter, quote or line end in it"),
                );
            }
        }
        if let Some(columns) = &options.columns {
            if columns.is_empty() {
                errors.push(FieldError::new("csv_columns", "no columns are named").at("columns"));
            }
            for (i, name) in columns.iter().enumerate() {
                let fault = if name.is_empty() {
                    "a column needs a name".to_owned()
                } else if columns[..i].contains(name) {
                    format!("the column `{name}` is named twice")
                } else {
                    continue;
                };
                errors.push(FieldError::new("csv_columns", fault).at("columns").at(i));
            }
        }
        match delimiter {
            Some(delimiter) if errors.is_empty() => Ok(Self {
                delimiter,
                quote,
                header: options.header,
                columns: options.columns.clone(),
                null_tokens: options.null_tokens.clone(),
                empty_is_null: options.null_tokens.iter().any(String::is_empty),
                words_are_null: options.null_tokens.iter().any(|token| !token.is_empty()),
            }),
            _ => Err(errors),
        }
    }

    /// The byte between fields; ASCII.
    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// The byte around fields; ASCII. `None`: quotes have no meaning.
    pub fn quote(&self) -> Option<u8> {
        self.quote
    }

    /// Whether the first record holds the names.
    pub fn header(&self) -> bool {
        self.header
    }

    /// Names given by the user.
    pub fn columns(&self) -> Option<&[String]> {
        self.columns.as_deref()
    }

    /// Unquoted values that mean null; the first is the one that is written.
    pub fn null_tokens(&self) -> &[String] {
        &self.null_tokens
    }

    fn is_null_word(&self, field: &[u8]) -> bool {
        self.null_tokens.iter().any(|token| token.as_bytes() == field)
    }

    /// Whether the unquoted field means null.
    #[inline]
    pub(super) fn is_null(&self, field: &[u8]) -> bool {
        if field.is_empty() { self.empty_is_null } else { self.words_are_null && self.is_null_word(field) }
    }
}

fn single_byte(text: &str) -> Option<u8> {
    match text.as_bytes() {
        &[b] if b.is_ascii() && !b.is_ascii_alphanumeric() && !matches!(b, b'\n' | b'\r' | 0) => Some(b),
        _ => None,
    }
}

fn character(code: &'static str, field: &'static str, text: &str, example: &str) -> FieldError {
    FieldError::new(code, format!("`{}` is not a {field}", text.escape_debug()))
        .at(field)
        .with_help(format!("use one ASCII character that is no letter, digit or line end, {example}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_default_options_are_the_default_dialect() {
        assert_eq!(Dialect::new(&CsvOptions::default()), Ok(Dialect::default()));
        assert_eq!(serde_json::from_str::<CsvOptions>("{}").unwrap(), CsvOptions::default());
    }

    #[test]
    fn tab_has_a_word_and_quotes_can_be_off() {
        for tab in ["tab", "\\t", "\t"] {
            let options =
                CsvOptions { delimiter: tab.to_owned(), quote: String::new(), ..CsvOptions::default() };
            let dialect = Dialect::new(&options).unwrap();
            assert_eq!((dialect.delimiter(), dialect.quote()), (b'\t', None));
        }
    }

    #[test]
    fn every_fault_is_reported_with_its_place() {
        let options = CsvOptions {
            delimiter: "::".to_owned(),
            quote: "ä".to_owned(),
            header: true,
            columns: Some(vec!["a".to_owned(), String::new(), "a".to_owned()]),
            null_tokens: vec!["NULL".to_owned(), "a\nb".to_owned()],
        };
        let errors: Vec<_> = Dialect::new(&options).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(
            errors,
            [
                "delimiter: `::` is not a delimiter",
                "quote: `ä` is not a quote",
                "null_tokens[1]: `a\\nb` can never match",
                "columns[1]: a column needs a name",
                "columns[2]: the column `a` is named twice",
            ]
        );
        let same = CsvOptions { delimiter: "\"".to_owned(), ..CsvOptions::default() };
        assert_eq!(
            Dialect::new(&same).unwrap_err()[0].to_string(),
            "quote: the quote must differ from the delimiter"
        );
    }
}
