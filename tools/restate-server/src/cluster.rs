//! Servers that end with their owner.

use std::fs;
use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

use crate::folder::Owned;
use crate::node::Node;
use crate::ports::{self, Ports};
use crate::{Installed, Missing, Settings, StartError, install, process, ready};

/// One server, or three that stand in for each other, on 127.0.0.1. They are killed when this is dropped, and when its
/// process ends in any way.
///
/// Nodes are numbered from 1; methods panic at a number there is no node of.
#[derive(Debug)]
pub struct Cluster {
    // Before the folder: dropped in this order.
    nodes: Vec<Node>,
    folder: PathBuf,
    owned: Option<Owned>,
}

impl Cluster {
    /// Starts 1 node or 3 that are empty, and waits until all can be used. The server is installed if it is not there.
    ///
    /// # Errors
    ///
    /// If there is no server, or it does not start.
    pub async fn start(nodes: usize) -> Result<Self, StartError> {
        Settings::new(nodes).start().await
    }

    /// As [`Cluster::start`], for tests, which are skipped where there is no server: prints why, and gives None.
    ///
    /// # Errors
    ///
    /// If the server does not start.
    #[expect(clippy::print_stdout, reason = "what a test prints, its harness reads")]
    pub async fn unless_missing(nodes: usize) -> Result<Option<Self>, StartError> {
        match Self::start(nodes).await {
            Ok(cluster) => Ok(Some(cluster)),
            Err(StartError::Missing(missing)) => {
                println!("skipped: {missing}");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn of_its_own(settings: &Settings) -> Result<Self, StartError> {
        let installed = installed().await?;
        let owned = Owned::make().map_err(StartError::at(crate::target::folder()))?;
        let folder = owned.path().to_owned();
        Self::launch(settings, &installed, &folder, Some(owned)).await
    }

    pub(crate) async fn in_folder(settings: &Settings, folder: &Path) -> Result<Self, StartError> {
        let installed = installed().await?;
        fs::create_dir_all(folder).map_err(StartError::at(folder))?;
        // Nodes have their own notion of where they are.
        let folder = folder.canonicalize().map_err(StartError::at(folder))?;
        Self::launch(settings, &installed, &folder, None).await
    }

    async fn launch(
        settings: &Settings,
        installed: &Installed,
        folder: &Path,
        owned: Option<Owned>,
    ) -> Result<Self, StartError> {
        let ports = ports(settings.nodes, folder, owned.is_none())?;
        let node = |number| Node::new(number, &ports, settings, installed, folder);
        let nodes = (1..=ports.len()).map(node).collect();
        let mut cluster = Self { nodes, folder: folder.to_owned(), owned };
        match cluster.start_all().await {
            Ok(()) => Ok(cluster),
            Err(error) => {
                // The error names the log.
                cluster.owned.iter().for_each(Owned::keep);
                Err(error)
            }
        }
    }

    async fn start_all(&mut self) -> Result<(), StartError> {
        self.nodes.iter_mut().try_for_each(Node::start)?;
        let nodes = self.nodes.len();
        for node in &mut self.nodes {
            ready::wait(node, nodes).await?;
        }
        Ok(())
    }

    /// The number of its nodes, dead ones included.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The folder with the nodes' logs (`n1.log` and so on) and data.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where requests to services are sent: `http://127.0.0.1:PORT` of the first node.
    #[must_use]
    pub fn ingress(&self) -> &str {
        self.ingress_of(1)
    }

    /// Where a node takes requests to services.
    #[must_use]
    pub fn ingress_of(&self, node: usize) -> &str {
        &self.node(node).ingress
    }

    /// The first node's admin API, for [`register`](crate::register), [`query`](crate::query) and
    /// [`cancel`](crate::cancel). A browser finds the web UI there.
    #[must_use]
    pub fn admin(&self) -> &str {
        self.admin_of(1)
    }

    /// A node's admin API.
    #[must_use]
    pub fn admin_of(&self, node: usize) -> &str {
        &self.node(node).admin
    }

    /// Kills a node with SIGKILL. Does nothing if it is dead.
    pub fn kill(&mut self, node: usize) {
        self.node_mut(node).kill();
    }

    /// Starts a node that is dead, with its data and at its addresses, and waits until it can be used. For that, most of
    /// the nodes must run.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub async fn restart(&mut self, node: usize) -> Result<(), StartError> {
        let nodes = self.nodes.len();
        let node = self.node_mut(node);
        if node.ended().is_some() {
            // By itself, that is: of a killed one nothing is left.
            node.kill();
        }
        node.start()?;
        ready::wait(node, nodes).await
    }

    /// The number of a node's process. None, if it was killed.
    #[must_use]
    pub fn pid(&self, node: usize) -> Option<u32> {
        self.node(node).pid()
    }

    /// The memory a node takes, in KiB: its resident set. None, if it is dead.
    #[must_use]
    pub fn rss_kb(&self, node: usize) -> Option<u64> {
        process::rss_kb(self.pid(node)?)
    }

    /// Lets the servers run on without an owner.
    pub(crate) fn release(mut self) {
        self.nodes.iter_mut().for_each(Node::release);
    }

    fn node(&self, node: usize) -> &Node {
        let found = node.checked_sub(1).and_then(|index| self.nodes.get(index));
        found.unwrap_or_else(|| {
            panic!("there is no node {node}: they are numbered from 1 to {}", self.nodes.len())
        })
    }

    fn node_mut(&mut self, node: usize) -> &mut Node {
        self.node(node);
        &mut self.nodes[node - 1]
    }
}

/// Off the runtime's threads: it may take half a minute.
async fn installed() -> Result<Installed, Missing> {
    spawn_blocking(install).await.expect("the installation does not panic")
}

/// The ports that the nodes with data in this folder have, or new ones.
fn ports(nodes: usize, folder: &Path, usual: bool) -> Result<Vec<Ports>, StartError> {
    if ![1, 3].contains(&nodes) {
        return Err(StartError::Nodes(nodes));
    }
    if let Some(known) = ports::known(folder) {
        let folder = folder.to_owned();
        if known.len() != nodes {
            return Err(StartError::OtherNodes { folder, there: known.len(), asked: nodes });
        }
        return match known.iter().find_map(|ports| ports.taken()) {
            Some(port) => Err(StartError::PortTaken { folder, port }),
            None => Ok(known),
        };
    }
    let mut ports = ports::free(nodes).ok_or(StartError::NoPorts)?;
    // Who works with a server knows these; tests leave them to him.
    if usual && Ports::USUAL.taken().is_none() {
        ports[0] = Ports::USUAL;
    }
    ports::keep(folder, &ports).map_err(StartError::at(folder))?;
    Ok(ports)
}
