//! What all connections of a server share.

use crate::{Scenario, folder::Folder, rate_limit::Bucket, record::Record, threads::Threads};

/// What all connections share.
pub(crate) struct Stage {
    pub(crate) plot: Scenario,
    pub(crate) record: Record,
    pub(crate) bucket: Option<Bucket>,
    pub(crate) threads: Threads,
    pub(crate) folder: Option<Folder>,
}
