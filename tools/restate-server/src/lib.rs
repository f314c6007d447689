//! A [Restate](https://restate.dev) server of one's own, for tests, drills and a first try.
//!
//! The server is other people's program, under a licence of their own (BSL 1.1). It is installed by npm, once, under the
//! target folder; where that can't be done, [`Missing`] says why in one line, and tests are skipped. `cargo xtask restate
//! up` starts one to try things with.
//!
//! ```no_run
//! # async fn test() -> Result<(), Box<dyn std::error::Error>> {
//! let Some(mut cluster) = restate_server::Cluster::unless_missing(3).await? else { return Ok(()) };
//! restate_server::register(cluster.admin(), "http://127.0.0.1:9080").await?;
//! cluster.kill(1);
//! let rows = restate_server::query(cluster.admin_of(2), "select id, status from sys_invocation").await?;
//! println!("{rows:?}");
//! cluster.restart(1).await?;
//! # Ok(())
//! # }
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod admin;
mod balancer;
mod cluster;
mod detached;
mod error;
mod folder;
mod install;
mod lock;
mod node;
mod ports;
mod process;
mod ready;
mod settings;
mod target;
mod watch;

pub use admin::{AdminError, Deployment, Service, cancel, client, query, register};
pub use balancer::Balancer;
pub use cluster::Cluster;
pub use detached::{Detached, Standing};
pub use error::StartError;
pub use install::{Installed, Missing, VERSION, install, install_with};
pub use settings::Settings;
pub use target::folder;
