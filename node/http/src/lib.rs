//! The HTTP client that everything that speaks HTTP shares.
