//! All that the suite asks of a server.

// The suite still asks for what is on its way out of MCP: logging and subscriptions of one kind.
#![allow(deprecated)]

use std::sync::Arc;

use agent_mcp::Handler;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams, CompleteResult,
        ContentBlock, GetPromptRequestParams, GetPromptResponse, GetPromptResult, InputResponses, JsonObject,
        ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
        PaginatedRequestParams, PromptMessage, ReadResourceRequestParams, ReadResourceResponse,
        RequestStateCodec, Role, ServerCapabilities, ServerConfig, SetLevelRequestParams,
        SubscribeRequestParams, SubscriptionFilter, Tool, UnsubscribeRequestParams,
    },
    service::RequestContext,
};
use serde_json::json;

use crate::{
    prompts,
    questions::{self, Questions, Step},
    requests, resources,
};

/// A server of agent-mcp, with what it does not offer around it.
#[derive(Clone)]
pub(crate) struct Everything {
    tools: Handler,
    questions: Arc<[Questions]>,
    codec: Arc<RequestStateCodec>,
}

impl Everything {
    pub(crate) fn new(tools: Handler) -> Self {
        // Only for tests, so it need not be a secret.
        let codec = RequestStateCodec::try_new(*b"the key of the conformance server")
            .expect("the key is long enough");
        Self { tools, questions: questions::all().into(), codec: Arc::new(codec) }
    }

    fn step(
        &self,
        questions: &Questions,
        state: Option<&str>,
        answers: Option<&InputResponses>,
        context: &RequestContext<RoleServer>,
    ) -> Result<Step, ErrorData> {
        let client = context.client_capabilities().unwrap_or_default();
        questions.step(&self.codec, &client, state, answers)
    }
}

fn asks(questions: &Questions) -> Tool {
    let schema = json!({"type": "object", "properties": {}});
    let schema: JsonObject = serde_json::from_value(schema).expect("it is an object");
    Tool::new(questions.name(), "Asks the client something by its result.", schema)
}

impl ServerHandler for Everything {
    fn get_info(&self) -> ServerConfig {
        let mut config = self.tools.get_info();
        let can = ServerCapabilities::builder().enable_completions().enable_logging().enable_prompts();
        config.capabilities = can.enable_resources().enable_resources_subscribe().enable_tools().build();
        config
    }

    async fn list_tools(
        &self,
        page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut list = self.tools.list_tools(page, context).await?;
        list.tools.extend(requests::all());
        list.tools.extend(self.questions.iter().filter(|tool| tool.name() != prompts::ASKS).map(asks));
        Ok(list)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools.get_tool(name)
    }

    async fn call_tool(
        &self,
        params: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let input = params.arguments.clone().unwrap_or_default();
        if let Some(result) = requests::call(&params.name, &input, &context).await {
            return result.map(Into::into);
        }
        let Some(questions) = self.questions.iter().find(|tool| tool.name() == params.name) else {
            return self.tools.call_tool(params, context).await;
        };
        let (state, answers) = (params.request_state.as_deref(), params.input_responses.as_ref());
        Ok(match self.step(questions, state, answers, &context)? {
            Step::Ask(asked) => asked.into(),
            Step::Done(text) => CallToolResult::success(vec![ContentBlock::text(text)]).into(),
        })
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(prompts::all()))
    }

    async fn get_prompt(
        &self,
        params: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let questions = self.questions.iter().find(|prompt| prompt.name() == params.name);
        let Some(questions) = questions.filter(|_| params.name == prompts::ASKS) else {
            return Ok(prompts::message(&params.name, &params.arguments.unwrap_or_default())?.into());
        };
        let (state, answers) = (params.request_state.as_deref(), params.input_responses.as_ref());
        Ok(match self.step(questions, state, answers, &context)? {
            Step::Ask(asked) => asked.into(),
            Step::Done(text) => GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]).into(),
        })
    }

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        Ok(CompleteResult::default())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(resources::all()))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(resources::templates()))
    }

    async fn read_resource(
        &self,
        params: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        Ok(resources::read(&params.uri)?.into())
    }

    async fn set_level(
        &self,
        _: SetLevelRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    /// All that is asked for. Nothing ever changes here.
    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn subscribe(
        &self,
        _: SubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(
        &self,
        _: UnsubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }
}
