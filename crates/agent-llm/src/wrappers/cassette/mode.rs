//! Whether a cassette replays or records.

use std::env;

use super::error::CassetteError;

/// The variable that says it.
const VARIABLE: &str = "AGENT_CASSETTE";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Replay,
    Record,
    RecordNew,
}

impl Mode {
    pub(super) fn from_env() -> Result<Self, CassetteError> {
        Self::read(&env::var_os(VARIABLE).unwrap_or_default().to_string_lossy())
    }

    fn read(value: &str) -> Result<Self, CassetteError> {
        match value.trim() {
            "" | "replay" => Ok(Self::Replay),
            "record" => Ok(Self::Record),
            "new" => Ok(Self::RecordNew),
            _ => Err(CassetteError::Mode { value: value.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_chooses_and_replay_is_the_default() {
        let check = |word: &str, expected: Result<Mode, &str>| {
            assert_eq!(Mode::read(word).map_err(|error| error.to_string()), expected.map_err(str::to_owned));
        };
        check("", Ok(Mode::Replay));
        check("replay", Ok(Mode::Replay));
        check(" record ", Ok(Mode::Record));
        check("new", Ok(Mode::RecordNew));
        check("rec", Err(r#"AGENT_CASSETTE is "rec": it must be replay, record or new"#));
    }
}
