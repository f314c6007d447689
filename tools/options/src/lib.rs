//! The command lines that `cargo xtask` and the program that does the work share: so the first knows what the second takes
//! without building it, and both say the same. What only one program takes, it keeps itself.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod nodes;
mod number;
mod pages;
mod restate;
mod rounds;
mod sessions;
mod soak;

pub use nodes::nodes;
pub use pages::{pages, refusal};
pub use restate::{Restate, Task, Up};
pub use rounds::Rounds;
pub use sessions::{Sessions, What};
pub use soak::Soak;
