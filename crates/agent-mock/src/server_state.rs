//! The state that all connections of a server share.

use crate::{
    Scenario, chat::Chat, messages::Messages, rate_limit::Bucket, recording_folder::RecordingFolder,
    request_log::RequestLog, responses::Responses, wire::Wire,
};

/// The state that all connections of a server share.
pub(crate) struct ServerState {
    pub(crate) scenario: Scenario,
    pub(crate) log: RequestLog,
    pub(crate) bucket: Option<Bucket>,
    pub(crate) folder: Option<RecordingFolder>,
    messages: Messages,
    chat: Chat,
    responses: Responses,
}

impl ServerState {
    pub(crate) fn new(scenario: Scenario, folder: Option<RecordingFolder>) -> Self {
        let (messages, responses) = (Messages::default(), Responses::default());
        let (log, bucket) = (RequestLog::default(), scenario.limit.map(Bucket::new));
        Self { scenario, log, bucket, folder, messages, chat: Chat, responses }
    }

    /// The API whose replies come from this path.
    pub(crate) fn wire(&self, path: &str) -> Option<&dyn Wire> {
        match path {
            "/v1/messages" => Some(&self.messages),
            "/v1/chat/completions" => Some(&self.chat),
            "/v1/responses" => Some(&self.responses),
            _ => None,
        }
    }
}
