//! Runs whose history the server keeps.

use agent_core::{Agent, Context, Conversation, Json, Outcome, Tool, ToolSpec, async_trait, script::Reply};
use agent_llm::{Claude, ClaudeBuilder};
use agent_mock::{Fault, Mock, Scenario};
use serde_json::{Value, json};

use crate::common::KEY;

struct Look(ToolSpec);

#[async_trait]
impl Tool for Look {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, _: Json, _: Context) -> Outcome {
        Outcome::output("It is there.")
    }
}

fn plot() -> Scenario {
    Scenario::by(|request| match request.turn {
        turn if turn % 4 == 3 => Reply::text("Done."),
        _ => Reply::text("Let me see.").and_call("look", json!({"at": request.turn})),
    })
}

fn claude(server: &Mock, change: impl FnOnce(ClaudeBuilder) -> ClaudeBuilder) -> Claude {
    change(Claude::builder().key(KEY).base_url(server.url())).build().unwrap()
}

fn agent(claude: &Claude, system: &str) -> Agent {
    let look = Look(ToolSpec::new("look", "Looks.", json!({"type": "object"})));
    Agent::builder("main", claude.clone()).system(system).tool(look).build().unwrap()
}

/// How each request so far was sent: its thread, how many messages, and whether system prompt and
/// tools went along.
fn sent(server: &Mock) -> Vec<String> {
    let requests = server.requests();
    let line = |body: Value| {
        let thread = body["thread"]["type"].as_str().unwrap_or("no thread").to_owned();
        let count = body["messages"].as_array().unwrap().len();
        let rest =
            if body["system"].is_null() && body["tools"].is_null() { "" } else { " with system and tools" };
        format!("{thread}: {count}{rest}")
    };
    requests.iter().map(|request| line(serde_json::from_str(&request.text).unwrap())).collect()
}

#[tokio::test]
async fn a_request_carries_only_what_is_new_and_the_conversation_is_the_same() {
    let mut conversations = Vec::new();
    for (threads, streaming) in [(false, true), (true, true), (true, false)] {
        let server = Mock::start(plot()).await.unwrap();
        let claude = claude(&server, |settings| settings.threads(threads).streaming(streaming));
        let agent = agent(&claude, "You look.");
        let mut conversation = Conversation::start("main", "Look.");
        agent.run(&mut conversation).await.unwrap();
        conversation.say("Again.");
        agent.run(&mut conversation).await.unwrap();
        conversations.push(conversation.messages().to_vec());
        if threads {
            let mut expected = vec!["continue: 1"; 8];
            expected[0] = "create: 1 with system and tools";
            assert_eq!(sent(&server), expected);
            assert_eq!(server.requests()[0].header("anthropic-beta"), Some("message-threads-2026-08-12"));
        }
    }
    assert_eq!(conversations[0], conversations[1]);
    assert_eq!(conversations[0], conversations[2]);
}

#[tokio::test]
async fn what_does_not_go_on_from_the_last_reply_carries_all() {
    let server = Mock::start(plot()).await.unwrap();
    let first = claude(&server, |settings| settings.threads(true));
    let looking = agent(&first, "You look.");
    let mut conversation = Conversation::start("main", "Look.");
    looking.run(&mut conversation).await.unwrap();
    let mut fork = conversation.clone();
    let mut asked = 0;
    let mut next = |what: &str, expected: &[&str]| {
        let sent = sent(&server);
        assert_eq!(sent[asked..], *expected, "{what}");
        asked = sent.len();
    };
    next("at first", &["create: 1 with system and tools", "continue: 1", "continue: 1", "continue: 1"]);

    conversation.say("Again.");
    looking.run(&mut conversation).await.unwrap();
    next("it goes on", &["continue: 1"; 4]);

    fork.say("Otherwise.");
    looking.run(&mut fork).await.unwrap();
    next("a fork", &["create: 9 with system and tools", "continue: 1", "continue: 1", "continue: 1"]);

    fork.say("Well?");
    agent(&first, "You look well.").run(&mut fork).await.unwrap();
    next(
        "another prompt",
        &["create: 17 with system and tools", "continue: 1", "continue: 1", "continue: 1"],
    );

    let other = claude(&server, |settings| settings.threads(true));
    fork.say("And?");
    agent(&other, "You look well.").run(&mut fork).await.unwrap();
    next(
        "a client that knows nothing of it",
        &["create: 25 with system and tools", "continue: 1", "continue: 1", "continue: 1"],
    );
}

/// Has as many conversations, and goes on with each: how many of the requests that went on carried
/// all again.
async fn forgotten(remembered: Option<usize>, conversations: usize) -> usize {
    let server = Mock::start(Scenario::by(|_| Reply::text("Done."))).await.unwrap();
    let claude = claude(&server, |settings| match remembered {
        Some(number) => settings.threads(true).remembered_threads(number),
        None => settings.threads(true),
    });
    let agent = agent(&claude, "You look.");
    let mut all: Vec<_> = (0..conversations).map(|_| Conversation::start("main", "Look.")).collect();
    for words in [None, Some("Again.")] {
        for conversation in &mut all {
            words.into_iter().for_each(|words| conversation.say(words));
            agent.run(conversation).await.unwrap();
        }
    }
    sent(&server)[conversations..].iter().filter(|line| line.starts_with("create")).count()
}

#[tokio::test]
async fn as_many_threads_are_remembered_as_are_set() {
    assert_eq!(forgotten(None, 5).await, 0);
    assert_eq!(forgotten(Some(5), 5).await, 0);
    // The ones used last are remembered, and here those are used last again.
    assert_eq!(forgotten(Some(4), 5).await, 5);
    assert_eq!((forgotten(Some(0), 1).await, forgotten(Some(0), 2).await), (0, 2));
    assert_eq!(forgotten(Some(usize::MAX), 2).await, 0);
}

#[tokio::test]
async fn two_conversations_may_go_on_from_one_reply() {
    let server = Mock::start(plot()).await.unwrap();
    let claude = claude(&server, |settings| settings.threads(true));
    let agent = agent(&claude, "You look.");
    let mut conversation = Conversation::start("main", "Look.");
    agent.run(&mut conversation).await.unwrap();
    for words in ["Again.", "Once more."] {
        let mut fork = conversation.clone();
        fork.say(words);
        assert_eq!(agent.run(&mut fork).await.unwrap().text(), "Done.");
    }
}

#[tokio::test]
async fn a_cut_stream_is_asked_again_with_all() {
    let server = Mock::start(plot().fault(2, [Fault::cut("content_block_delta")])).await.unwrap();
    let quick = agent_llm::RetryPolicy::default().first_wait(std::time::Duration::from_millis(1));
    let claude = claude(&server, |settings| settings.threads(true).retry(quick));
    let mut conversation = Conversation::start("main", "Look.");
    agent(&claude, "You look.").run(&mut conversation).await.unwrap();
    assert_eq!(
        sent(&server),
        [
            "create: 1 with system and tools",
            "continue: 1",
            "continue: 1",
            "create: 5 with system and tools",
            "continue: 1"
        ]
    );
}
