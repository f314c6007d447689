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
    /// Where its data and logs are [default: target/restate/run]
    #[arg(long, global = true)]
    pub folder: Option<PathBuf>,
}

/// What is done with a server.
#[derive(Subcommand, Debug)]
pub enum Task {
    /// Starts the server, installed by npm at first, and goes on from its data
    Up(Up),
    /// Stops the server, and keeps its data
    Down,
    /// Shows whether it is up, and where
    Status,
}

/// How it is started.
#[derive(Args, Debug)]
pub struct Up {
    /// How many servers there are; three stand in for each other [default: as many as there are data of, else 1]
    #[arg(long, value_parser = nodes())]
    pub nodes: Option<usize>,
    /// Where services of your own are, such as http://127.0.0.1:9080; they are made known to the server
    #[arg(long, value_name = "URI")]
    pub service: Option<String>,
    /// Removes the data that is there before it starts
    #[arg(long)]
    pub fresh: bool,
}
