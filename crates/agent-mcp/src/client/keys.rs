//! The idempotency keys of calls.

use std::{
    collections::VecDeque,
    hash::Hasher,
    sync::{Mutex, MutexGuard, PoisonError},
};

use agent_core::{Context, conversation::check_session_id};
use fnv::FnvHasher;

use crate::idempotency::MAX_KEY;

/// The most failed calls that are remembered. They are made again soon, if at all.
const FAILED: usize = 1_000;

/// Gives each call the key by which the server knows it. If a process is lost in the middle of a call,
/// the next one makes it with the same key.
#[derive(Default)]
pub(super) struct Keys(Mutex<VecDeque<Failed>>);

/// A call that the server has answered with an error.
struct Failed {
    key: String,
    times: u32,
}

impl Keys {
    /// The key for a call. `None` if its conversation has no id of its own, because other
    /// conversations have the same one.
    pub(super) fn of(&self, context: &Context) -> Option<String> {
        let session = context.conversation().split('/').next().unwrap_or_default();
        check_session_id(session).ok()?;
        let key = context.key();
        let failed = self.failed();
        let times = failed.iter().find(|failed| failed.key == key).map_or(0, |failed| failed.times);
        Some(match times {
            0 => short(&key),
            // The server would repeat the error for ever. What makes a call again after an error
            // wants another answer.
            times => short(&format!("{key}#{}", times + 1)),
        })
    }

    /// The server has answered the call with an error.
    pub(super) fn fail(&self, context: &Context) {
        let key = context.key();
        let mut failed = self.failed();
        match failed.iter_mut().find(|failed| failed.key == key) {
            Some(known) => known.times += 1,
            None => failed.push_back(Failed { key, times: 1 }),
        }
        if failed.len() > FAILED {
            failed.pop_front();
        }
    }

    fn failed(&self) -> MutexGuard<'_, VecDeque<Failed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key, if it is short enough. Otherwise its end, which has the id of the call, after a number
/// that is made of all of it.
fn short(key: &str) -> String {
    if key.len() <= MAX_KEY {
        return key.to_owned();
    }
    let mut hasher = FnvHasher::default();
    hasher.write(key.as_bytes());
    let number = format!("{:016x}…", hasher.finish());
    let mut from = key.len() + number.len() - MAX_KEY;
    while !key.is_char_boundary(from) {
        from += 1;
    }
    format!("{number}{}", &key[from..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_keys_stay_different_and_are_short_enough() {
        let deep = |call: &str| format!("trip{}/{call}", "/call_ü".repeat(60));
        let (one, two) = (short(&deep("one")), short(&deep("two")));
        assert!(one.len() <= MAX_KEY && one.len() > MAX_KEY - 4 && one != two, "{one}");
        assert!(one.ends_with("/call_ü/one"), "{one}");
        // Also if they differ only where they are cut.
        let other = short(&deep("one").replacen("trip", "tour", 1));
        assert!(other != one && other.ends_with("/call_ü/one"));
        assert_eq!(short("trip/call"), "trip/call");
    }
}
