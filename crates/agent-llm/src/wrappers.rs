//! What can be done around any [`Llm`](crate::Llm). Nothing here uses `claude` or `transport`.

mod asking;
mod bounds;
mod gate;
mod repair;
mod retry;

pub(crate) use asking::{Again, Asking};
pub use bounds::{Bounded, Bounds};
pub use gate::{Gate, Gated};
pub use repair::Repair;
pub(crate) use retry::keep_asking;
pub use retry::{Retry, RetryPolicy};
