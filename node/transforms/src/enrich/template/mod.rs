//! Texts with expressions: `{{ user.email }}` stands for a value, escaped for the place it stands in.

mod parse;
mod place;
mod render;

pub(super) use place::Kind;
pub(super) use render::{Rendering, Template};
