//! JSON lines and JSON arrays.
