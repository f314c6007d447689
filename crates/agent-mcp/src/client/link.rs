//! What a server and its tools share.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{Mutex, mpsc, watch};

use super::{
    McpError, McpErrorKind,
    changes::Changed,
    connection::Connection,
    keys::Keys,
    list::{self, List},
    settings::Settings,
};

/// What a server and its tools share.
pub(super) struct Link {
    pub(super) name: String,
    pub(super) settings: Arc<Settings>,
    pub(super) instructions: Option<String>,
    /// `None` after a connection has ended.
    pub(super) connection: Mutex<Option<Arc<Connection>>>,
    pub(super) list: RwLock<Arc<List>>,
    /// How often the list has changed.
    pub(super) changed: watch::Sender<u64>,
    pub(super) changes: mpsc::UnboundedSender<Changed>,
    /// For a process that is asked with the older revision, and may ask back: one call at a time.
    pub(super) turn: Mutex<()>,
    pub(super) keys: Keys,
}

impl Link {
    pub(super) fn list(&self) -> Arc<List> {
        self.list.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn error(&self, kind: McpErrorKind) -> McpError {
        McpError { server: self.name.clone(), kind }
    }

    /// The connection. If it has ended, a new one is made, and the list is read again.
    pub(super) async fn connection(self: &Arc<Self>) -> Result<Arc<Connection>, McpError> {
        let mut place = self.connection.lock().await;
        if let Some(connection) = place.as_ref().filter(|connection| !connection.is_closed()) {
            return Ok(connection.clone());
        }
        *place = None;
        let opened = Connection::open(&self.settings, &self.changes).await;
        let connection = Arc::new(opened.map_err(|kind| self.error(kind))?);
        self.read_list(&connection).await?;
        self.tell(&connection);
        *place = Some(connection.clone());
        Ok(connection)
    }

    /// Reads the list of tools again.
    pub(super) async fn refresh(self: &Arc<Self>) -> Result<(), McpError> {
        let connection = self.connection().await?;
        self.read_list(&connection).await
    }

    /// Tells the watcher that there is a new connection.
    pub(super) fn tell(&self, connection: &Connection) {
        // If nobody listens, the server is being dropped.
        let _ = self.changes.send(Changed::Connected(connection.peer().clone()));
    }

    async fn read_list(&self, connection: &Connection) -> Result<(), McpError> {
        let tools = list::read(connection, &self.settings).await.map_err(|kind| self.error(kind))?;
        if !self.list().is_of(&tools) {
            let list = Arc::new(List::of(tools, &self.settings));
            *self.list.write().unwrap_or_else(PoisonError::into_inner) = list;
            self.changed.send_modify(|changes| *changes += 1);
        }
        Ok(())
    }
}
