//! Serves the team to an engine. In production, that is another program.

use std::error::Error;

use agent_restate::Services;
use restate_server::{Cluster, register};
use tokio::net::TcpListener;

use super::team;

/// An engine that this process serves the team to.
pub(crate) struct Served(Option<Cluster>);

impl Served {
    pub(crate) async fn on(host: &str) -> Result<Self, Box<dyn Error>> {
        if host != "restate" {
            return Ok(Self(None));
        }
        let cluster = Cluster::start(1).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(Services::new(team()?).serve(listener)?);
        register(cluster.admin(), &format!("http://{address}")).await?;
        Ok(Self(Some(cluster)))
    }

    pub(crate) fn ingress(&self) -> &str {
        self.0.as_ref().map(Cluster::ingress).unwrap_or_default()
    }
}
