//! Files as source and destination: CSV, JSON and Parquet, with globs and compression.
