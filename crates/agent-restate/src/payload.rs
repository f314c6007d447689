//! The sizes of data that the engine accepts.

use std::io::{self, Write};

use restate_sdk::errors::TerminalError;
use serde::Serialize;

/// The most bytes that the engine accepts in one message, with its default settings (32 MiB), less
/// some room for what it adds itself. It would retry a larger message forever:
/// <https://docs.restate.dev/references/server-config>.
pub(crate) const MAX_BYTES: usize = (32 << 20) - (64 << 10);

/// The most bytes of a conversation. The engine reads the state of a session and its input
/// together. If both together are too large, the session is stuck forever.
pub(crate) const MAX_CONVERSATION_BYTES: usize = MAX_BYTES / 2;

/// The status of the error for something that is too large.
pub(crate) const TOO_LARGE: u16 = 413;

/// The size of a value as JSON, in bytes.
pub(crate) fn json_bytes(value: &impl Serialize) -> usize {
    let mut count = ByteCounter(0);
    serde_json::to_writer(&mut count, value)
        .expect("counting can't fail, and our types can be written as JSON");
    count.0
}

/// Fails if a value is too large. `what` names it in the error.
pub(crate) fn check(what: &str, value: &impl Serialize) -> Result<(), TerminalError> {
    room(MAX_BYTES, what, json_bytes(value)).map(drop)
}

/// The room that is left beside `bytes`. Fails if `bytes` is over the limit. `what` names the data
/// in the error.
pub(crate) fn room(limit: usize, what: &str, bytes: usize) -> Result<usize, TerminalError> {
    limit
        .checked_sub(bytes)
        .ok_or_else(|| TerminalError::new_with_code(TOO_LARGE, too_large(what, bytes, limit)))
}

/// The message about something that is too large.
pub(crate) fn too_large(what: &str, bytes: usize, limit: usize) -> String {
    format!("{what} is too large: {bytes} bytes as JSON, and the engine accepts {limit}")
}

struct ByteCounter(usize);

impl Write for ByteCounter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{json_bytes, room};

    #[test]
    fn an_error_about_the_size_names_the_data_and_its_size() {
        assert_eq!(json_bytes(&["ab", "c"]), r#"["ab","c"]"#.len());
        assert_eq!(room(9, "a task", json_bytes(&"six...")).unwrap(), 1);
        let error = room(7, "a task", json_bytes(&"six...")).unwrap_err();
        assert_eq!(
            (error.code(), error.message()),
            (413, "a task is too large: 8 bytes as JSON, and the engine accepts 7")
        );
    }
}
