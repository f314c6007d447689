//! What can be done around any [`Llm`](crate::Llm). Nothing here uses `claude` or `transport`.

pub(crate) mod asking;
mod bounded;
mod bounds;
mod cassette;
mod fallback;
mod gate;
mod models;
mod repair;
mod retry;
mod route;

pub use bounded::Bounded;
pub use bounds::Bounds;
pub use cassette::{Cassette, CassetteError, CassetteMiss, RequestDifference};
pub use fallback::Fallback;
pub use gate::{Gate, Gated};
pub use models::ModelsError;
pub use repair::Repair;
pub use retry::{Retry, RetryPolicy};
pub use route::Route;
