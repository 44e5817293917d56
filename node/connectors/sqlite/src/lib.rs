//! SQLite as source and destination with markers in the same transaction.
