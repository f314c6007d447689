//! Replies that are cancelled while they stream.

use agent_core::script::Script;
use agent_core::{
    Agent, BoxStream, Conversation, Delta, End, Llm, LlmError, Request, StopReason, Team, script::Reply,
};
use agent_restate::{RestateError, Services};
use agent_tools::AgentTool;
use futures::{StreamExt, stream};
use serde_json::json;

use crate::common::{Calls, Stage, start};

/// A model that streams some words of its first reply and then hangs. Later replies are complete.
struct Slow {
    words: &'static [&'static str],
    /// Notified each time that it hangs.
    hung: Calls,
}

impl Llm for Slow {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let (words, hung, key) = (self.words, &self.hung, request.conversation.to_string());
        match request.messages.len() {
            1 => {
                let shown = stream::iter(words).map(|word| Ok(Delta::words(0, *word)));
                shown
                    .chain(stream::once(async move {
                        hung.note(key);
                        std::future::pending().await
                    }))
                    .boxed()
            }
            _ => stream::iter([Delta::words(0, "Five."), Delta::stop(StopReason::EndTurn)]).map(Ok).boxed(),
        }
    }
}

/// A clerk with such a model, and a boss who asks the clerk.
fn office(words: &'static [&'static str], hung: &Calls) -> Services {
    let boss = Script::by(|request| match request.messages.len() {
        1 => Reply::call("clerk", json!({"task": "Count."})),
        _ => Reply::text("Done."),
    });
    let boss = Agent::builder("boss", boss).tool(AgentTool::new("clerk", "Counts.")).build().unwrap();
    let clerk = Agent::builder("clerk", Slow { words, hung: hung.clone() }).build().unwrap();
    Services::new(Team::new([boss, clerk]).unwrap())
}

/// Runs a conversation, cancels it when the model hangs, and returns what is kept of it.
async fn cancelled(
    stage: &Stage,
    hung: &Calls,
    mut conversation: Conversation,
) -> (Result<End, RestateError>, Conversation) {
    let (id, before) = (conversation.id().to_owned(), hung.made().len());
    let cancel = async {
        hung.until(|hung| hung.len() > before).await;
        assert!(stage.host.cancel(&id).await.unwrap());
    };
    let (end, ()) = futures::join!(stage.host.run(&mut conversation), cancel);
    let kept = stage.host.history(&id).await.unwrap().unwrap();
    if end.is_ok() {
        assert_eq!(conversation, kept);
    }
    (end, kept)
}

#[tokio::test]
async fn field_52_on_the_engine_what_was_shown_of_a_reply_that_is_cancelled_is_kept_if_one_says_so() {
    let hung = Calls::default();
    let Some(mut stage) = Stage::open(office(&["One ", "two "], &hung).keep_partial_reply(true)).await else {
        return;
    };
    let (end, mut kept) = cancelled(&stage, &hung, start("count")).await;
    assert_eq!((end.unwrap(), kept.text().as_str()), (End::Cut(StopReason::Cancelled), "One two "));
    // The run is over until the user continues. Then the model reads all of it.
    assert_eq!(stage.host.run(&mut kept).await.unwrap(), End::Cut(StopReason::Cancelled));
    kept.say("Go on.");
    assert_eq!(stage.host.run(&mut kept).await.unwrap().text(), "Five.");
    assert_eq!(kept.messages()[1].text(), "One two ");

    let boss = Conversation::start("boss", "Go.").with_id("delegated");
    let (end, kept) = cancelled(&stage, &hung, boss).await;
    assert!(matches!(end, Err(RestateError::Cancelled)), "{end:?}");
    let cut = "  < call_0_0 failed: clerk's reply was cut (cancelled); it began: One two \n";
    assert!(kept.to_string().contains(cut), "{kept}");

    // Nothing was streamed.
    stage.replace(office(&[], &hung).keep_partial_reply(true)).await;
    let (end, mut kept) = cancelled(&stage, &hung, start("silent")).await;
    assert!(matches!(end, Err(RestateError::Cancelled)), "{end:?}");
    assert_eq!(kept.messages().len(), 1);
    kept.say("Go on.");
    assert_eq!(stage.host.run(&mut kept).await.unwrap().text(), "Five.");
}

#[tokio::test]
async fn field_52_on_the_engine_nothing_is_kept_unless_one_says_so() {
    let hung = Calls::default();
    let Some(stage) = Stage::open(office(&["One ", "two "], &hung)).await else { return };
    let (end, kept) = cancelled(&stage, &hung, start("count")).await;
    assert!(matches!(end, Err(RestateError::Cancelled)), "{end:?}");
    assert_eq!(kept.messages().len(), 1, "{kept}");
}
