//! What a server serves.

use std::sync::Arc;

use agent_core::Team;
use futures::future::BoxFuture;
use rmcp::model::Implementation;
use tokio::sync::Semaphore;

use super::{ClientCall, catalog::Entry, ended::Ended, open_runs::OpenRuns};

/// What a server serves, and the calls under way.
pub(crate) struct Served {
    pub(crate) info: Implementation,
    pub(crate) instructions: Option<String>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) team: Team,
    pub(crate) runs: Arc<RunsOn>,
    pub(crate) open: OpenRuns,
    pub(crate) max_calls: usize,
    pub(crate) free_calls: Semaphore,
}

/// Carries out a call.
pub(crate) type RunsOn = dyn Fn(ClientCall) -> BoxFuture<'static, Ended> + Send + Sync;
