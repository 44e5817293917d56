//! The settings of a node: what was given in three places ([`layers`]) becomes one value that holds together ([`validate`]).

mod address;
mod layers;
mod node_settings;
mod validate;

pub(super) use address::{Advertised, listen};
pub(crate) use layers::settings;
pub(crate) use node_settings::NodeSettings;
pub(super) use node_settings::{Endpoint, Entry, HttpEndpoint, WorkSettings};
