//! How large what the engine keeps may be.

use std::io::{self, Write};

use restate_sdk::errors::TerminalError;
use serde::Serialize;

/// What the engine takes as one piece, in bytes, as its server is set by default (32 MiB), with room for what it adds.
/// More than that, it would try again and again: <https://docs.restate.dev/references/server-config>.
pub(crate) const LIMIT: usize = (32 << 20) - (64 << 10);

/// What a conversation may come to: the engine reads the state of a session and what is given to it at once, and stops for
/// good where both together are more than that.
pub(crate) const CONVERSATION: usize = LIMIT / 2;

/// The status of an error about that.
pub(crate) const TOO_LARGE: u16 = 413;

/// How many bytes this is as JSON.
pub(crate) fn size(value: &impl Serialize) -> usize {
    let mut count = Count(0);
    serde_json::to_writer(&mut count, value).expect("it only counts, and what is ours can be written");
    count.0
}

/// Fails if this is too large, and says what it is.
pub(crate) fn check(what: &str, value: &impl Serialize) -> Result<(), TerminalError> {
    room(LIMIT, what, size(value)).map(drop)
}

/// How many bytes there is room for beside so many; fails if these are too many, and says what they are of.
pub(crate) fn room(limit: usize, what: &str, bytes: usize) -> Result<usize, TerminalError> {
    limit
        .checked_sub(bytes)
        .ok_or_else(|| TerminalError::new_with_code(TOO_LARGE, too_large(what, bytes, limit)))
}

/// What is said of something that is too large.
pub(crate) fn too_large(what: &str, bytes: usize, limit: usize) -> String {
    format!("{what} is too large: {bytes} bytes as JSON, where the engine takes {limit}")
}

struct Count(usize);

impl Write for Count {
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
    use super::{room, size};

    #[test]
    fn what_is_too_large_is_named_with_its_size() {
        assert_eq!(size(&["ab", "c"]), r#"["ab","c"]"#.len());
        assert_eq!(room(9, "a task", size(&"six...")).unwrap(), 1);
        let error = room(7, "a task", size(&"six...")).unwrap_err();
        assert_eq!(
            (error.code(), error.message()),
            (413, "a task is too large: 8 bytes as JSON, where the engine takes 7")
        );
    }
}
