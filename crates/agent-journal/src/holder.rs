//! The holder of leases: a process, as long as it lives.

use std::{
    collections::{BTreeSet, HashSet},
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
    process,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// An open journal that can drive sessions. It has a lock file of its own, which stays locked until
/// the holder is dropped or its process ends in any way. So other processes can see whether it is
/// alive, and need not wait for a lease to run out.
#[derive(Debug)]
pub(crate) struct Holder {
    pub(crate) name: String,
    /// Whether the lock file shows that the holder lives. If not, its leases must be renewed.
    pub(crate) is_locked: bool,
    /// The sessions that it drives now.
    driven: Mutex<HashSet<String>>,
    path: PathBuf,
    /// Closing this file unlocks it.
    _file: fs::File,
}

/// The names of the holders in this process. The process id is not enough: a process in another
/// container may have the same one.
static HOLDERS_IN_THIS_PROCESS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// How long a lease is valid where files can't be locked, and how often it is renewed.
pub(crate) const LEASE_DURATION: Duration = Duration::from_secs(30);
pub(crate) const RENEWAL_INTERVAL: Duration = Duration::from_secs(10);

/// What the lock file of a holder shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Liveness {
    Alive,
    Dead,
    /// Files can't be locked here.
    Unknown,
}

impl Holder {
    /// A new holder. Its lock file is in the folder of the journal.
    pub(crate) fn new(journal: &Path) -> io::Result<Self> {
        let name = format!("{}-{:016x}", process::id(), fastrand::u64(..));
        let path = lock_file(journal, &name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        let is_locked = try_lock(&file, Lock::Own) == Liveness::Dead;
        holders_in_this_process().insert(name.clone());
        Ok(Self { name, is_locked, driven: Mutex::default(), path, _file: file })
    }

    /// Marks the session as driven. False if it is driven already.
    pub(crate) fn begin(&self, session: &str) -> bool {
        self.driven().insert(session.to_owned())
    }

    pub(crate) fn end(&self, session: &str) {
        self.driven().remove(session);
    }

    fn driven(&self) -> MutexGuard<'_, HashSet<String>> {
        self.driven.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the holder with this name is in this process.
    pub(crate) fn is_in_this_process(name: &str) -> bool {
        holders_in_this_process().contains(name)
    }

    /// Checks whether another holder lives.
    pub(crate) fn check(journal: &Path, name: &str) -> Liveness {
        match OpenOptions::new().write(true).open(lock_file(journal, name)) {
            Ok(file) => try_lock(&file, Lock::Shared),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Liveness::Dead,
            Err(_) => Liveness::Unknown,
        }
    }

    /// Removes the lock file of a dead holder.
    pub(crate) fn remove_lock_file(journal: &Path, name: &str) {
        // A holder without a lock file counts as dead, too.
        let _ = fs::remove_file(lock_file(journal, name));
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
        holders_in_this_process().remove(&self.name);
    }
}

fn holders_in_this_process() -> MutexGuard<'static, BTreeSet<String>> {
    HOLDERS_IN_THIS_PROCESS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lock_file(journal: &Path, name: &str) -> PathBuf {
    let mut path = journal.as_os_str().to_owned();
    path.push("-holder-");
    path.push(name);
    path.into()
}

/// How a file is locked. Checks use a shared lock, so that several processes can check at the same
/// time.
#[derive(Clone, Copy)]
enum Lock {
    Own,
    Shared,
}

/// Tries to lock a file. Success means that no living process has locked it, so its holder is dead.
#[cfg(unix)]
fn try_lock(file: &fs::File, lock: Lock) -> Liveness {
    use rustix::fs::FlockOperation::{NonBlockingLockExclusive, NonBlockingLockShared};
    let operation = match lock {
        Lock::Own => NonBlockingLockExclusive,
        Lock::Shared => NonBlockingLockShared,
    };
    match rustix::fs::flock(file, operation) {
        Ok(()) => Liveness::Dead,
        Err(rustix::io::Errno::WOULDBLOCK) => Liveness::Alive,
        Err(_) => Liveness::Unknown,
    }
}

#[cfg(not(unix))]
fn try_lock(_: &fs::File, _: Lock) -> Liveness {
    Liveness::Unknown
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn checking_a_dead_holder_does_not_make_it_look_alive() {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("runs.journal");
        fs::write(lock_file(&journal, "dead"), "").unwrap();
        let looking = fs::File::open(lock_file(&journal, "dead")).unwrap();
        assert_eq!(try_lock(&looking, Lock::Shared), Liveness::Dead);
        assert_eq!(Holder::check(&journal, "dead"), Liveness::Dead);
        let holder = Holder::new(&journal).unwrap();
        assert_eq!(Holder::check(&journal, &holder.name), Liveness::Alive);
    }
}
