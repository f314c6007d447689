//! Who holds leases: a process, as long as it lives.

use std::{
    collections::{BTreeSet, HashSet},
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
    process,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A journal that may drive sessions. Its file is locked until it is dropped, or its process ends in whatever way: then
/// nobody has to wait for anything to run out.
#[derive(Debug)]
pub(crate) struct Holder {
    pub(crate) name: String,
    /// Whether its lock says that it lives; if not, its lease must be renewed.
    pub(crate) is_locked: bool,
    /// The sessions it drives now.
    driven: Mutex<HashSet<String>>,
    path: PathBuf,
    /// Unlocked when it is closed.
    _file: fs::File,
}

/// The names of those in this process. Another process may have the same number, in a container of its own.
static HERE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// How long a lease without a lock counts, and how often it is renewed.
pub(crate) const TERM: Duration = Duration::from_secs(30);
pub(crate) const RENEWAL: Duration = Duration::from_secs(10);

/// What can be seen of a holder's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Alive,
    Dead,
    /// Files can't be locked here.
    Nothing,
}

impl Holder {
    /// A new holder beside the journal's file.
    pub(crate) fn new(journal: &Path) -> io::Result<Self> {
        let name = format!("{}-{:016x}", process::id(), fastrand::u64(..));
        let path = beside(journal, &name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        let is_locked = try_lock(&file, Lock::Own) == Seen::Dead;
        here().insert(name.clone());
        Ok(Self { name, is_locked, driven: Mutex::default(), path, _file: file })
    }

    /// Whether it does not drive the session yet; now it does.
    pub(crate) fn begin(&self, session: &str) -> bool {
        self.driven().insert(session.to_owned())
    }

    pub(crate) fn end(&self, session: &str) {
        self.driven().remove(session);
    }

    fn driven(&self) -> MutexGuard<'_, HashSet<String>> {
        self.driven.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the holder of this name is in this process.
    pub(crate) fn is_here(name: &str) -> bool {
        here().contains(name)
    }

    /// What can be seen of another one.
    pub(crate) fn look(journal: &Path, name: &str) -> Seen {
        match OpenOptions::new().write(true).open(beside(journal, name)) {
            Ok(file) => try_lock(&file, Lock::Shared),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Seen::Dead,
            Err(_) => Seen::Nothing,
        }
    }

    /// Removes what a dead one has left.
    pub(crate) fn clear(journal: &Path, name: &str) {
        // Who does not find it takes it for dead, too.
        let _ = fs::remove_file(beside(journal, name));
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
        here().remove(&self.name);
    }
}

fn here() -> MutexGuard<'static, BTreeSet<String>> {
    HERE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn beside(journal: &Path, name: &str) -> PathBuf {
    let mut path = journal.as_os_str().to_owned();
    path.push("-holder-");
    path.push(name);
    path.into()
}

/// How a file is locked. Who only looks must not keep others from seeing the same.
#[derive(Clone, Copy)]
enum Lock {
    Own,
    Shared,
}

/// Locks a file if nobody lives who has: then its holder is dead.
#[cfg(unix)]
fn try_lock(file: &fs::File, lock: Lock) -> Seen {
    use rustix::fs::FlockOperation::{NonBlockingLockExclusive, NonBlockingLockShared};
    let operation = match lock {
        Lock::Own => NonBlockingLockExclusive,
        Lock::Shared => NonBlockingLockShared,
    };
    match rustix::fs::flock(file, operation) {
        Ok(()) => Seen::Dead,
        Err(rustix::io::Errno::WOULDBLOCK) => Seen::Alive,
        Err(_) => Seen::Nothing,
    }
}

#[cfg(not(unix))]
fn try_lock(_: &fs::File, _: Lock) -> Seen {
    Seen::Nothing
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn who_looks_does_not_make_a_dead_one_look_alive() {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("runs.journal");
        fs::write(beside(&journal, "dead"), "").unwrap();
        let looking = fs::File::open(beside(&journal, "dead")).unwrap();
        assert_eq!(try_lock(&looking, Lock::Shared), Seen::Dead);
        assert_eq!(Holder::look(&journal, "dead"), Seen::Dead);
        let holder = Holder::new(&journal).unwrap();
        assert_eq!(Holder::look(&journal, &holder.name), Seen::Alive);
    }
}
