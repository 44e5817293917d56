use crate::group::{Addresses, Error, Members, tool};
use crate::hazards::outcome::Outcome;
use crate::hazards::site::{Effort, Site};

/// A backup is made while clients write, and becomes another cluster of three.
pub async fn run(effort: &Effort) -> Result<Outcome, Error> {
    let mut site = Site::found("backup-restore", effort, 3, &[]).await?;
    site.more_writes(if site.short { 60 } else { 3000 }).await?;
    // What is acknowledged before the backup begins must be in it.
    let before = site.ledger.lock().clone();
    let file = site.path("backup.etl").display().to_string();
    site.operate(&["cluster", "backup", &file]).await?.succeeded("cluster backup")?;
    site.outcome.bite("backup while writing", true);

    let root = site.path("restored");
    let addresses = Addresses::loopback(&mut fastrand::Rng::new());
    let restored = Members::new(&root, addresses, None, Vec::new());
    let directory = restored.directory(1).display().to_string();
    let (raft, admin) = (addresses.raft(1), addresses.admin(1));
    let place = ["--data-dir", &directory, "--raft-advertise", &raft, "--admin-advertise", &admin];
    let restore = [&["cluster", "restore", &file][..], &place].concat();
    std::fs::create_dir_all(&root).map_err(Error::file(&root))?;
    tool(&restore).await?.succeeded("cluster restore")?;
    let again = tool(&restore).await?;
    let is_refused = again.code == Some(2) && again.err.contains("holds a node's data already");
    site.outcome.expect("a restore over a node's data is refused", is_refused);

    let mut restored = restored.found(3).await?;
    site.outcome.bite("restore", true);
    site.outcome.look_up(before.look_up(&restored).await?);
    let theirs = restored.wait_for("a status", |status| status.leader != 0).await?;
    let ours = site.status().await?;
    let is_new = theirs.cluster_id != ours.cluster_id;
    site.outcome.expect("the restored cluster has an id of its own", is_new);
    site.more_writes(20).await?;
    drop(restored);
    site.finish().await
}
