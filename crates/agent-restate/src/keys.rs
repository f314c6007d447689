//! Numbered keys of states.

use std::sync::{Mutex, PoisonError};

/// Numbered keys with one stem. The SDK needs keys that outlive the handler, so they are never
/// freed. There are as many as the largest number that was asked for.
pub(crate) struct Keys {
    stem: &'static str,
    made: Mutex<Vec<&'static str>>,
}

impl Keys {
    pub(crate) const fn new(stem: &'static str) -> Self {
        Self { stem, made: Mutex::new(Vec::new()) }
    }

    /// The key with this number.
    pub(crate) fn key(&self, number: usize) -> &'static str {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        while made.len() <= number {
            let key = format!("{} {}", self.stem, made.len());
            made.push(key.leak());
        }
        made[number]
    }
}

#[cfg(test)]
mod tests {
    use super::Keys;

    #[test]
    fn keys_are_made_only_once() {
        static KEYS: Keys = Keys::new("message");
        assert_eq!([KEYS.key(2), KEYS.key(0)], ["message 2", "message 0"]);
        assert!(std::ptr::eq(KEYS.key(2), KEYS.key(2)));
    }
}
