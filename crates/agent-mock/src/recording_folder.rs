//! The folder that requests are recorded to.

use std::{
    env,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

/// The environment variable that names the folder.
const VARIABLE: &str = "AGENT_MOCK_RECORD";

/// How many files this process has written, for all its servers.
static WRITTEN: AtomicUsize = AtomicUsize::new(0);

/// The folder that requests are recorded to. Each body goes to its own file, byte by byte.
#[derive(Debug)]
pub(crate) struct RecordingFolder(PathBuf);

impl RecordingFolder {
    /// The folder that the environment variable names, if it is set.
    pub(crate) fn from_env() -> io::Result<Option<Self>> {
        env::var_os(VARIABLE)
            .filter(|path| !path.is_empty())
            .map(|path| Self::at(Path::new(&path)))
            .transpose()
    }

    /// The folder at this path. It is created if it does not exist.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path).map_err(|error| at(path, &error))?;
        Ok(Self(path.into()))
    }

    /// Writes a body to a new file `PROCESS-NUMBER.json` that only its owner can read. Fails if
    /// that file exists.
    pub(crate) fn write(&self, body: &str) -> io::Result<()> {
        let number = WRITTEN.fetch_add(1, Relaxed) + 1;
        let path = self.0.join(format!("{}-{number:05}.json", process::id()));
        create(&path).and_then(|mut file| file.write_all(body.as_bytes())).map_err(|error| at(&path, &error))
    }
}

/// Bodies are private, so only the owner can read the file from the start.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{VARIABLE}: {}: {error}", path.display()))
}
