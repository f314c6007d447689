//! Why something failed, with its causes.

use std::error::Error;

/// What went wrong and why, down to the first cause. Without the URL, which may hold secrets.
pub(crate) fn causes(error: reqwest::Error) -> String {
    chain(&error.without_url())
}

/// An error and its causes, each said once.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let why = error.to_string();
        if !text.ends_with(&why) {
            text.push_str(&format!(": {why}"));
        }
        cause = error.source();
    }
    text
}
