//! What a journal's file holds, as a process left it.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use agent_core::{Conversation, End, conversation::Change};
use agent_journal::{Entry, Journal, JournalError};
use drill::{Done, Kept, Paid};

/// What the file holds of a session. Reads a copy, so that what the process left half done is there for who opens the journal next.
pub(crate) fn kept(journal: &Path, session: &str) -> Done<Kept> {
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("copy");
    // What processes share while they live (`-shm`) is not what the disk holds.
    for ending in ["", "-wal", "-journal"] {
        match fs::copy(beside(journal, ending), beside(&copy, ending)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    match read(&copy, session) {
        // It was stopped before it began.
        Err(JournalError::NotOpened { .. } | JournalError::UnknownSession { .. }) => Ok(Kept::default()),
        kept => Ok(kept?),
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

fn read(journal: &Path, session: &str) -> Result<Kept, JournalError> {
    let journal = Journal::read(journal)?;
    let mut kept = Kept::default();
    let (conversation, entries) = (journal.conversation(session)?, journal.entries(session)?);
    kept.paid = Some(paid(conversation.clone(), &entries));
    for (id, entry) in entries {
        let Some(key) = entry.call().map(|call| format!("{id}/{call}")) else { continue };
        match entry {
            Entry::Started(_) => drop(kept.unknown.insert(key)),
            Entry::Change(Change::Recorded { done, .. }) => {
                kept.unknown.remove(&key);
                kept.outcomes.entry(key).or_default().push(done.outcome);
            }
            _ => {}
        }
    }
    let end = journal.session(session)?.and_then(|session| session.end);
    if let Some(End::Answered(_)) = end {
        kept.answered = Some(conversation);
    }
    Ok(kept)
}

/// What was paid for the requests of a session.
fn paid(mut conversation: Conversation, entries: &[(String, Entry)]) -> Paid {
    for (id, spent) in conversation.unsettled() {
        conversation.apply(&id, spent).expect("usage can always be added");
    }
    // Counted from the entries, not as a host does it.
    let mut open = BTreeMap::new();
    for (place, (id, entry)) in entries.iter().enumerate() {
        match entry {
            Entry::Change(Change::Reserved { .. }) => drop(open.insert(id, format!("{id}, entry {place}"))),
            Entry::Change(Change::Answered(_) | Change::Failed(_) | Change::Spent { .. }) => {
                open.remove(id);
            }
            _ => {}
        }
    }
    Paid { spent: conversation.spent(), open: open.into_values().collect() }
}
