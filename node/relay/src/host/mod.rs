//! The node that carries out steps for others.

mod actor;
mod arbiters;
mod calls;
mod compute;
mod guard;
mod hop;
mod open_step;
mod prepare;
mod process;
mod register;
mod service;
mod session;
mod slots;
mod stream;
mod writing;

pub use service::RelayService;
