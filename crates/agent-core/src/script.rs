//! A model backend that follows a script, for tests and demos (feature `script`).

mod model;
mod reply;

pub use model::Script;
pub use reply::Reply;
