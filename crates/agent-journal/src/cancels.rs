//! Requests of other processes to cancel the run of a session.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use agent_core::Cancel;
use rusqlite::Connection;

use crate::table::{self, SessionNumber};

/// The hosts of this journal that others may cancel. The thread that writes the file looks for
/// requests.
#[derive(Debug, Default)]
pub(crate) struct Cancels(Mutex<Hosts>);

#[derive(Debug, Default)]
struct Hosts {
    driven: HashMap<SessionNumber, Cancel>,
    /// The version of the file when it was last searched. It changes after each write by another
    /// connection. `None` if it must be searched in any case.
    version: Option<i64>,
    looked: Option<Instant>,
}

/// How often the file is checked for requests while there are hosts.
const INTERVAL: Duration = Duration::from_millis(100);

impl Cancels {
    /// Lets requests about this session use `cancel`.
    pub(crate) fn add(&self, session: SessionNumber, cancel: Cancel) {
        let mut hosts = self.hosts();
        hosts.driven.insert(session, cancel);
        hosts.version = None;
    }

    pub(crate) fn remove(&self, session: SessionNumber) {
        self.hosts().driven.remove(&session);
    }

    /// How often to [look](Self::look). `None` while there are no hosts.
    pub(crate) fn interval(&self) -> Option<Duration> {
        (!self.hosts().driven.is_empty()).then_some(INTERVAL)
    }

    /// Looks now, because a request was just written by this journal itself.
    pub(crate) fn expect(&self) {
        let mut hosts = self.hosts();
        (hosts.version, hosts.looked) = (None, None);
    }

    /// Passes new requests on to the hosts.
    pub(crate) fn look(&self, connection: &Connection) {
        let mut hosts = self.hosts();
        if hosts.driven.is_empty() || hosts.looked.is_some_and(|looked| looked.elapsed() < INTERVAL) {
            return;
        }
        hosts.looked = Some(Instant::now());
        // If the file can't be read now, this looks again. The runs find out why.
        let Ok(version) = table::version(connection) else { return };
        if hosts.version == Some(version) {
            return;
        }
        let Ok(asked) = table::cancels(connection) else { return };
        hosts.version = Some(version);
        asked.iter().filter_map(|session| hosts.driven.get(session)).for_each(Cancel::all);
    }

    fn hosts(&self) -> MutexGuard<'_, Hosts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
