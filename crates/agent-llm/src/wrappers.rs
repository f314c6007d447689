//! What can be done around any [`Llm`](crate::Llm). Nothing here uses `claude` or `transport`.

pub(crate) mod asking;
mod bounds;
mod gate;
mod repair;
mod retry;

pub use bounds::{Bounded, Bounds};
pub use gate::{Gate, Gated};
pub use repair::Repair;
pub use retry::{Retry, RetryPolicy};
