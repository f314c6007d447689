//! The file of a cassette. It is only appended to.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{LazyLock, Mutex, PoisonError},
    thread,
    time::Duration,
};

use super::{error::CassetteError, recording::Recording};

/// How often a file is read again, and after what time, while its last line is not whole.
const AGAIN: u32 = 20;
const SOON: Duration = Duration::from_millis(10);

/// Reads all recordings of a file, each with the number of its line. `None` if it does not exist.
pub(super) fn read(path: &Path) -> Result<Option<Vec<(usize, Recording)>>, CassetteError> {
    let mut attempts = 0..AGAIN;
    loop {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(CassetteError::Read { path: path.to_owned(), source }),
        };
        match recordings(path, &text) {
            // Somebody may be writing it.
            Err(_) if !text.ends_with('\n') && attempts.next().is_some() => thread::sleep(SOON),
            read => return read.map(Some),
        }
    }
}

fn recordings(path: &Path, text: &str) -> Result<Vec<(usize, Recording)>, CassetteError> {
    // Some editors write a mark at the beginning.
    let text = text.trim_start_matches('\u{feff}');
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let recordings = lines.map(|(place, line)| {
        let number = place + 1;
        let wrong = |reason| CassetteError::Line { path: path.to_owned(), line: number, reason };
        Recording::read(line).map(|recording| (number, recording)).map_err(wrong)
    });
    recordings.collect()
}

/// Makes the file and its folder, if need be, and ends its last line. So what can't be written is
/// known before a model is asked.
pub(super) fn prepare(path: &Path) -> Result<(), CassetteError> {
    let made = path.parent().map_or(Ok(()), fs::create_dir_all);
    let prepared = made.and_then(|()| {
        let mut file = open(path)?;
        // Some editors leave it out.
        if ends_with_line_feed(&mut file)? { Ok(()) } else { file.write_all(b"\n") }
    });
    prepared.map_err(|source| CassetteError::Write { path: path.to_owned(), source })
}

/// Adds a line. It is one write at the end of the file, which the operating system does not mix
/// with those of other threads and processes.
pub(super) fn append(path: &Path, line: &str) -> io::Result<()> {
    open(path)?.write_all(line.as_bytes())
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).open(path)
}

fn ends_with_line_feed(file: &mut File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// The number of this process's recordings of each file. Several tests of a program may record into
/// one file, and none of them may replace what another has just recorded.
static TAKES: LazyLock<Mutex<HashMap<PathBuf, u32>>> = LazyLock::new(Mutex::default);

/// The number for recordings that replace those that are in the file.
pub(super) fn next_take(path: &Path, recordings: &[(usize, Recording)]) -> u32 {
    let next = recordings.iter().map(|(_, recording)| recording.take).max().unwrap_or(0).saturating_add(1);
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    *TAKES.lock().unwrap_or_else(PoisonError::into_inner).entry(path).or_insert(next)
}
