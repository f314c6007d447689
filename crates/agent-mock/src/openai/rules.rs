//! What the checks depend on.

use hyper::{HeaderMap, header::AUTHORIZATION};

/// What the checks depend on.
#[derive(Clone, Copy, Default)]
pub(crate) struct Rules {
    /// The request is for a server that speaks like OpenAI's. Such servers ignore what they don't
    /// know, and have fewer rules.
    pub(crate) compatible: bool,
}

impl Rules {
    /// A request without a key is for a server that speaks like OpenAI's.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self { compatible: !headers.contains_key(AUTHORIZATION) }
    }
}
