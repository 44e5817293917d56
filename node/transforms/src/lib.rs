//! Stateless transformations: mapping and filter.
