//! How much is read of what may have no end.

use agent_core::{LlmError, model::LlmErrorKind};

/// The most bytes of a reply, if nothing else is said. A reply of 128,000 tokens, each in an event
/// of its own, has some 25 MB; what tools of the server bring along is a few more.
pub(crate) const LONGEST_REPLY: usize = 64 * 1024 * 1024;

/// The bytes of an answer that were read so far, and how many it may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    read: usize,
    most: usize,
}

impl Size {
    pub(crate) fn at_most(most: usize) -> Self {
        Self { read: 0, most }
    }

    /// So many more bytes came; an error if they are too many.
    pub(crate) fn add(&mut self, bytes: usize) -> Result<(), LlmError> {
        self.read = self.read.saturating_add(bytes);
        if self.read <= self.most {
            return Ok(());
        }
        let most = self.most;
        let message = format!("it has more than {most} bytes; set `longest_reply` if it may have more");
        Err(LlmError::new(LlmErrorKind::TooLong, message))
    }
}
