//! The valid ids of sessions.

use crate::{Conversation, message::safe_text::is_unsafe, safe_line};

/// The error if a conversation's id can't be the id of a session, which is a saved conversation.
/// See [`check_session_id`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionIdError {
    /// The id is [`Conversation::DEFAULT_ID`]. Two conversations with this id would be one session,
    /// and the second would read what the first was told.
    #[error(
        "a session needs its own id, but this conversation has the default id {:?}: call \
         Conversation::with_id first",
        Conversation::DEFAULT_ID
    )]
    NotItsOwn,
    /// The id is empty or only white space.
    #[error(
        "{id:?} can't be a session's id, because it is empty or only white space: choose another one (Conversation::with_id)"
    )]
    Blank {
        /// The id.
        id: String,
    },
    /// The id contains a `/`. The keys of calls and the ids of delegated conversations are
    /// `session/call`, so such an id could be mistaken for one of them.
    #[error("{id:?} can't be a session's id, because it contains '/': choose another one (Conversation::with_id), such as {:?}", id.replace('/', "-"))]
    Slash {
        /// The id.
        id: String,
    },
    /// The id is `.` or `..`, which mean something else in the path of an address.
    #[error(
        "{id:?} can't be a session's id, because no address can have it in its path: choose another one (Conversation::with_id)"
    )]
    Dots {
        /// The id.
        id: String,
    },
    /// The id contains an invisible character, or one that changes how the rest is shown. In a list
    /// it could look like another id.
    #[error(
        "\"{}\" can't be a session's id, because it has an invisible character (U+{:04X}): choose another one \
         (Conversation::with_id)",
        safe_line(id),
        u32::from(*character)
    )]
    Unseen {
        /// The id.
        id: String,
        /// The first such character in it.
        character: char,
    },
}

/// Checks whether a host may save a conversation under this id, as a session. A valid id:
///
/// - is not empty or blank;
/// - is not [`Conversation::DEFAULT_ID`], which conversations share until they get another id;
/// - has no `/`, and is not `.` or `..`;
/// - is fully visible: no control characters, no line ends, no white space except spaces between
///   words, and no characters that only control how text is shown (direction, zero width, emoji
///   style).
///
/// ```
/// # use agent_core::conversation::check_session_id;
/// assert!(check_session_id("Trip 7, Oslo").is_ok());
/// assert!(check_session_id("trip\n7").is_err());
/// ```
pub fn check_session_id(id: &str) -> Result<(), SessionIdError> {
    let owned = || id.to_owned();
    if id == Conversation::DEFAULT_ID {
        return Err(SessionIdError::NotItsOwn);
    }
    if id.trim().is_empty() {
        return Err(SessionIdError::Blank { id: owned() });
    }
    if id.contains('/') {
        return Err(SessionIdError::Slash { id: owned() });
    }
    if matches!(id, "." | "..") {
        return Err(SessionIdError::Dots { id: owned() });
    }
    let at_end = [id.chars().next(), id.chars().next_back()].into_iter().flatten();
    let unseen = id.chars().find(|character| is_unseen(*character));
    match unseen.or_else(|| at_end.into_iter().find(|character| *character == ' ')) {
        Some(character) => Err(SessionIdError::Unseen { id: owned(), character }),
        None => Ok(()),
    }
}

/// Whether two ids that differ only in this character could look the same.
fn is_unseen(character: char) -> bool {
    let is_space = character.is_whitespace() && character != ' ';
    is_unsafe(character) || is_space || matches!(character, '\u{fe0e}' | '\u{fe0f}' | '\u{2800}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(id: &str, expected: Option<SessionIdError>) {
        assert_eq!(check_session_id(id).err(), expected, "{id:?}");
    }

    #[test]
    fn field_43_an_id_that_is_everybodys_or_is_not_seen_is_refused() {
        ["s", "trip 7", "Ünï-çødé", "旅行", "🚀", "runs", "Run", "run-1"]
            .iter()
            .for_each(|id| check(id, None));
        check("run", Some(SessionIdError::NotItsOwn));
        for blank in ["", " ", "\t\n", "\u{a0}", "\u{2003}"] {
            check(blank, Some(SessionIdError::Blank { id: blank.to_owned() }));
        }
        for (id, character) in [(" trip", ' '), ("trip ", ' '), ("trip\u{a0}", '\u{a0}')] {
            check(id, Some(SessionIdError::Unseen { id: id.to_owned(), character }));
        }
        for dots in [".", ".."] {
            check(dots, Some(SessionIdError::Dots { id: dots.to_owned() }));
        }
        check("...", None);
        check("one/two", Some(SessionIdError::Slash { id: "one/two".to_owned() }));
        for character in [
            '\0',
            '\n',
            '\r',
            '\t',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{9b}',
            '\u{200b}',
            '\u{202e}',
            '\u{2028}',
            '\u{2029}',
            '\u{2066}',
            '\u{feff}',
            '\u{e0041}',
            '\u{fe0f}',
            '\u{2800}',
            '\u{a0}',
        ] {
            let id = format!("a{character}b");
            check(&id, Some(SessionIdError::Unseen { id: id.clone(), character }));
        }
    }

    #[test]
    fn field_43_what_is_said_of_an_odd_id_shows_it_without_obeying_it() {
        let said = check_session_id("a\u{202e}b\u{1b}[2J\n").unwrap_err().to_string();
        assert!(!said.chars().any(is_unsafe), "{said}");
        assert_eq!(
            said,
            r#""a\u{202e}b\u{1b}[2J\n" can't be a session's id, because it has an invisible character (U+202E): choose another one (Conversation::with_id)"#
        );
    }
}
