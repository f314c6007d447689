//! The drill: runs are killed at any moment until they come to their end, and nothing that counted is lost or done again.
//! What runs where and how it is killed is an engine's own ([`Ring`]); the team, the rounds and the verdict are here.

mod bill;
mod kept;
mod log;
mod report;
mod rounds;
mod seen;
mod team;

use std::error::Error;

pub use bill::{Bill, Paid, budget};
pub use kept::{Kept, MayBeUnknown};
pub use log::{Line, Log, lines};
pub use report::{Report, median};
pub use rounds::{Attempt, Options, Ring, Tools, run};
pub use seen::{Found, Seen};
pub use team::{EFFECTS, TASK, Ways, team};

/// How a part ends.
pub type Done<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;
