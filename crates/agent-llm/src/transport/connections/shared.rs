//! Places for requests on shared connections.

use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Client;

use super::{Tls, Way};

/// How many requests share a connection: as many as any server should allow (RFC 9113, 6.5.2);
/// common servers allow 100 to 250. What is more than the server allows waits for its turn.
pub(super) const STREAMS: u32 = 100;

/// Connections of up to [`STREAMS`] requests each: the first that has room takes the next request,
/// so that those which a quiet hour does not need come to rest and are closed.
pub(super) struct Shared {
    way: Way,
    tls: Tls,
    lines: Mutex<Vec<Arc<Line>>>,
}

/// A place on a connection, which is held as long as this is not dropped.
pub(super) type Place = Arc<Line>;

/// A client of its own, because one has at most one HTTP/2 connection to a server.
pub(super) struct Line(Client);

impl Shared {
    pub(super) fn new(way: Way, tls: Tls, client: Client) -> Self {
        Self { way, tls, lines: Mutex::new(vec![Arc::new(Line(client))]) }
    }

    /// A place on the first connection that has room; if none has, on a new one.
    pub(super) fn place(&self) -> Place {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(free) = lines.iter().find(|line| taken(line) < STREAMS as usize) {
            return free.clone();
        }
        match self.way.client(&self.tls) {
            Ok(client) => {
                let line = Arc::new(Line(client));
                lines.push(line.clone());
                line
            }
            // To wait for a stream is better than to fail.
            Err(_) => lines.iter().min_by_key(|line| taken(line)).expect("there is a first one").clone(),
        }
    }
}

/// How many places of it are held. They are given out under a lock, so there are never more.
fn taken(line: &Arc<Line>) -> usize {
    Arc::strong_count(line) - 1
}

impl Line {
    pub(super) fn client(&self) -> &Client {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::transport::endpoint::Endpoint;

    #[test]
    fn the_first_connection_with_room_takes_the_next_request() {
        let endpoint = Endpoint::of("http://localhost", false, "").unwrap();
        let way = Way::to(&endpoint, true, Duration::from_secs(1));
        let tls = Tls::offering(&[]);
        let client = way.client(&tls).unwrap();
        let shared = Shared::new(way, tls, client);
        let check = |places: &[Place], expected: &[usize]| {
            let lines = shared.lines.lock().unwrap();
            let all: Vec<usize> = lines.iter().map(taken).collect();
            assert_eq!((all.as_slice(), places.len()), (expected, expected.iter().sum()));
        };
        let mut places: Vec<Place> = (0..250).map(|_| shared.place()).collect();
        check(&places, &[100, 100, 50]);
        places.drain(..7);
        check(&places, &[93, 100, 50]);
        places.extend((0..8).map(|_| shared.place()));
        check(&places, &[100, 100, 51]);
    }
}
