//! The server as rmcp's handler of requests.

use std::{fmt, sync::Arc};

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, ListToolsResult, PaginatedRequestParams, ServerCapabilities,
        ServerConfig, Tool,
    },
    service::RequestContext,
};

use crate::idempotency;

use super::{catalog::Entry, request::CallRequest, response::failure, served::Served, waiting::Client};

/// A server that answers the requests of any number of clients. Clones are the same server.
///
/// It is rmcp's [`ServerHandler`], with tools and nothing else. To offer resources or prompts as
/// well, write your own `ServerHandler`: let it pass `list_tools`, `call_tool` and `get_tool` on to
/// this one, and serve it with [`HttpService::of`](crate::HttpService::of) or with rmcp.
#[derive(Clone)]
pub struct Handler(pub(crate) Arc<Served>);

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools();
        let capabilities = capabilities.enable_experimental_with(idempotency::capability()).build();
        let mut config = ServerConfig::new(capabilities);
        config.server_info = self.0.info.clone();
        config.instructions = self.0.instructions.clone();
        config
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.0.entries.iter().map(|entry| entry.tool.clone()).collect()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.entry(name).map(|entry| entry.tool.clone())
    }

    async fn call_tool(
        &self,
        params: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let unknown = || ErrorData::invalid_params(format!("there is no tool named {:?}", params.name), None);
        let entry = self.entry(&params.name).ok_or_else(unknown)?;
        let Ok(_free) = self.0.free_calls.try_acquire() else {
            return Ok(failure(format!(
                "the server is busy: it makes {} calls already, which is its limit; try again later",
                self.0.max_calls
            )));
        };
        let mut request = CallRequest::read(params, &context)?;
        let input = std::mem::take(&mut request.input);
        let start = match entry.conversation(input) {
            Ok(conversation) => conversation.with_id(request.id()),
            Err(why) => return Ok(failure(why)),
        };
        Client { served: &self.0, request, start, context }.answer(entry).await
    }
}

impl Handler {
    fn entry(&self, name: &str) -> Option<&Entry> {
        self.0.entries.iter().find(|entry| entry.tool.name == name)
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tools: Vec<&str> = self.0.entries.iter().map(|entry| &*entry.tool.name).collect();
        f.debug_struct("Handler")
            .field("name", &self.0.info.name)
            .field("tools", &tools)
            .finish_non_exhaustive()
    }
}
