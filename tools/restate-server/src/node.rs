//! One server of a cluster.

use std::env;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::folder::pid_file;
use crate::ports::Ports;
use crate::settings::Settings;
use crate::watch::Watch;
use crate::{Installed, StartError};

/// How many of the log's last lines an error shows.
const TAIL: usize = 20;

/// A server, running or not: its addresses and its data stay.
#[derive(Debug)]
pub(crate) struct Node {
    /// From 1.
    pub(crate) number: usize,
    pub(crate) ingress: String,
    pub(crate) admin: String,
    folder: PathBuf,
    command: Command,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    server: Child,
    watch: Watch,
}

impl Node {
    /// The node `number` of those that have these ports, with its data in a folder of its own in `folder`.
    pub(crate) fn new(
        number: usize,
        ports: &[Ports],
        settings: &Settings,
        installed: &Installed,
        folder: &Path,
    ) -> Self {
        let own = ports[number - 1];
        Self {
            number,
            ingress: url(own.ingress),
            admin: url(own.admin),
            folder: folder.to_owned(),
            command: command(number, ports, settings, installed, folder),
            running: None,
        }
    }

    /// The file that all that the node says is added to.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join(format!("n{}.log", self.number))
    }

    /// The last lines of its log.
    pub(crate) fn tail(&self) -> String {
        let log = fs::read(self.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }

    /// Starts it, if it does not run.
    pub(crate) fn start(&mut self) -> Result<(), StartError> {
        if self.running.is_some() {
            return Ok(());
        }
        let log = self.log();
        let open = || File::options().create(true).append(true).open(&log);
        let (out, err) = open().and_then(|out| Ok((out.try_clone()?, out))).map_err(StartError::at(&log))?;
        let program = self.command.get_program().to_string_lossy().into_owned();
        let server = self.command.stdout(out).stderr(err).spawn();
        let mut server = server.map_err(|source| StartError::Spawn { program, source })?;
        match self.take_note_of(server.id()) {
            Ok(watch) => self.running = Some(Running { server, watch }),
            Err(error) => {
                end(&mut server);
                return Err(error);
            }
        }
        Ok(())
    }

    fn take_note_of(&self, pid: u32) -> Result<Watch, StartError> {
        let file = pid_file(&self.folder, self.number);
        fs::write(&file, pid.to_string()).map_err(StartError::at(file))?;
        Watch::over(pid).map_err(|source| StartError::Spawn { program: "sh".into(), source })
    }

    /// Kills it with SIGKILL, if it runs.
    pub(crate) fn kill(&mut self) {
        if let Some(Running { mut server, watch }) = self.running.take() {
            watch.end();
            end(&mut server);
            let _ = fs::remove_file(pid_file(&self.folder, self.number));
        }
    }

    /// Lets it run without an owner.
    pub(crate) fn release(&mut self) {
        if let Some(Running { watch, .. }) = self.running.take() {
            watch.end();
        }
    }

    /// How it ended, if it was started and has ended by itself.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.running.as_mut()?.server.try_wait().ok()?
    }

    /// Its process, if it was started.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.server.id())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

fn end(server: &mut Child) {
    // It can only be dead already.
    let _ = server.kill();
    let _ = server.wait();
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn command(
    number: usize,
    ports: &[Ports],
    settings: &Settings,
    installed: &Installed,
    folder: &Path,
) -> Command {
    let own = ports[number - 1];
    let fabrics: Vec<String> = ports.iter().map(|ports| url(ports.fabric)).collect();
    let at = |port: u16| format!("127.0.0.1:{port}");
    let mut command = Command::new(installed.binary());
    // What the caller's environment says is for another server.
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RESTATE_")) {
        command.env_remove(name);
    }
    command.env_remove("RUST_LOG").args(["--no-logo", "--listen-mode", "tcp", "--node-name"]);
    command.arg(format!("n{number}")).arg("--base-dir").arg(folder);
    command.args(["--default-num-partitions", &settings.partitions.to_string()]);
    command
        .env("RESTATE_BIND_ADDRESS", at(own.fabric))
        .env("RESTATE_ADVERTISED_ADDRESS", url(own.fabric))
        .env("RESTATE_INGRESS__BIND_ADDRESS", at(own.ingress))
        .env("RESTATE_ADMIN__BIND_ADDRESS", at(own.admin))
        .env("RESTATE_CLUSTER_NAME", "own")
        .env("RESTATE_METADATA_CLIENT__ADDRESSES", format!("{fabrics:?}"))
        // One founds the cluster, the others wait for it.
        .env("RESTATE_AUTO_PROVISION", (number == 1).to_string())
        .env("RESTATE_DEFAULT_REPLICATION", ports.len().min(2).to_string())
        // A node that was down is trusted after 5 s by default, and at the start all were: 3 nodes took 8 s.
        .env("RESTATE_GOSSIP_SUSPECT_INTERVAL", "500ms")
        .env("RESTATE_ROCKSDB_TOTAL_MEMORY_SIZE", format!("{}MB", settings.memory_mb))
        .env("RESTATE_DISABLE_TELEMETRY", "true")
        .env("RESTATE_LOG_FORMAT", "compact")
        .env("RESTATE_LOG_DISABLE_ANSI_CODES", "true");
    // A group of its own: a terminal's Ctrl-C is for the owner, who then ends it.
    command.process_group(0).stdin(Stdio::null());
    command
}
