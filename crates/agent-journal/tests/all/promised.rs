//! The limits in the spec of a tool hold for calls that another agent does, on a journal.

use std::time::Duration;

use agent_core::{
    Agent, Context, Conversation, Json, Outcome, Team, Tool, ToolSpec, async_trait,
    script::{Reply, Script},
};
use serde_json::json;

use crate::common::{Log, Place, calls, start, tool};

/// A tool whose calls the clerk does, within this time.
struct Ask(ToolSpec);

#[async_trait]
impl Tool for Ask {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, _: Json, _: Context) -> Outcome {
        Outcome::delegate("clerk", "File it.")
    }
}

/// `main` asks the clerk, who gives these replies.
fn team(log: &Log, limit: Duration, clerk: Vec<Reply>) -> Team {
    let model = Script::by_agent([
        ("main", vec![calls([("ask", json!({}))]), Reply::text("Done.")]),
        ("clerk", clerk),
    ]);
    let mut ask = ToolSpec::new("ask", "Asks the clerk.", json!({"type": "object"}));
    ask.timeout = Some(limit);
    let main = Agent::builder("main", model.clone()).tool(Ask(ask)).max_result_bytes(200);
    let act = |name| tool(name, log, |_| ());
    let clerk = Agent::builder("clerk", model).tool(act("act_once")).tool(act("act"));
    Team::new([main.build().unwrap(), clerk.build().unwrap()]).unwrap()
}

/// The conversation that a run leaves in the journal.
async fn ran(team: Team) -> Conversation {
    let (place, mut conversation) = (Place::new(), start());
    let host = place.open().host(team, &mut conversation).await.unwrap();
    assert_eq!(host.run(&mut conversation).await.unwrap().text(), "Done.");
    drop(host);
    assert_eq!(place.open().conversation("s").unwrap(), conversation);
    conversation
}

#[tokio::test]
async fn field_45_a_timeout_and_what_was_done_until_then_are_on_the_disk() {
    // Much longer than the limit, but short enough if the test fails.
    let long = json!({"ms": 10_000});
    let clerk = vec![calls([("act_once", json!({"say": "paid"}))]), calls([("act_once", long)])];
    let log = Log::default();
    // Long enough for a busy disk.
    let conversation = ran(team(&log, Duration::from_secs(2), clerk)).await;
    let text = conversation.to_string();
    assert!(text.contains("< call_0_0 failed: clerk stopped: timed out after 2s"), "{text}");
    assert!(text.contains("- act_once {\"say\":\"paid\"} = paid"), "{text}");
    assert_eq!(log.made().into_keys().collect::<Vec<_>>(), ["s/call_0_0/call_0_0"]);
}

#[tokio::test]
async fn field_45_the_answer_of_an_agent_is_cut_on_the_disk_as_in_memory() {
    let long = Duration::from_secs(3_600);
    let text = ran(team(&Log::default(), long, vec![Reply::text("x".repeat(500))])).await.to_string();
    assert!(text.contains("[cut: the result has 500 bytes, and 200 of them are shown]"), "{text}");
}
