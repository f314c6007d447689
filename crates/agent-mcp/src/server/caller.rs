//! Who calls.

use std::fmt;

/// Who calls a tool of the server. Your program decides who may call: a layer around the HTTP
/// service checks the request, for example its token, and puts a `Caller` into the request's
/// extensions.
///
/// Runs of different callers are never mixed up: an [idempotency key](crate::IDEMPOTENCY_KEY) of
/// one caller means nothing for another. Tools read the caller with
/// [`Context::get`](agent_core::Context::get).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Caller(String);

/// The error for a name that can't be the name of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this can't be the name of a caller: use 1 to {MAX_NAME} of the characters a-z, A-Z, 0-9, _, -, . and @"
)]
pub struct InvalidCaller;

const MAX_NAME: usize = 128;

impl Caller {
    /// Makes a caller with this name, for example the id of a user. It is a part of the ids of the
    /// caller's sessions, so use the same name for the same caller. It must not be the token
    /// itself.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidCaller> {
        let name = name.into();
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.@".contains(&byte);
        match (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_allowed) {
            true => Ok(Self(name)),
            false => Err(InvalidCaller),
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Caller").field(&self.0).finish()
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_blur_session_ids_are_refused() {
        for good in ["ada", "ada@example.com", "user-7"] {
            assert_eq!(Caller::new(good).unwrap().name(), good);
        }
        for bad in ["", "a:b", "a/b", "a b", &"a".repeat(129)] {
            assert_eq!(Caller::new(bad), Err(InvalidCaller), "{bad}");
        }
    }
}
