use std::io::{Write, stderr, stdout};

use crate::arguments::{AloneArguments, NodeOptions, Output, RecoverArguments, RestoreArguments};
use crate::node::{self, FreshCluster, NodeSettings};
use crate::view::print_json;
use crate::{Error, Exit};

/// `cluster restore`.
pub(super) fn restore(arguments: &RestoreArguments, output: Output) -> Result<Exit, Error> {
    let settings = settings(&arguments.alone)?;
    let fresh = node::restore(&arguments.file, &settings)?;
    show(&fresh, output)
}

/// `cluster recover`.
pub(super) fn recover(arguments: &RecoverArguments, output: Output) -> Result<Exit, Error> {
    let settings = settings(&arguments.alone)?;
    if !arguments.yes_the_majority_is_lost {
        return Err(Error::Unknown {
            message: "recovering makes a new cluster out of this one node's data; if a majority of the old one still runs, \
                      both would go on, each without the other's writes"
                .to_owned(),
            help: "only when more than half of the voters are gone for ever: add --yes-the-majority-is-lost, on the survivor \
                   that `cluster status --stale` shows to be the furthest"
                .to_owned(),
        });
    }
    let fresh = node::recover(&settings)?;
    // Where it cannot be written there is nobody to warn.
    let _ = writeln!(
        stderr(),
        "WARNING: this is a new cluster now. Writes that had reached only nodes that are gone are lost. No other node of the \
         old cluster may be started again: empty their data directories and let them join anew."
    );
    show(&fresh, output)
}

fn settings(arguments: &AloneArguments) -> Result<NodeSettings, Error> {
    let mut options = NodeOptions { data_dir: arguments.data_dir.clone(), ..NodeOptions::default() };
    options.raft.advertise = arguments.raft_advertise.clone();
    options.admin.advertise = arguments.admin_advertise.clone();
    // Nothing listens here.
    options.insecure_plain_listener = Some(true);
    Ok(node::settings(arguments.config.as_deref(), &options)?)
}

fn show(fresh: &FreshCluster, output: Output) -> Result<Exit, Error> {
    if output == Output::Json {
        print_json(fresh)?;
        return Ok(Exit::Success);
    }
    let mut out = stdout().lock();
    writeln!(out, "cluster {} with node {} alone", fresh.cluster, fresh.node)?;
    if let Some(former) = fresh.former_cluster {
        writeln!(
            out,
            "  made of cluster {former}; its {} nodes are members no more",
            fresh.left_behind.len()
        )?;
    }
    if let Some(place) = &fresh.former_data {
        writeln!(out, "  the former data is kept in {}", place.display())?;
    }
    if fresh.entries_in_doubt > 0 {
        writeln!(
            out,
            "  {} entries at the end of the log were not known to be agreed on and are kept",
            fresh.entries_in_doubt
        )?;
    }
    writeln!(out, "  go on with: actix-etl node start --data-dir {}", fresh.data_dir.display())?;
    Ok(Exit::Success)
}
