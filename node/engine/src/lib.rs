//! Actix actors that run a planned workflow exactly once.
