//! Tracks which events of a call were emitted, because several places may emit them.

use std::sync::{Mutex, PoisonError};

/// The events of a call that were emitted so far. The start is emitted at most once, and the end
/// exactly once.
#[derive(Debug, Default)]
pub(super) struct CallEvents(Mutex<Emitted>);

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Emitted {
    #[default]
    Nothing,
    Start,
    End,
}

impl CallEvents {
    /// Emits the start. Returns false if the call is already over for listeners; then it must not
    /// start.
    pub(super) fn emit_start(&self, emit: impl FnOnce()) -> bool {
        let mut emitted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *emitted == Emitted::Nothing {
            *emitted = Emitted::Start;
            // The lock is held, otherwise the end could be emitted first.
            emit();
        }
        *emitted == Emitted::Start
    }

    /// Prevents a call from starting. Returns whether it had not started.
    pub(super) fn prevent_start(&self) -> bool {
        let mut emitted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = *emitted == Emitted::Nothing;
        if is_new {
            *emitted = Emitted::End;
        }
        is_new
    }

    /// Marks the end as emitted, and returns what was emitted before.
    pub(super) fn mark_ended(&self) -> Emitted {
        let mut emitted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut emitted, Emitted::End)
    }
}
