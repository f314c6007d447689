//! What is known of the last reply, and of the container that it used.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A container in which tools ran on the API's servers for an agent. Its files are there for the
/// next requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Container {
    pub(super) agent: Arc<str>,
    pub(super) id: String,
}

/// The last reply, if it was recorded exactly as the server wrote it. The server may still hold the
/// history up to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Replied {
    pub(super) agent: Arc<str>,
    /// The server's id of the reply.
    pub(super) id: Arc<str>,
    /// How many messages there were before it.
    pub(super) at: usize,
}
