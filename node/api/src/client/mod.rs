//! How tools speak to a cluster: any node will do, and the next one is asked when one cannot be reached.

mod address;
mod admin_client;
mod backup;
mod caller;
mod dialing;
mod insight;
mod run_log;
mod run_tap;
mod run_watch;
mod runs;

pub use admin_client::{AdminClient, Leadership};
pub use backup::{Backup, SavedBackup, save_backup};
pub use run_log::RunLog;
pub use run_tap::RunTap;
pub use run_watch::RunWatch;
