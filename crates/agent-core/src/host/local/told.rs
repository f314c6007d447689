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
    /// Tells of the start, unless the call is over for the listeners: then it may not start.
    pub(super) fn start(&self, tell: impl FnOnce()) -> bool {
        let mut stage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *stage == Stage::Nothing {
            *stage = Stage::Start;
            // With the lock held, or the end might be told first.
            tell();
        }
        *stage == Stage::Start
    }

    /// A call that has not started never will; whether it is one.
    pub(super) fn forbid(&self) -> bool {
        let mut stage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = *stage == Stage::Nothing;
        if is_new {
            *stage = Stage::End;
        }
        is_new
    }

    /// What has been told; from here on, the end.
    pub(super) fn end(&self) -> Stage {
        let mut stage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut stage, Stage::End)
    }
}
