//! Amounts of requests and calls.

use agent_core::Limits;
use serde::{Deserialize, Serialize};

/// What a run may do only a limited number of times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Resource {
    #[serde(rename = "requests")]
    Requests,
    #[serde(rename = "calls")]
    Calls,
}

/// How many of each are left. `None` means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Amount {
    pub(crate) requests: Option<u32>,
    pub(crate) calls: Option<u32>,
}

impl Amount {
    pub(crate) const NOTHING: Self = Self { requests: Some(0), calls: Some(0) };

    /// Everything that a run with these limits may use.
    pub(crate) fn of(limits: &Limits) -> Self {
        Self { requests: limits.requests, calls: limits.calls }
    }

    pub(crate) fn get(&self, resource: Resource) -> Option<u32> {
        match resource {
            Resource::Requests => self.requests,
            Resource::Calls => self.calls,
        }
    }

    pub(crate) fn get_mut(&mut self, resource: Resource) -> &mut Option<u32> {
        match resource {
            Resource::Requests => &mut self.requests,
            Resource::Calls => &mut self.calls,
        }
    }

    /// Takes a part of each; `some` says how much.
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
        for resource in [Resource::Requests, Resource::Calls] {
            if let (Some(left), Some(more)) = (self.get_mut(resource), more.get(resource)) {
                *left += more;
            }
        }
    }
}

/// How much to take at a time. Enough that few have to ask again, and little enough that something
/// is left for others.
pub(crate) fn share_of(left: u32) -> u32 {
    (left / 8).max(1).min(left)
}
