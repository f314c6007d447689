//! What the watcher of a server is told.

use rmcp::{Peer, RoleClient};

/// What has happened to a server.
pub(super) enum Changed {
    /// Its list of tools has changed.
    List,
    /// There is a new connection.
    Connected(Peer<RoleClient>),
}
