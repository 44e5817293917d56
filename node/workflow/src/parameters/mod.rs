//! What a run gives to its workflow: the values of `parameters`, and which run it is.
//!
//! Declarations are read before variables are put into the rest of the file, so that `${param:NAME}` finds its value there.

mod declare;
mod inputs;
mod kind;
mod parameter;

pub(crate) use declare::{Declared, KEY, declare};
pub(crate) use inputs::Fact;
pub use inputs::{Inputs, RunFacts};
pub use kind::ParameterKind;
pub use parameter::Parameter;
