//! A folder that requests are written to.

use std::{
    env,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

/// Names the folder.
const VARIABLE: &str = "AGENT_MOCK_RECORD";

/// The files of this process, over all its servers.
static WRITTEN: AtomicUsize = AtomicUsize::new(0);

/// Where the bodies of requests are written, each to a file of its own, byte by byte as they came.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// The folder that the environment names, if it does.
    pub(crate) fn of_environment() -> io::Result<Option<Self>> {
        env::var_os(VARIABLE)
            .filter(|path| !path.is_empty())
            .map(|path| Self::at(Path::new(&path)))
            .transpose()
    }

    /// The folder at this path, made if it is not there.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path).map_err(|error| at(path, &error))?;
        Ok(Self(path.into()))
    }

    /// Writes a body to `PROCESS-NUMBER.json`, which nobody else can read; a file that is there is an error.
    pub(crate) fn write(&self, body: &str) -> io::Result<()> {
        let number = WRITTEN.fetch_add(1, Relaxed) + 1;
        let path = self.0.join(format!("{}-{number:05}.json", process::id()));
        create(&path).and_then(|mut file| file.write_all(body.as_bytes())).map_err(|error| at(&path, &error))
    }
}

/// Bodies hold what people said, so the file is its owner's from the first moment.
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
