//! A process that serves the drill's team beside a server that stands by itself, to try things with.

use std::{fs::File, net::SocketAddr, path::PathBuf, process::Command, time::Duration};

use drill::Done;
use program::println;
use restate_server::{Detached, folder, register};
use tokio::{net::TcpStream, runtime::Runtime, time::sleep};

use crate::stage::free;

/// So often one looks whether it can be reached.
const TRIES: usize = 500;

/// Starts it, if the server is up and none stands there, and says how to talk to it.
pub(crate) fn run(at: Option<PathBuf>) -> Done {
    let folder = at.unwrap_or_else(|| folder().join("run"));
    let server = Detached::find(&folder)?.ok_or("Restate is not up: run `up` first")?;
    if server.companions().is_empty() {
        let address = free()?;
        let log = File::create(server.folder().join("service.log"))?;
        let mut service = Command::new(std::env::current_exe()?);
        service.args(["serve", &address.to_string(), "--base-dir"]).arg(server.folder());
        let service = service.stdout(log.try_clone()?).stderr(log).spawn()?;
        server.accompany(service.id())?;
        Runtime::new()?.block_on(async {
            reach(address).await?;
            register(&server.nodes()[0].admin, &format!("http://{address}")).await?;
            Done::Ok(())
        })?;
    }
    println!("the drill's team is served there; talk to it:");
    let said = r#"{"agent": "lead", "text": "Plan the trip."}"#;
    println!("  curl {}/AgentSession/my-trip/say --json '{said}'", server.nodes()[0].ingress);
    Ok(())
}

async fn reach(address: SocketAddr) -> Done {
    for _ in 0..TRIES {
        if TcpStream::connect(address).await.is_ok() {
            return Ok(());
        }
        sleep(Duration::from_millis(20)).await;
    }
    Err(format!("the process that serves the team does not answer at {address}").into())
}
