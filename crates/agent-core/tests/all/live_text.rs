//! Text that is shown while replies stream.

use agent_core::{
    Agent, Block, BoxStream, Conversation, Delta, Llm, LlmError, Request, Response, StopReason, Team,
    event::LiveText,
    model::LlmErrorKind,
    script::{Reply, Script},
};
use futures::StreamExt;
use insta::assert_snapshot;
use serde_json::json;

use crate::common::{Log, agent, calls};

/// The printed text of these pieces of one conversation.
fn printed(deltas: impl IntoIterator<Item = Delta>) -> String {
    let mut live = LiveText::new();
    deltas.into_iter().flat_map(|delta| live.push("run", &delta)).map(|change| change.to_string()).collect()
}

fn words(words: &str) -> Delta {
    Delta::words(0, words)
}

fn again(reason: &str) -> Delta {
    Delta::Restarted { reason: reason.to_owned() }
}

#[test]
fn field_54_a_reply_that_is_asked_again_is_withdrawn_before_it_is_shown_again() {
    let said =
        printed([words("Two to the power "), again("it broke off"), words("Two to the power of ten.")]);
    assert!(!said.contains("Two to the power Two to the power"), "{said}");
    assert_snapshot!(said, @r"
    Two to the power 
    [withdrawn: it broke off; the reply starts again]
    Two to the power of ten.
    ");
    // Nothing was shown, so nothing is withdrawn.
    assert_eq!(printed([again("it broke off"), again("once more"), words("Ten.")]), "Ten.");
    assert_snapshot!(printed([words("Tw"), again("a"), words("Two "), again("b\u{1b}[2K"), words("Ten.")]), @r"
    Tw
    [withdrawn: a; the reply starts again]
    Two 
    [withdrawn: b\u{1b}[2K; the reply starts again]
    Ten.
    ");
}

#[test]
fn field_54_blocks_and_replies_stand_apart_where_they_do_not_go_on_from_each_other() {
    let stop = || Delta::stop(StopReason::EndTurn);
    let call = || Delta::call(1, "a", "f", json!({}));
    let text = |index, text: &str| Delta::Block { index, block: Block::text(text) };
    let whole = |texts: &[&str]| {
        Delta::complete(Response::new(texts.iter().copied().map(Block::text).collect(), StopReason::EndTurn))
    };
    for (deltas, expected) in [
        // The API cuts one text into blocks at citations.
        (
            vec![words("Oslo "), text(1, ""), Delta::words(1, "is in Norway"), text(2, ".")],
            "Oslo is in Norway.",
        ),
        (vec![call(), words("After a call.")], "After a call."),
        (vec![words("Let me look."), call(), Delta::words(2, "I look.")], "Let me look.\\n\\nI look."),
        (vec![words("One."), stop(), words("Two."), stop()], "One.\\n\\nTwo."),
        (vec![whole(&["Oslo ", "it is."]), whole(&[]), whole(&["Yes."])], "Oslo it is.\\n\\nYes."),
        (
            vec![words("Half"), whole(&["Whole."])],
            "Half\\n[withdrawn: it came as a whole; the reply starts again]\\nWhole.",
        ),
        (
            vec![words("No"), again("cut"), whole(&["Whole."])],
            "No\\n[withdrawn: cut; the reply starts again]\\nWhole.",
        ),
        (vec![words("A\u{202e}B\u{1b}[2K")], "A\\\\u{202e}B\\\\u{1b}[2K"),
    ] {
        let said = printed(deltas).replace('\\', "\\\\").replace('\n', "\\n");
        assert_eq!(said, expected);
    }
}

/// A model whose reply breaks off, with a wrapper that asks it again.
struct Breaks(Script);

impl Llm for Breaks {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let half = [words("Two to the power "), again("it broke off")].map(Ok);
        futures::stream::iter(half).chain(self.0.stream(request)).boxed()
    }
}

/// All that is printed in a run.
async fn shown(team: &Team, conversation: &mut Conversation) -> String {
    shown_by(LiveText::new(), team, conversation).await
}

async fn shown_by(mut live: LiveText, team: &Team, conversation: &mut Conversation) -> String {
    let mut screen = String::new();
    let mut run = team.run(conversation);
    while let Some(event) = run.next().await {
        for change in live.see(&event) {
            screen += &change.to_string();
        }
    }
    let _ = run.await;
    screen
}

#[tokio::test(start_paused = true)]
async fn field_54_a_run_is_shown_with_its_failures_and_each_conversation_by_itself() {
    let script = Script::new([Reply::text("Two to the power of ten is 1024.")]);
    let team = Team::new([Agent::builder("main", Breaks(script)).build().unwrap()]).unwrap();
    assert_snapshot!(shown(&team, &mut Conversation::start("main", "2^10?")).await, @r"
    Two to the power 
    [withdrawn: it broke off; the reply starts again]
    Two to the power of ten is 1024.
    ");

    let model = Script::by_agent([
        (
            "main",
            vec![
                calls([("act_first", json!({"transfer": "b"}))]).stop(StopReason::ToolUse),
                Reply::text("Then I."),
            ],
        ),
        ("b", vec![Reply::text("Not I.").stop(StopReason::Refusal)]),
    ]);
    let team = ["main", "b"].map(|name| agent(name, &model, &Log::default()).build().unwrap());
    let team = Team::new(team).unwrap();
    assert_snapshot!(shown(&team, &mut Conversation::start("main", "Go.")).await, @r"
    Not I.
    [withdrawn: it refused]
    Then I.
    ");

    let mut live = LiveText::new();
    live.push("a", &words("A says "));
    live.push("b", &words("B says "));
    live.push("a", &again("cut"));
    live.push("b", &words("this."));
    assert_eq!((live.text("a"), live.text("b"), live.text("c")), ("", "B says this.", ""));
}

#[tokio::test(start_paused = true)]
async fn field_54_a_reply_that_fails_for_good_is_withdrawn() {
    struct Fails;
    impl Llm for Fails {
        fn stream(&self, _: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
            let broke = LlmError::new(LlmErrorKind::Connection, "reset");
            futures::stream::iter([Ok(words("Two to ")), Err(broke)]).boxed()
        }
    }
    let team = Team::new([Agent::builder("main", Fails).build().unwrap()]).unwrap();
    assert_snapshot!(shown(&team, &mut Conversation::start("main", "2^10?")).await, @r"
    Two to 
    [withdrawn: no connection to the model's server: reset]
    ");
}

#[tokio::test(start_paused = true)]
async fn only_what_is_said_to_the_user_is_shown_at_the_top_level() {
    let check = async |live: LiveText, expected: &str| {
        let model = Script::by_agent([
            ("main", vec![calls([("act", json!({"to": "b"}))]), Reply::text("I have it.")]),
            ("b", vec![Reply::text("Here it is.")]),
        ]);
        let team = ["main", "b"].map(|name| agent(name, &model, &Log::default()).build().unwrap());
        let team = Team::new(team).unwrap();
        assert_eq!(shown_by(live, &team, &mut Conversation::start("main", "Go.")).await, expected);
    };
    check(LiveText::new(), "Here it is.I have it.").await;
    check(LiveText::top_level(), "I have it.").await;
}
