//! What every connector must do, as functions that its tests run.
//!
//! ```ignore
//! #[tokio::test]
//! async fn keeps_the_contract_of_a_source() {
//!     let file = fixture(); // at least 8 records
//!     conformance::source(|| FileSource.configure(&json!({"path": file})).unwrap()).await.unwrap();
//! }
//!
//! #[tokio::test]
//! async fn keeps_the_contract_of_a_destination() {
//!     conformance::destination(|| {
//!         let dir = Arc::new(tempfile::tempdir().unwrap()); // a fresh, empty place for each rule
//!         let target = dir.path().join("out.jsonl");
//!         let read = target.clone();
//!         conformance::Site::new(
//!             move || FileDestination.configure(&json!({"path": target})).unwrap(),
//!             move || { let _keep = &dir; rows_of(&read) },
//!         )
//!     })
//!     .await
//!     .unwrap();
//! }
//! ```
//!
//! Every function returns the first broken rule as a [`Violation`]; nothing here panics. The suite knows a connector
//! by its traits alone, so a rule that fails names what the engine would suffer from.

mod descriptor;
mod destination;
mod reading;
mod source;
mod violation;

pub use descriptor::descriptor;
pub use destination::{Site, destination};
pub use source::{SourceReport, source};
pub use violation::Violation;
