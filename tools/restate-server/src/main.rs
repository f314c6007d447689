//! A Restate server to try things with; `cargo xtask restate` starts this.
#![cfg_attr(test, allow(clippy::unwrap_used))]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io};

use clap::Parser;
use options::{Restate, Task, Up};
use program::println;
use restate_server::{Detached, Settings, VERSION, register};

type Done = Result<(), Box<dyn Error>>;

/// A Restate server to try things with. `cargo xtask restate` starts this
#[derive(Parser)]
#[command(name = "restate-server")]
struct CommandLine {
    #[command(flatten)]
    asked: Restate,
}

/// Exits with 0 if the task went well, 1 if it did not, 2 if there is no such task.
#[tokio::main]
async fn main() -> ExitCode {
    let Restate { task, folder } = CommandLine::parse().asked;
    let folder: PathBuf = folder.unwrap_or_else(|| restate_server::folder().join("run"));
    program::ended(match task {
        Task::Up(how) => up(&how, &folder).await,
        Task::Down => down(&folder).await,
        Task::Status => status(&folder),
    })
}

async fn up(options: &Up, folder: &Path) -> Done {
    if options.fresh {
        clear(folder)?;
    }
    let there = Settings::of_folder(folder);
    let settings = options.nodes.map(Settings::new).or(there).unwrap_or_else(|| Settings::new(1));
    let (cluster, now) = Detached::start(&settings, folder).await?;
    println!("Restate {VERSION} is up{}", if now { "" } else { " already" });
    show(&cluster);
    let admin = &cluster.nodes()[0].admin;
    match &options.service {
        Some(uri) => {
            let deployment = register(admin, uri).await?;
            let services: Vec<&str> =
                deployment.services.iter().map(|service| service.name.as_str()).collect();
            println!("registered {uri}: {}", services.join(", "));
        }
        None => println!("register your own services with `up --service http://127.0.0.1:9080`"),
    }
    println!("`down` stops it and keeps its data; `up` starts it with that data, `up --fresh` without it");
    Ok(())
}

/// Removes the data that is there, of a cluster that does not run.
fn clear(folder: &Path) -> Done {
    if Detached::find(folder)?.is_some() {
        return Err("the server is up and uses its data: run `down` first".into());
    }
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

async fn down(folder: &Path) -> Done {
    match Detached::find(folder)? {
        Some(cluster) => {
            cluster.stop().await?;
            println!("Restate is down; its data is in {}", folder.display());
        }
        None => println!("Restate is not up"),
    }
    Ok(())
}

fn status(folder: &Path) -> Done {
    match Detached::find(folder)? {
        Some(cluster) => {
            println!("Restate {VERSION} is up");
            show(&cluster);
        }
        None => println!("Restate is not up"),
    }
    Ok(())
}

fn show(cluster: &Detached) {
    for node in cluster.nodes() {
        let state = match cluster.rss_kb(node) {
            Some(kb) => format!("process {}, {} MB", node.pid, kb / 1024),
            None => "DEAD".into(),
        };
        println!(
            "  node {}: ingress {}  admin and web UI {}  ({state})",
            node.node, node.ingress, node.admin
        );
    }
    println!("  logs and data: {}", cluster.folder().display());
}
