//! Calls that ask models: the conversation and its budget count what they have used, once.

use std::sync::Arc;

use agent_core::{
    Context, Limits, Llm, Message, Request, Usage,
    budget::Budget,
    model::{Metered, fold},
    script::{Reply, Script},
};
use agent_restate::Services;
use agent_tools::FnTool;

use crate::common::{Calls, Input, Stage, alone, call, start};

/// A tool that asks a model what to say.
fn asks(calls: &Calls) -> FnTool {
    let answers = Script::by(|_| Reply::text("Yes.").usage(Usage::new(1, 100)));
    let (calls, model) = (calls.clone(), Arc::new(Metered::new(answers)));
    FnTool::new("asks", "Asks a model.", move |_: Input, context: Context| {
        let (calls, model) = (calls.clone(), model.clone());
        async move {
            calls.note(context.key());
            let request = context.pay_for(Request::new(vec![Message::user("Well?")]));
            let reply = fold(model.stream(request), |_| {}).await;
            reply.map(|reply| Message::assistant(reply.content).text())
        }
    })
}

#[tokio::test]
async fn what_a_call_asks_for_is_counted_by_the_conversation_and_its_budget() {
    for (requests, end, tokens) in [(3, "Done.", 120), (2, "", 110)] {
        let calls = Calls::default();
        let limits = Limits::new().budget(Budget::new().requests(requests));
        let model = Script::by(|request| match request.messages.len() {
            1 => call("asks", "it").usage(Usage::new(1, 10)),
            _ => Reply::text("Done.").usage(Usage::new(1, 10)),
        });
        let team = alone(Arc::new(model), [asks(&calls)]).with_limits(limits);
        let Some(stage) = Stage::open(Services::new(team)).await else { return };
        let run = stage.host.submit(&start("c"), None).await.unwrap();
        let ran = stage.host.attach(&run).await.unwrap();
        assert_eq!(ran.end.unwrap().text(), end, "{requests} requests");
        let usage = ran.conversation.usage_by_agent();
        let row = usage.agent("clerk").unwrap();
        assert_eq!((row.usage.output_tokens, row.requests, row.calls), (tokens, requests, 1));
        assert_eq!(calls.made().len(), 1);
    }
}
