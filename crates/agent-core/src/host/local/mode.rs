//! One call after the other, or all at once.

use std::fmt;

/// How the calls of a turn are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// All at once.
    #[default]
    Concurrent,
    /// One after the other, as most programs do; to compare.
    Sequential,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Concurrent => "concurrent",
            Self::Sequential => "sequential",
        })
    }
}
