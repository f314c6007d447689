//! A server that is a process of this machine.

use std::{
    collections::{BTreeMap, VecDeque},
    ffi::OsString,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use process_wrap::tokio::{CommandWrap, KillOnDrop};
use rmcp::transport::TokioChildProcess;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{ChildStderr, Command},
    sync::watch,
    time::timeout,
};

/// How many of the last lines of standard error are kept, and how much of each.
const LINES: usize = 10;
const LONGEST_LINE: usize = 400;

/// The most bytes that are read as one line.
const PART: u64 = 64 << 10;

/// How long the last lines are waited for after a process has closed its output.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What a server gets of this program's environment: what programs need to run, but none of its
/// keys.
const INHERITED: &[&str] = &[
    "HOME",
    "LANG",
    "LC_ALL",
    "LOGNAME",
    "PATH",
    "SHELL",
    "TERM",
    "TMPDIR",
    "USER", // on Unix
    "APPDATA",
    "HOMEDRIVE",
    "HOMEPATH",
    "LOCALAPPDATA",
    "PATHEXT",
    "PROCESSOR_ARCHITECTURE",
    "PROGRAMFILES",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "USERNAME",
    "USERPROFILE", // on Windows
];

/// The program, its arguments and its surroundings.
#[derive(Clone)]
pub(super) struct Process {
    pub(super) program: OsString,
    pub(super) arguments: Vec<OsString>,
    pub(super) folder: Option<PathBuf>,
    pub(super) environment: BTreeMap<OsString, OsString>,
    pub(super) inherits_all: bool,
}

impl Process {
    /// Starts the process in a group of its own, which ends with it: `npx` starts further
    /// processes. Its standard error is read into the lines.
    pub(super) fn start(&self) -> io::Result<(TokioChildProcess, LastLines)> {
        let mut command = CommandWrap::from(self.command());
        command.wrap(KillOnDrop);
        #[cfg(unix)]
        command.wrap(process_wrap::tokio::ProcessGroup::leader());
        #[cfg(windows)]
        command.wrap(process_wrap::tokio::JobObject);
        let builder = TokioChildProcess::builder(command).stderr(std::process::Stdio::piped());
        let (process, errors) = builder.spawn()?;
        let lines = errors.map(LastLines::of).unwrap_or_default();
        Ok((process, lines))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        if !self.inherits_all {
            command.env_clear();
            command.envs(INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        }
        command.envs(&self.environment);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command
    }
}

/// The last lines that a process has written to standard error.
#[derive(Clone)]
pub(super) struct LastLines {
    lines: Arc<Mutex<VecDeque<String>>>,
    /// Closed when the process has closed its standard error.
    is_open: watch::Receiver<()>,
}

impl Default for LastLines {
    /// Those of a server that is no process.
    fn default() -> Self {
        Self { lines: Arc::default(), is_open: watch::channel(()).1 }
    }
}

impl LastLines {
    fn of(errors: ChildStderr) -> Self {
        let (open, is_open) = watch::channel(());
        let kept = Self { lines: Arc::default(), is_open };
        let lines = kept.lines.clone();
        tokio::spawn(async move {
            let mut reader = BufReader::new(errors);
            let mut line = Vec::new();
            // Read as bytes, because a line that is no UTF-8 must not end the reading, and in parts,
            // because a line may have no end.
            while matches!((&mut reader).take(PART).read_until(b'\n', &mut line).await, Ok(1..)) {
                let text = String::from_utf8_lossy(&line);
                let text: String = text.trim_end().chars().take(LONGEST_LINE).collect();
                let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                if !text.is_empty() {
                    lines.push_back(text);
                }
                if lines.len() > LINES {
                    lines.pop_front();
                }
                drop(lines);
                line.clear();
            }
            drop(open);
        });
        kept
    }

    /// The lines, once the process has written all of them.
    pub(super) async fn all(&self) -> Vec<String> {
        let mut is_open = self.is_open.clone();
        // A process that it started may hold standard error open for longer.
        let _ = timeout(LAST_WORDS, async { while is_open.changed().await.is_ok() {} }).await;
        self.so_far()
    }

    /// The lines that the process has written so far.
    pub(super) fn so_far(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
