//! The state that all connections of a server share.

use crate::{
    Scenario, rate_limit::Bucket, recording_folder::RecordingFolder, request_log::RequestLog,
    threads::Threads,
};

/// The state that all connections of a server share.
pub(crate) struct ServerState {
    pub(crate) scenario: Scenario,
    pub(crate) log: RequestLog,
    pub(crate) bucket: Option<Bucket>,
    pub(crate) threads: Threads,
    pub(crate) folder: Option<RecordingFolder>,
}
