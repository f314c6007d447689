//! The turn limits of agents that transfer the conversation back and forth.

use agent_core::{
    Conversation, Limits, LlmError, Request, Team,
    model::LlmErrorKind,
    script::{Reply, Script},
};
use serde_json::json;

use crate::common::{Log, agent, calls};

const TURNS: u32 = 3;

fn to(name: &str, comes_back: bool) -> Reply {
    calls([("act_first", json!({"transfer": name, "comes_back": comes_back}))])
}

fn broken() -> Reply {
    Reply::error(LlmError::new(LlmErrorKind::Overloaded, "no room"))
}

/// Whether the agent reads a result of its own call.
fn has_worked(request: &Request) -> bool {
    let last = request.messages.last().unwrap();
    last.tool_results().any(|(_, content, _)| content.to_text() == "done")
}

/// Runs a team in which `main` always transfers to `b`, and `b` does this. Checks which agents are
/// asked after the user spoke, and after the user spoke again.
async fn check(comes_back: bool, b: fn(&Request) -> Reply, expected: &str, once_more: &str) {
    let model = Script::by(move |request| match &*request.agent {
        "main" => to("b", comes_back),
        _ => b(request),
    });
    let team = ["main", "b"].map(|name| agent(name, &model, &Log::default()).build().unwrap());
    let team = Team::new(team).unwrap().with_limits(Limits::new().turns(TURNS).requests(None));
    let mut conversation = Conversation::start("main", "Go.");
    for expected in [expected, once_more] {
        let before = model.requests().len();
        let end = team.run(&mut conversation).await.unwrap();
        let asked: Vec<String> = model.requests()[before..].iter().map(|one| one.agent.to_string()).collect();
        assert_eq!(asked.join(" "), expected, "{end:?}\n{conversation}");
        conversation = read_back(&conversation);
        conversation.say("Once more.");
    }
}

fn read_back(conversation: &Conversation) -> Conversation {
    let read: Conversation = serde_json::from_str(&serde_json::to_string(conversation).unwrap()).unwrap();
    assert_eq!(read, *conversation);
    read
}

#[tokio::test(start_paused = true)]
async fn field_51_an_agent_that_is_handed_the_conversation_again_has_the_turns_it_has_left() {
    let works = |_: &Request| calls([("act", json!({}))]);
    check(true, works, "main b b b main", "main b b b main").await;
    // It finished within its turns. When the user speaks again, it has all of them again.
    check(true, |_| Reply::text("Done."), "main b", "b").await;
    let hands_back = |_: &Request| to("main", false);
    check(false, hands_back, "main b main b main b", "b main b main b main").await;
    // It fails after each reply.
    let breaks_down = |request: &Request| match has_worked(request) {
        true => broken(),
        false => calls([("act", json!({}))]),
    };
    check(true, breaks_down, "main b b main b b main b main", "main b b main b b main b main").await;
}

#[tokio::test(start_paused = true)]
async fn field_51_who_has_no_turn_left_is_not_handed_the_conversation_and_that_is_said() {
    let model = Script::by(|request| match (&*request.agent, request.turns) {
        ("main", 5) => Reply::text("Then I do it."),
        ("main", _) => to("b", true),
        _ => calls([("act", json!({}))]),
    });
    let agents = [agent("main", &model, &Log::default()).max_turns(10), agent("b", &model, &Log::default())];
    let team = Team::new(agents.map(|agent| agent.build().unwrap())).unwrap();
    let mut conversation = Conversation::start("main", "Go.");
    let run = team.run(&mut conversation).limits(Limits::new().turns(TURNS));
    assert_eq!(run.await.unwrap().text(), "Then I do it.");
    let why = "< call_4_0 failed: could not transfer to b: b has had its 3 turns since the user spoke";
    assert!(conversation.to_string().contains(why), "{conversation}");
}
