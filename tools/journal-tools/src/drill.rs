//! The drill on a journal: each run in a process of its own, which is killed.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use drill::{Attempt, Done, Kept, Line, Options, Tools, lines};
use options::Rounds;

use crate::{
    kept::kept,
    kill::{Moment, attempt},
};

const SESSION: &str = "trip";

/// Where one run takes place.
struct Ring {
    _folder: tempfile::TempDir,
    journal: PathBuf,
    log: PathBuf,
    tools: Tools,
}

/// Plays the rounds that the options say; 200 if they don't.
pub(crate) fn run(rounds: &Rounds) -> Done {
    drill::run("journal", &Options::new(rounds, 200), Ring::new)
}

impl Ring {
    fn new(tools: Tools) -> Done<Self> {
        let folder = tempfile::tempdir()?;
        let (journal, log) = (folder.path().join("journal"), folder.path().join("log"));
        Ok(Self { _folder: folder, journal, log, tools })
    }
}

impl drill::Ring for Ring {
    const OF_PROCESS: bool = true;

    fn attempt(&mut self, after: Option<Duration>) -> Done<Attempt> {
        let path = |path: &Path| path.to_string_lossy().into_owned();
        let tools = self.tools.word();
        attempt(
            &["run", &path(&self.journal), &path(&self.log), SESSION, tools],
            after.map_or(Moment::Never, Moment::After),
        )
    }

    fn lines(&self) -> Done<Vec<Line>> {
        lines(&self.log)
    }

    fn kept(&mut self) -> Done<Kept> {
        kept(&self.journal, SESSION)
    }
}
