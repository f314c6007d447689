//! What has been told of a call that several may tell of.

use std::sync::{Mutex, PoisonError};

/// How far a call has been told of: its start at most once, and its end once and after that, whoever comes first.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<Stage>);

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Stage {
    #[default]
    Nothing,
    Start,
    End,
}

impl Told {
    /// Tells of the start, unless the call is over for the listeners.
    pub(super) fn start(&self, tell: impl FnOnce()) {
        let mut stage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *stage == Stage::Nothing {
            *stage = Stage::Start;
            // With the lock held, or the end might be told first.
            tell();
        }
    }

    /// What has been told; from here on, the end.
    pub(super) fn end(&self) -> Stage {
        let mut stage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut stage, Stage::End)
    }
}
