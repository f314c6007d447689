//! Three equal specialists, and a script that stands for their models.

use std::time::Duration;

use agent_core::{
    Agent, BoxStream, Delta, Llm, LlmError, Request, Team, Usage,
    model::Notice,
    script::{Reply, Script},
};
use agent_tools::{AgentTool, FnTool};
use futures::{StreamExt, stream};
use serde_json::json;

pub(crate) fn team() -> anyhow::Result<Team> {
    let task = || json!({"task": "Add one and two."});
    let ask = Reply::call("adder", task()).and_call("adder", task()).and_call("adder", task());
    let mut usage = Usage::new(10, 20);
    (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) = (300, 40);
    let add = || Reply::call("add", json!({})).after(Duration::from_millis(20));
    let adder = [add(), Reply::text("3"), add(), Reply::text("3"), add(), Reply::text("3")];
    let main = vec![ask.usage(usage), Reply::text("Three times 3.")];
    let model = Client(Script::by_agent([("main", main), ("adder", adder.to_vec())]));
    let add = FnTool::new("add", "Adds.", |_: ()| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        "3"
    });
    let main = Agent::builder("main", model.clone()).tool(AgentTool::new("adder", "Adds."));
    let adder = Agent::builder("adder", model).tool(add);
    Ok(Team::new([main.build()?, adder.build()?])?)
}

/// A script that says what it sends, as clients of servers do.
#[derive(Clone)]
struct Client(Script);

impl Llm for Client {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let (provider, model) = ("anthropic".into(), "claude-test".into());
        let sent = Notice::Sent { provider, model, server: Some("api.test".into()) };
        Box::pin(stream::iter([Ok(Delta::Notice(sent))]).chain(self.0.stream(request)))
    }
}
