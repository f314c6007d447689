//! Calls that wait for a person.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

/// How many calls are remembered. Another process may make them, so some never come back.
const MOST: usize = 1_000;

/// Since when calls wait for a person, by their keys. The run that asks ends, and a later run makes
/// the call, so no run can remember this.
#[derive(Default)]
pub(super) struct Asked(Mutex<HashMap<String, SystemTime>>);

impl Asked {
    /// Remembers a call. If there are too many, the oldest is forgotten.
    pub(super) fn add(&self, key: String, at: SystemTime) {
        let mut asked = self.lock();
        if asked.len() == MOST {
            let oldest = asked.iter().min_by_key(|(_, at)| **at).map(|(key, _)| key.clone());
            oldest.and_then(|key| asked.remove(&key));
        }
        asked.insert(key, at);
    }

    /// Since when the call waits, if it does. It is then forgotten.
    pub(super) fn take(&self, key: &str) -> Option<SystemTime> {
        self.lock().remove(key)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, SystemTime>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn of_many_calls_the_oldest_is_forgotten() {
        let asked = Asked::default();
        let at = |second| SystemTime::UNIX_EPOCH + Duration::from_secs(second);
        (0..=1_000).for_each(|second| asked.add(format!("run/{second}"), at(second)));
        assert_eq!(asked.take("run/0"), None);
        assert_eq!(asked.take("run/1"), Some(at(1)));
        assert_eq!(asked.take("run/1"), None);
        assert_eq!(asked.take("run/1000"), Some(at(1_000)));
    }
}
