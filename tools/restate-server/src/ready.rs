//! When a node can be used.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::admin::{answers, members, query};
use crate::node::Node;
use crate::{AdminError, StartError};

/// Long, for machines with much else to do. A node that can't start ends by itself.
const LIMIT: Duration = Duration::from_secs(60);

/// Between two looks. Each leaves a line in the log if it comes too early.
const PAUSE: Duration = Duration::from_millis(50);

/// Waits until this node of so many takes requests and can serve them.
pub(crate) async fn wait(node: &mut Node, nodes: usize) -> Result<(), StartError> {
    let begun = Instant::now();
    loop {
        if let Some(status) = node.ended() {
            let (log, tail) = (node.log(), node.tail());
            return Err(StartError::Ended { node: node.number, status: status.to_string(), log, tail });
        }
        match lacks(node, nodes).await {
            Ok(None) => return Ok(()),
            Ok(Some(why)) | Err(AdminError::Refused { said: why, .. }) if begun.elapsed() > LIMIT => {
                return Err(late(node, why));
            }
            Err(error) if begun.elapsed() > LIMIT => return Err(late(node, error.to_string())),
            _ => sleep(PAUSE).await,
        }
    }
}

/// What is still missing.
async fn lacks(node: &Node, nodes: usize) -> Result<Option<String>, AdminError> {
    answers(&format!("{}/health", node.admin)).await?;
    answers(&format!("{}/restate/health", node.ingress)).await?;
    // Before all keep the metadata, the death of one may be the end of the cluster.
    let members = members(&node.admin).await?;
    if members < nodes {
        return Ok(Some(format!("{members} of {nodes} nodes keep the metadata")));
    }
    // Only this shows that each partition has a leader, and that the node knows it.
    query(&node.admin, "select count(*) as invocations from sys_invocation").await?;
    Ok(None)
}

fn late(node: &Node, why: String) -> StartError {
    let (log, tail) = (node.log(), node.tail());
    StartError::NotReady { node: node.number, seconds: LIMIT.as_secs(), why, log, tail }
}
