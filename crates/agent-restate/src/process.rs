//! What the services of a process share.

use std::{sync::Arc, time::Duration};

use agent_core::{Limits, Outcome, conversation::Call, host::LocalHost};

/// What the handlers of a process work with.
pub(crate) struct Process {
    /// Asks the models and makes the calls that come to this process.
    pub(crate) local: LocalHost,
    /// The limits of a run that begins here. No process counts what is used up of them: each conversation does.
    pub(crate) limits: Limits,
    /// Whether what was shown of a reply that is cancelled is kept.
    pub(crate) keeps_partial_reply: bool,
    pub(crate) unknown: Box<Unknown>,
    /// How long one call, or one answer of a model, may take.
    pub(crate) longest: Duration,
    /// How long a call waits for a person.
    pub(crate) patience: Option<Duration>,
}

/// What becomes of a call of which nobody knows how it ended.
pub(crate) type Unknown = dyn Fn(&Call) -> Option<Outcome> + Send + Sync;

pub(crate) type Shared = Arc<Process>;
