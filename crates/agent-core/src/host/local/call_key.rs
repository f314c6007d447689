//! Which calls are equal.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use crate::ToolCall;

/// A call without its id.
#[derive(Debug)]
pub(super) struct CallKey(pub(super) Arc<ToolCall>);

impl PartialEq for CallKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.asks_the_same(&other.0)
    }
}

impl Eq for CallKey {}

impl Hash for CallKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name.hash(state);
        self.0.input.text().hash(state);
    }
}
