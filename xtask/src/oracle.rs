//! The oracle: Anthropic's own client says whether we speak the API as it does.
//!
//! Its types are the API's published description. They judge each request that the demo and the examples send, and
//! each kind of reply that agent-mock gives; and the client itself is put to work against agent-mock. The checks
//! are in `xtask/oracle/`; this makes what they need.

mod python;
mod sent;

use std::path::PathBuf;

use agent_mock::{Mock, Plot};
use python::Python;

use crate::task::{Done, root};

const USAGE: &str = "\
usage: cargo xtask oracle [--required]

  --required  fails where there is no Python, or no way to install the client; else that is said and passes";

/// What agent-mock says when each kind of its replies is judged.
const REPLIES: &str = include_str!("../oracle/replies.json");

/// Fails on each request and each reply that does not conform.
pub(crate) fn run(arguments: &[&str]) -> Done {
    let required = match arguments {
        [] => false,
        ["--required"] => true,
        _ => return Err(USAGE.into()),
    };
    let python = match Python::with_client() {
        Ok(python) => python,
        Err(why) if required => return Err(format!("oracle: {why}").into()),
        Err(why) => {
            println!("oracle: skipped: {why}");
            return Ok(());
        }
    };
    let requests = sent::all()?;
    let replies = Plot::from_json(REPLIES).map_err(|error| format!("xtask/oracle/replies.json: {error}"))?;
    // The servers are served by the runtime's threads while this one waits for Python.
    tokio::runtime::Runtime::new()?.block_on(async {
        let default = Mock::start(Plot::default()).await?;
        let scripted = Mock::start(replies).await?;
        python.judge(&requests, &default.url(), &scripted.url())
    })
}

/// A folder for what is made here.
fn folder(name: &str) -> PathBuf {
    root().join("target/oracle").join(name)
}
