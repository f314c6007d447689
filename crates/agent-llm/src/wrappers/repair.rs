//! Requests that the API refuses are repaired, where a change of the request helps.

mod block;
mod refused;
mod size;

use std::{collections::BTreeMap, future::ready, mem, time::Duration};

use agent_core::{
    BoxStream, Delta, Json, Llm, LlmError, Request, Usage,
    budget::Usd,
    message::valid_history,
    model::{LlmErrorKind, Notice},
};
use futures::{StreamExt, stream};
use refused::Refused;

use super::asking::{Again, Asking};

/// The field of [`Request::extra`](agent_core::model::RequestParts::extra) that says what container
/// to run in.
const CONTAINER: &str = "container";

/// A wrapper around any [`Llm`] that repairs requests. When the server refuses a request and a
/// change of the request helps, the wrapper makes the change and sends the request again. A
/// [`Notice`](agent_core::model::Notice) says what was changed.
///
/// It repairs:
///
/// - **A broken history:** calls without results, results without calls, and blank text. The
///   history of a [`Conversation`](agent_core::Conversation) is never broken. A history from
///   elsewhere may be.
/// - **A container that is gone**
///   ([`Request::container`](agent_core::model::RequestParts::container), or `container` in
///   [`Request::extra`](agent_core::model::RequestParts::extra)). The container is left out, and
///   the API makes a new one.
/// - **A block that the server refuses by its place** (`messages.3.content.1`), or a picture that
///   can't be read. A note replaces the block and says what was refused. Tool calls and blocks of
///   the server's own tools can't be replaced. The last 1,000 refused pictures and documents are
///   remembered. This client and its clones do not send them again;
///   [`Notice::Omitted`](agent_core::model::Notice) says so.
/// - **A request that is too long**, or has too many pictures and documents. The longest results of
///   tools are cut and the oldest pictures and documents are left out, until as much is saved as
///   the server says. If that is not enough, a second change cuts by how much the first one helped,
///   and a third keeps as little as possible of results and pictures. Messages of the user and of
///   the model are not cut. If they are too long, the error is a
///   [`PromptTooLong`](LlmErrorKind::PromptTooLong), which says how many bytes each part has.
///
/// For one request, each kind of change is made once, except that up to ten refused blocks are
/// replaced. If the request is still refused, the error is that last refusal. The messages of the
/// conversation never change.
///
/// Put `Repair` around [`Retry`](crate::Retry). Then a repaired request has all the attempts of the
/// retry policy, and a retry never sends the refused request again.
#[derive(Clone, Debug)]
pub struct Repair<L> {
    llm: L,
    refused: Refused,
}

/// What was refused, and why.
struct Refusal<'a> {
    request: &'a Request,
    error: &'a LlmError,
    /// What was refused before it was changed to this request.
    before: Option<&'a (Request, LlmError)>,
}

/// A refusal that a change of the request can mend.
struct Mend {
    /// What the change is, in words.
    done: &'static str,
    /// Whether the refusal is about this.
    fits: fn(&LlmError) -> bool,
    /// The request changed after this refusal, if there is anything to change.
    change: fn(&Refusal<'_>) -> Option<Request>,
    /// How often it may be tried.
    times: u32,
}

const MENDS: [Mend; 5] = [
    Mend { done: "the history is mended", fits: is_about_history, change: with_pairs, times: 1 },
    Mend { done: "the container is left out", fits: is_about_container, change: without_container, times: 1 },
    Mend {
        done: block::DONE,
        fits: block::is_about_block,
        change: |refusal| block::without_block(refusal.request, refusal.error),
        times: 10,
    },
    Mend { done: "the request is shortened", fits: size::is_about_size, change: size::shortened, times: 2 },
    Mend {
        done: "the request is as short as it can be",
        fits: size::is_about_size,
        change: size::shortest,
        times: 1,
    },
];

impl<L: Llm> Repair<L> {
    /// Wraps a backend.
    pub fn new(llm: L) -> Self {
        Self { llm, refused: Refused::default() }
    }

    /// The backend to which this wrapper sends requests.
    pub fn inner(&self) -> &L {
        &self.llm
    }
}

impl<L: Llm> Llm for Repair<L> {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let (request, parts) = self.refused.without(request);
        let repairing = Repairing {
            repair: self,
            request,
            mends: MENDS,
            before: None,
            attempt: 0,
            has_started: false,
            has_said: false,
            withdrawn: None,
        };
        let repairing = repairing.stream();
        match parts.is_empty() {
            true => repairing,
            false => {
                stream::once(ready(Ok(Delta::Notice(Notice::Omitted { parts })))).chain(repairing).boxed()
            }
        }
    }

    fn supports_answer_schema(&self, schema: &Json) -> bool {
        self.llm.supports_answer_schema(schema)
    }

    fn max_cost(&self, usage: &Usage) -> Option<Usd> {
        self.llm.max_cost(usage)
    }
}

struct Repairing<'a, L> {
    repair: &'a Repair<L>,
    request: Request,
    /// Those that may be tried.
    mends: [Mend; 5],
    /// What was refused last, and why.
    before: Option<(Request, LlmError)>,
    attempt: u32,
    /// The reply has begun, and may have said nothing yet: some servers refuse only then.
    has_started: bool,
    has_said: bool,
    /// Why a reply that had only begun must be withdrawn, once there is another.
    withdrawn: Option<String>,
}

impl<'a, L: Llm> Asking<'a> for Repairing<'a, L> {
    fn ask(&mut self) -> BoxStream<'a, Result<Delta, LlmError>> {
        self.has_started = false;
        self.repair.llm.stream(self.request.clone())
    }

    fn see(&mut self, delta: &Delta) -> Result<Option<Delta>, LlmError> {
        match delta {
            Delta::Notice(_) => return Ok(None),
            // It withdraws what was begun before, too.
            Delta::Restarted { .. } => {
                self.withdrawn = None;
                return Ok(None);
            }
            Delta::Start { .. } => self.has_started = true,
            _ => self.has_said = true,
        }
        Ok(self.withdrawn.take().map(|reason| Delta::Restarted { reason }))
    }

    fn end(&mut self) -> Result<(), LlmError> {
        Ok(())
    }

    fn again(&mut self, error: LlmError) -> Result<Again, LlmError> {
        // What the server has answered it has not refused.
        if self.has_said {
            return Err(error);
        }
        let refusal = Refusal { request: &self.request, error: &error, before: self.before.as_ref() };
        let Some((done, mended)) = mend(&mut self.mends, &refusal) else {
            return Err(size::described(&self.request, error));
        };
        if done == block::DONE {
            self.repair.refused.remember(&self.request, &mended);
        }
        self.attempt += 1;
        let reason = format!("{done}, since {error}");
        if self.has_started {
            self.withdrawn = Some(reason.clone());
        }
        self.before = Some((mem::replace(&mut self.request, mended), error));
        Ok(Again { attempt: self.attempt, wait: Duration::ZERO, reason })
    }
}

/// Takes the first mend for this refusal that changes something: what it did, and the mended
/// request.
fn mend(mends: &mut [Mend], refusal: &Refusal<'_>) -> Option<(&'static str, Request)> {
    mends.iter_mut().filter(|mend| mend.times > 0 && (mend.fits)(refusal.error)).find_map(|mend| {
        let mended = (mend.change)(refusal)?;
        mend.times -= 1;
        Some((mend.done, mended))
    })
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
    error.kind == LlmErrorKind::InvalidRequest && says(error, &WORDS)
}

fn with_pairs(&Refusal { request, .. }: &Refusal<'_>) -> Option<Request> {
    let mut mended = request.clone();
    mended.messages = valid_history(request.messages.clone());
    (mended.messages != request.messages).then_some(mended)
}

/// What the API says of a container that is gone: it has expired, or is not found (404 at some).
fn is_about_container(error: &LlmError) -> bool {
    const WORDS: [&str; 4] = ["expired", "not found", "not exist", "no longer"];
    let refused = matches!(error.kind, LlmErrorKind::InvalidRequest | LlmErrorKind::NotFound);
    refused && says(error, &["container"]) && says(error, &WORDS)
}

/// Without the container to be used again. What else is said of one, the skills to load, stays.
fn without_container(&Refusal { request, .. }: &Refusal<'_>) -> Option<Request> {
    let mut mended = request.clone();
    mended.container = None;
    if let Some(rest) = mended.extra.remove(CONTAINER).and_then(without_id) {
        mended.extra.insert(CONTAINER.to_owned(), rest);
    }
    (mended != *request).then_some(mended)
}

/// What is left of a container without its id; nothing of one that is only an id.
fn without_id(container: Json) -> Option<Json> {
    let mut fields: BTreeMap<String, Json> = container.parse().ok()?;
    match (fields.remove("id"), fields.is_empty()) {
        (None, _) => Some(container),
        (Some(_), true) => None,
        (Some(_), false) => Some(Json::of(&fields).expect("keys are strings and values are JSON already")),
    }
}

fn says(error: &LlmError, words: &[&str]) -> bool {
    let message = error.message.to_lowercase();
    words.iter().any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use agent_core::{
        Block, Message,
        model::{Notice, fold},
        script::{Reply, Script},
    };
    use futures::StreamExt;
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
        let answer =
            answer.map_or_else(|error| error.message.clone(), |response| format!("{:?}", response.content));
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

    const EXPIRED: &str = "container: Container container_1 has expired";

    /// Asks with this container; what was asked the last time, and what came of it.
    async fn check_container(container: Json, refused: LlmError, asked: &str, reply: &str) {
        let model = Script::new([Reply::error(refused), Reply::text("Fine.")]);
        let repair = Repair::new(model.clone());
        let mut request = Request::new(vec![Message::user("Go.")]);
        request.extra.insert(CONTAINER.to_owned(), container);
        let mut notices = Vec::new();
        let listen = |delta: &Delta| {
            if let Delta::Notice(Notice::Retry { reason, .. }) = delta {
                notices.push(reason.clone());
            }
        };
        let answer = fold(repair.stream(request), listen).await;
        let answer = answer.map_or_else(
            |error| error.message.clone(),
            |response| Message::assistant(response.content).text(),
        );
        let last = model.requests().last().unwrap().extra.get(CONTAINER).map(|json| json.text().to_owned());
        assert_eq!((last.as_deref().unwrap_or("none"), answer.as_str()), (asked, reply));
        let said = "the container is left out, since ";
        assert_eq!(notices.len(), model.requests().len() - 1);
        assert!(notices.iter().all(|notice| notice.starts_with(said)), "{notices:?}");
    }

    #[tokio::test]
    async fn a_container_that_is_gone_is_left_out() {
        let gone = |kind, message: &str| LlmError::new(kind, message);
        let expired = || gone(LlmErrorKind::InvalidRequest, EXPIRED);
        let missing = gone(LlmErrorKind::NotFound, "Container not found: container_1");
        check_container(json!("container_1").into(), expired(), "none", "Fine.").await;
        check_container(json!("container_1").into(), missing, "none", "Fine.").await;
        check_container(json!({"id": "container_1"}).into(), expired(), "none", "Fine.").await;
        let skills = r#"{"skills":[{"type":"anthropic","skill_id":"pptx"}]}"#;
        let with_id = skills.replacen('{', r#"{"id":"container_1","#, 1);
        check_container(Json::read(with_id).unwrap(), expired(), skills, "Fine.").await;
        // Nothing to leave out, or not about one that is gone.
        check_container(Json::read(skills).unwrap(), expired(), skills, EXPIRED).await;
        let wanted = "container_id is required when there are pending tool uses";
        let wanted = gone(LlmErrorKind::InvalidRequest, wanted);
        check_container(json!("a").into(), wanted.clone(), r#""a""#, &wanted.message).await;
        let model = gone(LlmErrorKind::NotFound, "model: claude-1 not found");
        check_container(json!("a").into(), model.clone(), r#""a""#, &model.message).await;
    }

    #[tokio::test]
    async fn a_refusal_whose_words_fit_two_changes_gets_the_one_that_there_is_to_make() {
        let both = "container: container_1, which the `tool_use` blocks ran in, has expired";
        let missing = LlmError::new(LlmErrorKind::InvalidRequest, both);
        check_container(json!("container_1").into(), missing, "none", "Fine.").await;
    }

    #[tokio::test]
    async fn each_change_is_tried_once() {
        let model = Script::new([refusal(ORPHAN), refusal(EXPIRED), refusal(ORPHAN), Reply::text("Fine.")]);
        let repair = Repair::new(model.clone());
        let mut request = Request::new(orphaned());
        request.container = Some("container_1".to_owned());
        let error = fold(repair.stream(request), |_| ()).await.unwrap_err();
        assert_eq!((error.message.as_str(), model.requests().len()), (ORPHAN, 3));
        let last = &model.requests()[2];
        assert_eq!((last.messages.len(), &last.container), (2, &None));
    }

    #[tokio::test]
    async fn a_reply_that_has_only_begun_is_withdrawn_when_it_is_refused() {
        struct Begun;
        impl Llm for Begun {
            fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
                let start = Delta::Start {
                    id: Some("r".into()),
                    model: None,
                    usage: Box::default(),
                    extra: BTreeMap::new(),
                };
                let refused = LlmError::new(LlmErrorKind::InvalidRequest, ORPHAN);
                match request.messages.len() {
                    3 => futures::stream::iter(vec![Ok(start), Err(refused)]).boxed(),
                    _ => {
                        let stop = Delta::stop(agent_core::StopReason::EndTurn);
                        futures::stream::iter(vec![Ok(start), Ok(stop)]).boxed()
                    }
                }
            }
        }
        let said: Vec<_> = Repair::new(Begun).stream(Request::new(orphaned())).collect().await;
        let short: Vec<&str> = said
            .iter()
            .map(|delta| match delta.as_ref().unwrap() {
                Delta::Start { .. } => "start",
                Delta::Notice(_) => "notice",
                Delta::Restarted { .. } => "restarted",
                _ => "stop",
            })
            .collect();
        assert_eq!(short, ["start", "notice", "restarted", "start", "stop"]);
    }

    #[tokio::test]
    async fn what_has_begun_is_not_refused() {
        struct Half;
        impl Llm for Half {
            fn stream(&self, _: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
                let refused = LlmError::new(LlmErrorKind::InvalidRequest, ORPHAN);
                futures::stream::iter([Ok(Delta::words(0, "half")), Err(refused)]).boxed()
            }
        }
        let said: Vec<_> = Repair::new(Half).stream(Request::new(orphaned())).collect().await;
        assert!(matches!(&said[..], [Ok(Delta::Piece { .. }), Err(_)]), "{said:?}");
    }
}
