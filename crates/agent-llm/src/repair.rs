//! Histories that the API refuses are mended once.

use std::time::Duration;

use agent_core::{BoxStream, Delta, Llm, LlmError, LlmErrorKind, Notice, Request, in_pairs};
use async_stream::try_stream;
use futures::StreamExt;

/// Asks any [`Llm`] again, once, with a mended history when it refuses one for calls without results,
/// results without calls, or blank text.
///
/// What this library's loop sends needs no mending; histories from elsewhere, and views of them, may.
/// The record is not touched, and a history that is refused again is an error.
#[derive(Clone, Debug)]
pub struct Repair<L> {
    llm: L,
}

impl<L: Llm> Repair<L> {
    /// Repairs around this backend.
    pub fn new(llm: L) -> Self {
        Self { llm }
    }

    /// The backend itself.
    pub fn inner(&self) -> &L {
        &self.llm
    }
}

impl<L: Llm> Llm for Repair<L> {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let stream = try_stream! {
            let mut again = request.clone();
            let mut reply = self.llm.stream(request);
            while let Some(delta) = reply.next().await {
                match delta {
                    Err(error) if is_about_history(&error) => {
                        let mended = in_pairs(again.messages.clone());
                        if mended == again.messages {
                            Err(error)?;
                            return;
                        }
                        again.messages = mended;
                        let (wait, reason) = (Duration::ZERO, format!("the history is mended, since {error}"));
                        yield Delta::Notice(Notice::Retry { attempt: 1, wait, reason });
                        let mut reply = self.llm.stream(again);
                        while let Some(delta) = reply.next().await {
                            yield delta?;
                        }
                        return;
                    }
                    delta => yield delta?,
                }
            }
        };
        stream.boxed()
    }
}

/// What the API says of a history it refuses.
fn is_about_history(error: &LlmError) -> bool {
    const WORDS: [&str; 5] = [
        "tool_use",
        "tool_result",
        "text content blocks must",
        "must have non-empty content",
        "first message must use the user role",
    ];
    error.kind == LlmErrorKind::InvalidRequest && WORDS.iter().any(|words| error.message.contains(words))
}

#[cfg(test)]
mod tests {
    use agent_core::{
        Block, Message, fold,
        script::{Reply, Script},
    };
    use serde_json::json;

    use super::*;

    fn refusal(message: &str) -> Reply {
        Reply::error(LlmError::new(LlmErrorKind::InvalidRequest, message))
    }

    /// Asks with an orphaned call; then what came of it, and how often the model was asked.
    async fn check(replies: Vec<Reply>, messages: Vec<Message>, expected: &str, asked: usize) {
        let model = Script::new(replies);
        let repair = Repair::new(model.clone());
        let answer = fold(repair.stream(Request::new(messages)), |_| ()).await;
        let answer = answer.map_or_else(|error| error.message, |response| format!("{:?}", response.content));
        assert_eq!((answer.as_str(), model.requests().len()), (expected, asked));
    }

    fn orphaned() -> Vec<Message> {
        let call = Block::tool_use("a", "f", json!({}));
        vec![Message::user("Go."), Message::assistant(vec![call]), Message::user("And?")]
    }

    const ORPHAN: &str =
        "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: a";

    #[tokio::test]
    async fn fault_40_a_poisoned_history_is_mended_once_and_never_retried_as_it_is() {
        let fine = || Reply::text("Fine.");
        let said = r#"[{"type":"text","text":"Fine."}]"#;
        check(vec![refusal(ORPHAN), fine()], orphaned(), said, 2).await;
        check(vec![refusal(ORPHAN), refusal(ORPHAN), fine()], orphaned(), ORPHAN, 2).await;
        // Nothing to mend, or not about the history: the error stands.
        check(vec![refusal(ORPHAN), fine()], vec![Message::user("Go.")], ORPHAN, 1).await;
        check(vec![refusal("max_tokens: too large"), fine()], orphaned(), "max_tokens: too large", 1).await;
    }

    #[tokio::test]
    async fn what_is_asked_the_second_time_is_valid() {
        let model = Script::new([refusal(ORPHAN), Reply::text("Fine.")]);
        let repair = Repair::new(model.clone());
        fold(repair.stream(Request::new(orphaned())), |_| ()).await.unwrap();
        let texts: Vec<String> = model.requests()[1].messages.iter().map(Message::text).collect();
        assert_eq!(texts, ["Go.", "And?"]);
    }
}
