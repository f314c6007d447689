//! What a case expected, and what it got instead.

use std::fmt;

/// The first difference between what a case expected and what the backend did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    pub(super) expected: String,
    pub(super) got: String,
}

/// Nothing, or the first difference.
pub(super) type Checked = Result<(), Mismatch>;

impl Mismatch {
    pub(super) fn new(expected: impl fmt::Display, got: impl fmt::Display) -> Self {
        Self { expected: expected.to_string(), got: got.to_string() }
    }
}

/// Fails unless both texts are the same.
pub(super) fn same(expected: &str, got: &str) -> Checked {
    must(expected == got, || Mismatch::new(expected, got))
}

/// Fails with this difference unless the condition holds.
pub(super) fn must(holds: bool, mismatch: impl FnOnce() -> Mismatch) -> Checked {
    if holds { Ok(()) } else { Err(mismatch()) }
}
