//! What the tools and models of a run did, written by themselves where no crash takes it back.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::Path,
    sync::Arc,
};

use crate::Done;

/// A file with a line for each call that begins, that ends, and whose result a model reads, with its key.
#[derive(Clone)]
pub struct Log(Arc<File>);

/// A line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// The call of this key begins.
    Start(String),
    /// It ends.
    End(String),
    /// A model reads its result.
    Read(String),
}

impl Log {
    /// The file at this path; what comes is added to it.
    pub fn open(path: &Path) -> Done<Self> {
        Ok(Self(Arc::new(OpenOptions::new().create(true).append(true).open(path)?)))
    }

    /// See [`Line::Start`].
    pub fn start(&self, key: &str) {
        self.write(&format!("start {key}\n"));
    }

    /// See [`Line::End`].
    pub fn end(&self, key: &str) {
        self.write(&format!("end {key}\n"));
    }

    /// See [`Line::Read`].
    pub fn read(&self, key: &str) {
        self.write(&format!("read {key}\n"));
    }

    /// In one call of the system, so a line is there or it is not.
    fn write(&self, line: &str) {
        (&*self.0).write_all(line.as_bytes()).expect("without its log, the drill says nothing");
    }
}

/// What was written so far.
pub fn lines(path: &Path) -> Done<Vec<Line>> {
    let text = if path.exists() { fs::read_to_string(path)? } else { String::new() };
    let line = |line: &str| match line.split_once(' ') {
        Some(("start", key)) => Ok(Line::Start(key.to_owned())),
        Some(("end", key)) => Ok(Line::End(key.to_owned())),
        Some(("read", key)) => Ok(Line::Read(key.to_owned())),
        _ => Err(format!("{}: {line:?} is no line of it", path.display()).into()),
    };
    text.lines().map(line).collect()
}
