//! What is asked of a Restate server.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::nodes;

/// A server, and what is done with it.
#[derive(Args, Debug)]
pub struct Restate {
    /// What is done
    #[command(subcommand)]
    pub task: Task,
    /// Folder of the server's data and logs [default: target/restate/run]
    #[arg(long, global = true)]
    pub folder: Option<PathBuf>,
}

/// What is done with a server.
#[derive(Subcommand, Debug)]
pub enum Task {
    /// Starts the server with the data it has. The first time, npm installs it
    Up(Up),
    /// Stops the server and keeps its data
    Down,
    /// Shows whether the server is up, and its addresses
    Status,
}

/// How it is started.
#[derive(Args, Debug)]
pub struct Up {
    /// Number of servers. With three, one may fail [default: the number that the data is of, else
    /// 1]
    #[arg(long, value_parser = nodes())]
    pub nodes: Option<usize>,
    /// Address of your own services, such as http://127.0.0.1:9080. They are registered with the
    /// server
    #[arg(long, value_name = "URI")]
    pub service: Option<String>,
    /// Deletes the old data first
    #[arg(long)]
    pub fresh: bool,
}
