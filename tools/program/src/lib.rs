//! What the workspace's programs share: words on standard output, and how a program ends.
//!
//! ```
//! use program::println;
//!
//! println!("one line, and {}", "no panic if nobody reads it");
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod ended;
mod out;
#[cfg(unix)]
mod unread;

pub use ended::{causes, ended};
pub use out::{Out, say};
#[cfg(unix)]
pub use unread::ends_quietly_unread;
