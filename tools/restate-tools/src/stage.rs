//! An engine, and where the processes that serve are reached.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use agent_restate::Restate;
use drill::Done;
use restate_server::{Cluster, register};

use crate::service::Service;

/// An engine that knows the services at an address.
pub(crate) struct Stage {
    pub(crate) cluster: Cluster,
    pub(crate) address: SocketAddr,
}

impl Stage {
    /// An engine of so many nodes, which knows of the services at an address of which nothing else is heard.
    pub(crate) async fn open(nodes: usize) -> Done<Self> {
        let cluster = Cluster::start(nodes).await?;
        let address = free()?;
        // It asks a process what there is.
        let _service = Service::start(address, None).await?;
        register(cluster.admin(), &format!("http://{address}")).await?;
        Ok(Self { cluster, address })
    }

    /// The engine by one of its nodes.
    pub(crate) fn host(&self, node: usize) -> Done<Restate> {
        Ok(Restate::at(self.cluster.ingress_of(node))?)
    }
}

/// An address that nobody listens at.
pub(crate) fn free() -> Done<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
