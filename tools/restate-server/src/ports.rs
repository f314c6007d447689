//! Ports that nobody uses.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Below the ports that systems give to outgoing connections, so that none is taken while a node is down.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// The ports of a node, all on 127.0.0.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ports {
    /// Where requests to services come in.
    pub(crate) ingress: u16,
    /// Where deployments are registered, queries asked, and the web UI is.
    pub(crate) admin: u16,
    /// Where nodes speak with each other.
    pub(crate) fabric: u16,
}

impl Ports {
    /// Where a server listens unless it is told otherwise.
    pub(crate) const USUAL: Self = Self { ingress: 8080, admin: 9070, fabric: 5122 };

    /// The first of them that somebody listens on.
    pub(crate) fn taken(self) -> Option<u16> {
        [self.ingress, self.admin, self.fabric].into_iter().find(|port| hold(*port).is_none())
    }
}

/// The ports of the nodes that have their data in this folder.
pub(crate) fn known(folder: &Path) -> Option<Vec<Ports>> {
    serde_json::from_slice(&fs::read(file(folder)).ok()?).ok()
}

/// Keeps ports for the next time.
pub(crate) fn keep(folder: &Path, ports: &[Ports]) -> io::Result<()> {
    fs::write(file(folder), serde_json::to_vec(ports).expect("numbers are JSON"))
}

fn file(folder: &Path) -> PathBuf {
    folder.join("ports.json")
}

/// Free ports for so many nodes, no port twice. None, if there are hardly any.
pub(crate) fn free(nodes: usize) -> Option<Vec<Ports>> {
    let mut held: Vec<TcpListener> = Vec::new();
    let mut next = || {
        // Held until all are found, for two must not be the same.
        let listener = (0..1_000).find_map(|_| hold(fastrand::u16(RANGE)))?;
        let port = listener.local_addr().ok()?.port();
        held.push(listener);
        Some(port)
    };
    (0..nodes).map(|_| Some(Ports { ingress: next()?, admin: next()?, fabric: next()? })).collect()
}

fn hold(port: u16) -> Option<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()
}
