//! Whether calls run in parallel or one after the other.

use std::fmt;

/// Whether the calls of a turn run in parallel or one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// All calls run in parallel.
    #[default]
    Concurrent,
    /// Calls run one after the other. Use it to compare times, or to debug.
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
