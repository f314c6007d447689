//! What happens when a server's list of tools changes.

use std::sync::Weak;

use rmcp::{
    Peer, RoleClient,
    model::{ServerNotification, SubscriptionFilter},
};
use tokio::sync::mpsc;

use super::{changes::Changed, link::Link};

/// Reads the list again each time the server says that it has changed, until the server is dropped.
pub(super) fn watch(server: Weak<Link>, mut changes: mpsc::UnboundedReceiver<Changed>) {
    tokio::spawn(async move {
        while let Some(change) = changes.recv().await {
            let Some(server) = server.upgrade() else { return };
            match change {
                Changed::Connected(peer) => listen(peer, server.changes.downgrade()),
                // If the server can't be asked, the next call says so, and reads the list itself.
                Changed::List => drop(server.refresh().await),
            }
        }
    });
}

/// With the newest revision, changes are told only to who asks for them.
fn listen(peer: Peer<RoleClient>, changes: mpsc::WeakUnboundedSender<Changed>) {
    let Some(info) = peer.peer_info() else { return };
    let tells = info.capabilities.tools.as_ref().is_some_and(|tools| tools.list_changed == Some(true));
    if info.protocol_version.has_initialize() || !tells {
        return;
    }
    tokio::spawn(async move {
        let filter = SubscriptionFilter::builder().tools_list_changed().build();
        // If the connection ends, the next one listens again.
        let Ok(mut told) = peer.listen(filter).await else { return };
        while let Ok(Some(change)) = told.next().await {
            let Some(changes) = changes.upgrade() else { return };
            if matches!(change, ServerNotification::ToolListChangedNotification(_)) {
                // If nobody listens, the server is being dropped.
                let _ = changes.send(Changed::List);
            }
        }
    });
}
