//! Typed answers on the engine, of models and of tools.

use agent_core::{
    Agent, BoxStream, Conversation, Delta, Llm, LlmError, Request, Team,
    model::{fold, non_streaming},
    script::{Reply, Script},
};
use agent_restate::Services;
use agent_tools::{Answer, AnswerType, FnTool};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::common::{Calls, Input, Stage, call, rows, tool};

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Trip {
    city: String,
    #[schemars(range(min = 1, max = 7))]
    days: u32,
}

fn oslo(days: u32) -> Trip {
    Trip { city: "Oslo".to_owned(), days }
}

/// A model that does not stream.
struct InOnePiece(Script);

impl Llm for InOnePiece {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        non_streaming(async { fold(self.0.stream(request), |_| ()).await })
    }
}

/// A tool that ends the run with a trip.
fn give(calls: &Calls) -> FnTool {
    let calls = calls.clone();
    FnTool::new("give", "Gives the trip.", move |_: Input, context: agent_core::Context| {
        calls.note(context.key());
        Answer(oslo(4))
    })
}

/// A team with typed answers: `streams` and `whole` call a tool, then answer with too many days, and
/// then correct that. `asks` calls a tool that answers, beside another one.
fn team(calls: &Calls, open: &Calls) -> Team {
    let corrects = || {
        Script::by(|request| match request.messages.len() {
            1 => call("work", "a"),
            3 => Reply::text(json!(oslo(9)).to_string()),
            _ => Reply::call("final_answer", json!(oslo(3))),
        })
    };
    let gives = Script::by(|_| call("give", "it").and_call("work", json!({"say": "hang"})));
    let work = || tool("work", calls, open).idempotent();
    let agents = [
        Agent::builder("streams", corrects()).tool(work()),
        Agent::builder("whole", InOnePiece(corrects())).tool(work()),
        Agent::builder("asks", gives).tool(work()).tool(give(calls)),
    ];
    let team = Team::new(agents.map(|agent| agent.build().unwrap())).unwrap();
    AnswerType::<Trip>::new().unwrap().team(team)
}

fn read(end: &agent_core::End, conversation: &Conversation) -> Trip {
    AnswerType::<Trip>::new().unwrap().read(end, conversation).unwrap()
}

#[tokio::test]
async fn a_typed_answer_is_corrected_on_the_engine_as_in_this_process() {
    let (calls, open) = (Calls::default(), Calls::default());
    let Some(stage) = Stage::open(Services::new(team(&calls, &open))).await else { return };
    for agent in ["streams", "whole"] {
        let start = || Conversation::start(agent, "Plan it.").with_id(agent);
        let (mut there, mut here) = (start(), start());
        let end = stage.host.run(&mut there).await.unwrap();
        assert_eq!(read(&end, &there), oslo(3), "{agent}");
        assert_eq!(team(&calls, &open).run(&mut here).await.unwrap(), end);
        assert_eq!(serde_json::to_string(&there).unwrap(), serde_json::to_string(&here).unwrap());
    }
}

/// The process is stopped when the tool has answered and another call still runs.
#[tokio::test]
async fn the_answer_of_a_tool_survives_its_process_and_ends_the_run() {
    let (calls, open) = (Calls::default(), Calls::default());
    let serve = || Services::new(team(&calls, &open));
    let Some(mut stage) = Stage::open(serve()).await else { return };
    let start = Conversation::start("asks", "Plan it.").with_id("c");
    let run = stage.host.submit(&start, None).await.unwrap();
    calls.until(|calls| calls.len() == 2).await;
    let ended =
        "SELECT id FROM sys_invocation WHERE target_service_name = 'AgentTools' AND status = 'completed'";
    rows(&stage, ended).await;
    stage.stop().await;
    open.note("open".to_owned());
    stage.replace(serve()).await;
    let ran = stage.host.attach(&run).await.unwrap();
    assert_eq!(read(&ran.end.unwrap(), &ran.conversation), oslo(4));
    assert_eq!(ran.conversation.answered_by().unwrap().name, "give");
    assert_eq!([calls.made()["c/call_0_0"], calls.made()["c/call_0_1"]], [1, 2]);
    assert_eq!(ran.conversation.turns(), 1, "no other request was made");
}
