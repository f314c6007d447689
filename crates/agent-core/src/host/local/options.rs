//! What may be set about a run in this process.

use tokio::time::Instant;

use super::Mode;
use crate::{event::Listeners, host::cancel::CancelHandle};

/// How a run is carried out in this process.
#[derive(Clone, Default)]
pub(crate) struct Options {
    pub(crate) mode: Mode,
    pub(crate) keeps_partial_reply: bool,
    pub(crate) listeners: Listeners,
    /// What times count from; by default its beginning.
    pub(crate) began: Option<Instant>,
    pub(crate) cancel: Option<CancelHandle>,
}
