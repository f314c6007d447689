//! The workspace's files.

use std::error::Error;
use std::fs;
use std::process::Command;

use crate::task::root;

/// A text file of the workspace.
pub(crate) struct Source {
    /// From the workspace's root, with `/` between folders.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// Whether this is one of the files or in one of the folders (which end with `/`).
    pub(crate) fn is_under(&self, places: &[&str]) -> bool {
        places
            .iter()
            .any(|place| self.path == *place || (place.ends_with('/') && self.path.starts_with(place)))
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
}

/// Reads the text files under these folders of the workspace, those not yet added to git too, ignored ones not.
pub(crate) fn sources(folders: &[&str]) -> Result<Vec<Source>, Box<dyn Error>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"])
        .args(folders)
        .current_dir(root())
        .output()?;
    if !output.status.success() {
        return Err(format!("git ls-files failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let mut sources = Vec::new();
    for path in String::from_utf8(output.stdout)?.split_terminator('\0') {
        // A file may be deleted but still in the index, and one that is no text has no lines or words to check.
        if let Ok(text) = fs::read_to_string(root().join(path)) {
            sources.push(Source { path: path.into(), text });
        }
    }
    Ok(sources)
}
