//! Runs whose tools bring more than the API takes.

use agent_core::{
    Agent, Block, Content, Context, Conversation, Event, EventKind, Json, Outcome, Tool, ToolSpec,
    async_trait, script::Reply,
};
use agent_llm::{Bounds, Claude, Delta, Notice};
use agent_mock::{Mock, Scenario};
use serde_json::json;

use crate::common::KEY;

/// Brings this.
struct Bring(ToolSpec, Content);

#[async_trait]
impl Tool for Bring {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, _: Json, _: Context) -> Outcome {
        Outcome::Output(self.1.clone())
    }
}

/// The head of one that is 10,000 pixels wide.
fn picture() -> Block {
    Block::image("image/png", "iVBORw0KGgoAAAANSUhEUgAAJxAAAAABCAIAAAAA")
}

/// A conversation of two questions whose tool brings this; what was told of it beside the replies,
/// and how many requests there were.
async fn check(content: Content, said: Content, bounds: Bounds, threads: bool) -> (Vec<String>, usize) {
    let plot =
        Scenario::new([Reply::call("bring", json!({})), Reply::text("I see."), Reply::text("As I said.")]);
    let server = Mock::start(plot.context(1_000_000)).await.unwrap();
    let settings = Claude::builder().key(KEY).base_url(server.url()).bounds(bounds).threads(threads);
    let claude = settings.build().unwrap();
    let bring = Bring(ToolSpec::new("bring", "Brings.", json!({"type": "object"})), content.clone());
    let agent = Agent::builder("main", claude).tool(bring).max_result_bytes(usize::MAX).build().unwrap();
    let mut conversation = Conversation::start("main", said.clone());
    let mut notices = Vec::new();
    for expected in ["I see.", "As I said."] {
        let mut run = agent.run(&mut conversation);
        while let Some(event) = run.next().await {
            notices.extend(notice(&event));
        }
        let end = run.await.unwrap();
        assert_eq!(end.text(), expected);
        conversation.say("And?");
    }
    // The record has all as it was.
    assert_eq!(conversation.messages()[0].content(), said.into_blocks());
    let results: Vec<_> =
        conversation.messages()[2].tool_results().map(|(_, content, _)| content.clone()).collect();
    assert_eq!(results, [content]);
    (notices, server.count())
}

fn notice(event: &Event) -> Option<String> {
    match &event.kind {
        EventKind::Delta(Delta::Notice(Notice::Omitted { parts })) => Some(parts.join("; ")),
        EventKind::Delta(Delta::Notice(Notice::Retry { reason, .. })) => Some(reason.clone()),
        _ => None,
    }
}

const WIDE: &str =
    "messages.2.content.0.content.0: a picture of 10000 x 1 pixels, where 8000 a side are allowed";

#[tokio::test]
async fn field_44_a_picture_that_is_too_wide_does_not_stop_the_conversation() {
    for threads in [false, true] {
        let (notices, requests) =
            check(vec![picture()].into(), "Look.".into(), Bounds::default(), threads).await;
        assert_eq!((notices, requests), (vec![WIDE.to_owned(); 2], 3));
        let (notices, requests) =
            check("Nothing.".into(), vec![picture()].into(), Bounds::default(), threads).await;
        assert_eq!((notices.len(), requests), (3, 3));
    }
}

#[tokio::test]
async fn field_44_a_request_that_is_too_long_does_not_stop_the_conversation() {
    let mut bounds = Bounds::default();
    assert_eq!(bounds.request_bytes, 32_000_000);
    bounds.request_bytes = 1_000_000;
    let long = "w".repeat(2_000_000);
    let (notices, requests) = check(long.as_str().into(), "Look.".into(), bounds, false).await;
    assert_eq!(requests, 3);
    assert!(notices[0].starts_with("messages.2.content.0: 99"), "{notices:?}");
    assert!(notices[0].ends_with("of 2000000 bytes are shown, since a request may have 1000000 bytes"));
}

#[tokio::test]
async fn field_44_a_prompt_that_has_too_many_tokens_does_not_stop_the_conversation() {
    // A million and a half of tokens, where a million is taken.
    let long = "w".repeat(6_000_000);
    let (notices, requests) = check(long.as_str().into(), "Look.".into(), Bounds::default(), false).await;
    assert_eq!(requests, 5, "{notices:?}");
    let reason =
        "the request is shortened, since the model's server refused the request: prompt is too long: ";
    assert!(notices.len() == 2 && notices.iter().all(|notice| notice.starts_with(reason)), "{notices:?}");
}

#[tokio::test]
async fn field_44_a_block_that_is_refused_is_mended_and_not_sent_again() {
    // Each of the two pictures costs a request once; in a thread, one of what is new and one of
    // all.
    for (threads, asked) in [(false, 5), (true, 7)] {
        let brought: Content = vec![picture(), picture()].into();
        let (notices, requests) = check(brought, "Look.".into(), Bounds::none(), threads).await;
        let mended: Vec<&String> =
            notices.iter().filter(|notice| notice.starts_with("a block is left out, since")).collect();
        assert!(mended[0].contains("messages.2.content.0.tool_result.content.0.image"), "{mended:?}");
        assert!(mended[1].contains("messages.2.content.0.tool_result.content.1.image"), "{mended:?}");
        assert_eq!((mended.len(), requests), (2, asked), "{notices:?}");
        assert_eq!(notices.last().unwrap(), "messages.2.content.0: it was refused before");
    }
}
