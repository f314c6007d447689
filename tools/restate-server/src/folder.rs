//! The folders of clusters that end with their owner.
//!
//! An owner holds the lock of its cluster's folder. Who starts a cluster removes the folders whose lock is free, with the
//! servers that still run there: their owner is dead.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use std::{io, thread};

use rustix::process::Signal;

use crate::{lock, process, target};

/// How long the logs of a cluster that failed are kept.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

const OWNED: &str = "owner.lock";
const FAILED: &str = "failed";

/// A folder that is removed with this, unless something failed.
#[derive(Debug)]
pub(crate) struct Owned {
    path: PathBuf,
    _lock: File,
}

impl Owned {
    /// A new one, after the dead ones' are removed.
    pub(crate) fn make() -> io::Result<Self> {
        let all = target::folder().join("clusters");
        fs::create_dir_all(&all)?;
        // One at a time, so that nobody takes a folder that is just being made for one of the dead.
        let _turn = lock::wait(&all.join("lock"))?;
        sweep(&all)?;
        let path = all.join(std::iter::repeat_with(fastrand::lowercase).take(12).collect::<String>());
        fs::create_dir(&path)?;
        let lock = lock::wait(&path.join(OWNED))?;
        Ok(Self { path, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Has the logs kept for a day.
    pub(crate) fn keep(&self) {
        let _ = fs::write(self.path.join(FAILED), "");
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // In a test that fails, the server's log may say why.
        if thread::panicking() {
            self.keep();
        }
        remove(&self.path);
    }
}

/// Removes the folder of a cluster, or, if that has failed of late, all but its logs.
fn remove(folder: &Path) {
    if !is_kept(&folder.join(FAILED)) {
        let _ = fs::remove_dir_all(folder);
        return;
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        // The data of a node has 150 MB. Files are not removed by this.
        if entry.path().is_dir() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Where the number of a node's process is written, for who finds the folder of a dead owner.
pub(crate) fn pid_file(folder: &Path, node: usize) -> PathBuf {
    folder.join(format!("n{node}.pid"))
}

fn sweep(all: &Path) -> io::Result<()> {
    for entry in fs::read_dir(all)?.flatten() {
        let folder = entry.path();
        // Only folders have an owner. Others may be gone by now.
        if let Ok(Some(_dead)) = lock::unless_held(&folder.join(OWNED)) {
            end_servers(&folder);
            remove(&folder);
        }
    }
    Ok(())
}

fn end_servers(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let file = entry.path();
        if file.extension().is_some_and(|extension| extension == "pid") {
            let pid = fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok());
            if let Some(pid) = pid.filter(|pid| process::is_server(*pid, folder)) {
                process::signal(pid, Signal::KILL);
            }
        }
    }
}

fn is_kept(mark: &Path) -> bool {
    let age = |failed: SystemTime| failed.elapsed().unwrap_or_default();
    fs::metadata(mark).and_then(|mark| mark.modified()).is_ok_and(|failed| age(failed) < KEPT)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// What looks like a server of the cluster `name`, whose owner may have a lock.
    fn server(all: &Path, name: &str) -> (PathBuf, Child) {
        let folder = all.join(name);
        fs::create_dir_all(folder.join("n1")).unwrap();
        fs::write(folder.join("n1.log"), "").unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "read -r _", "server", "--base-dir"]).arg(&folder).args(["--more"]);
        let child = command.stdin(Stdio::piped()).spawn().unwrap();
        fs::write(pid_file(&folder, 1), child.id().to_string()).unwrap();
        (folder, child)
    }

    #[test]
    fn what_dead_owners_left_is_removed() {
        let all = tempfile::tempdir().unwrap();
        let (dead, mut of_dead) = server(all.path(), "dead");
        let (failed, mut of_failed) = server(all.path(), "failed");
        fs::write(failed.join(FAILED), "").unwrap();
        let (alive, mut of_alive) = server(all.path(), "alive");
        let _owner = lock::wait(&alive.join(OWNED)).unwrap();
        // Its number was given to somebody else.
        fs::write(pid_file(&dead, 2), of_alive.id().to_string()).unwrap();

        sweep(all.path()).unwrap();
        for killed in [&mut of_dead, &mut of_failed] {
            assert_eq!(killed.wait().unwrap().signal(), Some(9));
        }
        assert!(!dead.exists());
        assert!(failed.join("n1.log").exists() && !failed.join("n1").exists());
        assert!(alive.join("n1").exists());
        // It goes when its pipe is closed, as it was not killed.
        assert!(of_alive.try_wait().unwrap().is_none());
        drop(of_alive.stdin.take());
        assert_eq!(of_alive.wait().unwrap().signal(), None);
    }
}
