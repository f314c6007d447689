//! What a server may ask of this program, and what it tells it.

// Sampling is deprecated in the newest revision, and both revisions are spoken.
#![expect(deprecated)]

use std::sync::Arc;

use rmcp::{
    ClientHandler, ErrorData, RoleClient,
    model::{
        ClientCapabilities, ClientInfo, CreateMessageRequestParams, CreateMessageResult, ElicitRequestParams,
        ElicitResult, ElicitationAction, ElicitationCapability, FormElicitationCapability, Implementation,
        ProgressNotificationParam, SamplingCapability, UrlElicitationCapability,
    },
    service::{NotificationContext, RequestContext},
};
use tokio::sync::mpsc;

use super::{
    calls::{Calls, UnderWay},
    changes::Changed,
    elicitation::Asked,
    settings::Settings,
};

/// What a server may ask of this program, and what it tells it.
pub(super) struct Handler {
    pub(super) settings: Arc<Settings>,
    pub(super) calls: Arc<Calls>,
    /// Gets something when the list of tools has changed.
    pub(super) changes: mpsc::UnboundedSender<Changed>,
}

impl Handler {
    async fn call(&self, context: &RequestContext<RoleClient>) -> Result<Arc<UnderWay>, ErrorData> {
        self.calls.asked_by(&context.extensions).await.ok_or_else(|| {
            ErrorData::invalid_request("a question must belong to a call that is under way", None)
        })
    }
}

impl ClientHandler for Handler {
    fn get_info(&self) -> ClientInfo {
        let mut capabilities = ClientCapabilities::default();
        if self.settings.sampling.is_some() {
            capabilities.sampling = Some(SamplingCapability::default());
        }
        if let Some(elicitation) = &self.settings.elicitation {
            let mut can = ElicitationCapability::new().with_form(FormElicitationCapability::new());
            can.url = elicitation.has_web_pages().then(UrlElicitationCapability::new);
            capabilities.elicitation = Some(can);
        }
        ClientInfo::new(capabilities, Implementation::new("agent-mcp", env!("CARGO_PKG_VERSION")))
    }

    async fn create_message(
        &self,
        params: CreateMessageRequestParams,
        context: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        let Some(sampling) = &self.settings.sampling else {
            return Err(ErrorData::invalid_request("this program does not allow sampling", None));
        };
        let call = self.call(&context).await?;
        sampling
            .answer(params, &call.caller.context)
            .await
            .map_err(|why| ErrorData::internal_error(why, None))
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let Some(elicitation) = &self.settings.elicitation else {
            return Err(ErrorData::invalid_request("this program does not allow elicitation", None));
        };
        let call = self.call(&context).await?;
        let server = self.settings.name(context.peer.peer_info().as_deref());
        match elicitation.ask(&server, &request, &call.caller).await {
            Asked::Answer(answer) => Ok(answer),
            Asked::Person(question) => {
                call.ask(question);
                Ok(ElicitResult::new(ElicitationAction::Cancel))
            }
        }
    }

    async fn on_progress(&self, report: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        self.calls.report(report).await;
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        // If nobody listens, the server is being dropped.
        let _ = self.changes.send(Changed::List);
    }
}
