//! Generates messages and services without a `protoc` on the machine.

use std::path::PathBuf;
use std::{env, error, fs};

use prost::Message as _;

const FILES: [&str; 4] = [
    "actix_etl/raft/v1/raft.proto",
    "actix_etl/cluster/v1/cluster.proto",
    "actix_etl/admin/v1/admin.proto",
    "actix_etl/relay/v1/relay.proto",
];

fn main() -> Result<(), Box<dyn error::Error>> {
    println!("cargo::rerun-if-changed=definitions");
    let set = protox::compile(FILES, ["definitions"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.binpb"), set.encode_to_vec())?;
    tonic_prost_build::configure().bytes(".").compile_fds(set)?;
    Ok(())
}
