//! Servers that stand by themselves, until they are stopped.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::{Settings, StartError, lock, process};

/// How long servers may take to stop before they are killed. They lose nothing by that.
const PATIENCE: Duration = Duration::from_secs(10);

/// A cluster without an owner: it is found again by its folder.
#[derive(Debug)]
pub struct Detached {
    folder: PathBuf,
    nodes: Vec<Standing>,
}

/// A node of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Standing {
    /// The node, from 1.
    pub node: usize,
    /// Its process.
    pub pid: u32,
    /// Where it takes requests to services.
    pub ingress: String,
    /// Its admin API and web UI.
    pub admin: String,
}

impl Detached {
    /// Starts a cluster in this folder, or gives the one that stands there; and whether it was started now. It goes on from
    /// the data that is there.
    ///
    /// # Errors
    ///
    /// As [`Settings::start_in`], and if a cluster stands there of which not all nodes live, or not as many as wanted.
    pub async fn start(settings: &Settings, folder: &Path) -> Result<(Self, bool), StartError> {
        let _turn = turn(folder).map_err(StartError::at(folder))?;
        if let Some(there) = Self::find(folder).map_err(StartError::at(folder))? {
            let (folder, nodes) = (folder.to_owned(), there.nodes.len());
            return match there.nodes.iter().all(|node| there.lives(node)) {
                false => Err(StartError::Broken { folder }),
                true if nodes != settings.nodes => {
                    Err(StartError::OtherNodes { folder, there: nodes, asked: settings.nodes })
                }
                true => Ok((there, false)),
            };
        }
        let cluster = settings.start_in(folder).await?;
        let nodes = (1..=cluster.nodes()).map(|node| Standing {
            node,
            pid: cluster.pid(node).expect("it was started, and none was killed"),
            ingress: cluster.ingress_of(node).to_owned(),
            admin: cluster.admin_of(node).to_owned(),
        });
        let detached = Self { folder: cluster.folder().to_owned(), nodes: nodes.collect() };
        // Before they are let go, so that none runs that is not known.
        let text = serde_json::to_vec_pretty(&detached.nodes).expect("texts and numbers are JSON");
        fs::write(state(folder), text).map_err(StartError::at(state(folder)))?;
        cluster.release();
        Ok((detached, true))
    }

    /// The cluster that stands in this folder: one of which at least one node lives.
    ///
    /// # Errors
    ///
    /// If there is a record of one that can't be read.
    pub fn find(folder: &Path) -> io::Result<Option<Self>> {
        let text = match fs::read(state(folder)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = Self { folder: folder.canonicalize()?, nodes: serde_json::from_slice(&text)? };
        Ok(Some(found).filter(|found| found.nodes.iter().any(|node| found.lives(node))))
    }

    /// Its nodes, dead ones included.
    #[must_use]
    pub fn nodes(&self) -> &[Standing] {
        &self.nodes
    }

    /// Where it has its logs and data.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether this node of it lives: the process has its number, and is the server that was started in this folder.
    #[must_use]
    pub fn lives(&self, node: &Standing) -> bool {
        process::is_server(node.pid, &self.folder)
    }

    /// The memory that a node of it takes, in KiB: its resident set. None, if it is dead.
    #[must_use]
    pub fn rss_kb(&self, node: &Standing) -> Option<u64> {
        self.lives(node).then(|| process::rss_kb(node.pid))?
    }

    /// Has a process stop with the cluster: one whose command line says `--base-dir` and the cluster's folder.
    ///
    /// # Errors
    ///
    /// If that can't be noted down.
    pub fn accompany(&self, pid: u32) -> io::Result<()> {
        let pids = [self.companions(), vec![pid]].concat();
        fs::write(companions(&self.folder), serde_json::to_vec(&pids).expect("numbers are JSON"))
    }

    /// The processes that stop with it and live.
    #[must_use]
    pub fn companions(&self) -> Vec<u32> {
        let text = fs::read(companions(&self.folder)).unwrap_or_default();
        let pids: Vec<u32> = serde_json::from_slice(&text).unwrap_or_default();
        pids.into_iter().filter(|pid| process::is_server(*pid, &self.folder)).collect()
    }

    /// Stops the nodes that live, and what stops with them. Their data stays.
    ///
    /// # Errors
    ///
    /// If the record of it can't be removed.
    pub async fn stop(self) -> io::Result<()> {
        let _turn = turn(&self.folder)?;
        // They keep nothing.
        self.companions().into_iter().for_each(|pid| process::signal(pid, Signal::KILL));
        self.signal(Signal::TERM);
        let begun = Instant::now();
        while self.nodes.iter().any(|node| self.lives(node)) {
            if begun.elapsed() > PATIENCE {
                self.signal(Signal::KILL);
            }
            sleep(Duration::from_millis(20)).await;
        }
        match fs::remove_file(state(&self.folder)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn signal(&self, signal: Signal) {
        for node in self.nodes.iter().filter(|node| self.lives(node)) {
            process::signal(node.pid, signal);
        }
    }
}

/// Two that start or stop the cluster of a folder take turns.
fn turn(folder: &Path) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    lock::wait(&folder.join("turn.lock"))
}

fn companions(folder: &Path) -> PathBuf {
    folder.join("companions.json")
}

fn state(folder: &Path) -> PathBuf {
    folder.join("state.json")
}
