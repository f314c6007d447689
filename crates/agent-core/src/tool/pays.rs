//! Who pays for the requests of calls to models.

use std::{fmt, sync::Arc};

use crate::{Call, Receipt, event::emitter::Emitter, model::request::meter::MeterOf};

/// Makes the meters for requests of calls to models.
pub(crate) trait Pays: fmt::Debug + Send + Sync {
    /// The meter for one request of a call.
    fn meter(&self, call: &Arc<Call>, emitter: &Arc<Emitter>, receipt: &Receipt) -> MeterOf;
}
