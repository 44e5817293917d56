//! Real handshakes over loopback: who is let in, who is not, and what happens when files change.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod authorities;
mod handshakes;
mod hostile;
mod pki;
mod reload;
mod served;
