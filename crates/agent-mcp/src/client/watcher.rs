//! What happens when a server's list of tools changes.

use std::sync::Arc;

use rmcp::model::{ServerNotification, SubscriptionFilter};
use tokio::sync::mpsc;

use super::{connection::Connection, server::WeakInner};

/// Reads the list again each time the server says that it has changed, until the server is dropped.
pub(super) fn refresh(server: WeakInner, mut changes: mpsc::UnboundedReceiver<()>) {
    tokio::spawn(async move {
        while changes.recv().await.is_some() {
            // Several changes are one.
            while changes.try_recv().is_ok() {}
            let Some(server) = server.upgrade() else { return };
            // If the server can't be asked, the next call says so, and reads the list itself.
            let _ = server.refresh().await;
        }
    });
}

/// With the newest revision, changes are told only to who asks for them.
pub(super) fn listen(server: WeakInner, connection: &Arc<Connection>) {
    let tells = connection.peer().peer_info().is_some_and(|info| {
        info.capabilities.tools.as_ref().is_some_and(|tools| tools.list_changed == Some(true))
    });
    if !connection.is_stateless() || !tells {
        return;
    }
    let peer = connection.peer().clone();
    tokio::spawn(async move {
        let filter = SubscriptionFilter::builder().tools_list_changed().build();
        // A server that does not tell changes is asked again when it is started again.
        let Ok(mut changes) = peer.listen(filter).await else { return };
        while let Ok(Some(change)) = changes.next().await {
            if matches!(change, ServerNotification::ToolListChangedNotification(_)) {
                let Some(server) = server.upgrade() else { return };
                server.list_changed();
            }
        }
    });
}
