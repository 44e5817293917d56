//! `cluster`: how the cluster is, and who belongs to it.

mod backup;
mod join;
mod leadership;
mod nodes;
mod status;

use crate::arguments::{ClusterCommand, Output};
use crate::cluster_client::block_on;
use crate::{Error, Exit};

pub(super) fn cluster(command: &ClusterCommand, output: Output) -> Result<Exit, Error> {
    match command {
        ClusterCommand::Status(arguments) => block_on(status::status(arguments, output)),
        ClusterCommand::Drain(arguments) => block_on(nodes::drain(arguments, output)),
        ClusterCommand::Resume(arguments) => block_on(nodes::resume(arguments, output)),
        ClusterCommand::Leave(arguments) => block_on(nodes::leave(arguments, false, output)),
        ClusterCommand::Remove(arguments) => {
            block_on(nodes::leave(&arguments.leave, arguments.force, output))
        }
        ClusterCommand::TransferLeader { server, to } => block_on(leadership::transfer(server, *to, output)),
        ClusterCommand::Backup { server, file } => block_on(backup::backup(server, file, output)),
        ClusterCommand::Restore(arguments) => super::offline::restore(arguments, output),
        ClusterCommand::Recover(arguments) => super::offline::recover(arguments, output),
        ClusterCommand::Join { read } => block_on(join::join(read, output)),
    }
}
