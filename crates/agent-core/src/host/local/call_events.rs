//! Which events of a call were emitted, where several may emit them.

use std::sync::{Mutex, PoisonError};

/// The events of a call that were emitted so far: its start at most once, and its end once and
/// after that, whoever comes first.
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
    /// Emits the start, unless the call is over for the listeners: then it may not start.
    pub(super) fn emit_start(&self, emit: impl FnOnce()) -> bool {
        let mut emitted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *emitted == Emitted::Nothing {
            *emitted = Emitted::Start;
            // With the lock held, or the end might be emitted first.
            emit();
        }
        *emitted == Emitted::Start
    }

    /// A call that has not started never will; whether it is one.
    pub(super) fn prevent_start(&self) -> bool {
        let mut emitted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = *emitted == Emitted::Nothing;
        if is_new {
            *emitted = Emitted::End;
        }
        is_new
    }

    /// What was emitted; from here on, the end counts as emitted.
    pub(super) fn mark_ended(&self) -> Emitted {
        let mut emitted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut emitted, Emitted::End)
    }
}
