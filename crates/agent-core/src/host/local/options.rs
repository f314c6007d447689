//! Options of a run in this process.

use tokio::time::Instant;

use super::Mode;
use crate::{event::Listeners, host::cancel::CancelHandle, tool::values::Values};

/// The options of a run in this process.
#[derive(Clone, Default)]
pub(crate) struct Options {
    pub(crate) mode: Mode,
    pub(crate) keeps_partial_reply: bool,
    pub(crate) listeners: Listeners,
    /// The start of all event times. The default is the start of the run.
    pub(crate) began: Option<Instant>,
    pub(crate) cancel: Option<CancelHandle>,
    pub(crate) values: Values,
}
