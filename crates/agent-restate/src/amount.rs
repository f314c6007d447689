//! How much of its limits a run, or a part of it, may use up.

use agent_core::Limits;
use serde::{Deserialize, Serialize};

/// What a run may only do so often, whichever processes do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum What {
    #[serde(rename = "requests")]
    Requests,
    #[serde(rename = "calls")]
    Calls,
}

/// How often each may be done; `None` is as often as one likes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Amount {
    pub(crate) requests: Option<u32>,
    pub(crate) calls: Option<u32>,
}

impl Amount {
    pub(crate) const NOTHING: Self = Self { requests: Some(0), calls: Some(0) };

    /// All that a run with these limits may use up.
    pub(crate) fn of(limits: &Limits) -> Self {
        Self { requests: limits.requests, calls: limits.calls }
    }

    pub(crate) fn get(&self, what: What) -> Option<u32> {
        match what {
            What::Requests => self.requests,
            What::Calls => self.calls,
        }
    }

    pub(crate) fn get_mut(&mut self, what: What) -> &mut Option<u32> {
        match what {
            What::Requests => &mut self.requests,
            What::Calls => &mut self.calls,
        }
    }

    /// Takes some of each away, which `some` says.
    pub(crate) fn split(&mut self, some: impl Fn(u32) -> u32) -> Self {
        let split = |left: &mut Option<u32>| {
            left.as_mut().map(|left| {
                let taken = some(*left).min(*left);
                *left -= taken;
                taken
            })
        };
        Self { requests: split(&mut self.requests), calls: split(&mut self.calls) }
    }

    pub(crate) fn add(&mut self, more: Self) {
        for what in [What::Requests, What::Calls] {
            if let (Some(left), Some(more)) = (self.get_mut(what), more.get(what)) {
                *left += more;
            }
        }
    }
}

/// How much of what is left one gets at a time: so much that few have to ask again, and so little that something is left
/// for the others.
pub(crate) fn some_of(left: u32) -> u32 {
    (left / 8).max(1).min(left)
}
