//! What cluster is wanted.

use std::path::Path;

use crate::{Cluster, StartError, ports};

/// What cluster is wanted: small ones by default, since they stand beside tests.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// 1 or 3. Of three, one can be dead: what is written is kept by two.
    pub nodes: usize,
    /// How many parts of the keys are worked on side by side. A cluster keeps the number it began with.
    pub partitions: u16,
    /// The memory that a node's database may take, in MB. A node has 150 MB by itself.
    pub memory_mb: u32,
}

impl Settings {
    /// So many nodes; one has 1 partition, three have 4, so that each may lead some.
    #[must_use]
    pub fn new(nodes: usize) -> Self {
        Self { nodes, partitions: if nodes == 1 { 1 } else { 4 }, memory_mb: 128 }
    }

    /// As many nodes as have their data in this folder. None, if there is none.
    #[must_use]
    pub fn of_folder(folder: &Path) -> Option<Self> {
        ports::known(folder).map(|ports| Self::new(ports.len()))
    }

    /// Starts a cluster whose data goes when it is dropped.
    ///
    /// # Errors
    ///
    /// If there is no server, or it does not start.
    pub async fn start(&self) -> Result<Cluster, StartError> {
        Cluster::of_its_own(self).await
    }

    /// Starts a cluster that has its data and logs in this folder, and goes on from what is there.
    ///
    /// # Errors
    ///
    /// If there is no server, or it does not start; if the data is of another number of nodes, or its ports are taken.
    pub async fn start_in(&self, folder: &Path) -> Result<Cluster, StartError> {
        Cluster::in_folder(self, folder).await
    }
}
