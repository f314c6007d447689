//! The disk by itself: what a sync costs.

use std::{
    fs::OpenOptions,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use drill::Done;

/// What a transaction of the journal appends to its log: three pages, each with its header.
const APPENDED: [u8; 3 * (4096 + 24)] = [0xa5; 3 * (4096 + 24)];

/// The times of so many appends with `fdatasync`, to a file in this folder.
pub(crate) fn syncs(folder: &Path, count: usize) -> Done<Vec<Duration>> {
    let path = folder.join("by-itself");
    let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
    let sync = |_| {
        let began = Instant::now();
        file.write_all(&APPENDED)?;
        file.sync_data()?;
        Ok(began.elapsed())
    };
    (0..count).map(sync).collect()
}
