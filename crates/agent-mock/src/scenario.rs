//! The scenario: what the server replies, and to whom.

mod scenario_json;
mod shape;

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use agent_core::{LlmError, message::InvalidJson, model::LlmErrorKind, script::Reply};
use scenario_json::ScenarioJson;
use serde::Deserialize;

use crate::{Fault, RateLimit, RecordedRequest, default_reply::default_reply, faults::Faults};

/// What the server replies to each request, and what goes wrong. Make one with [`Scenario::new`]
/// and pass it to [`Mock::start`](crate::Mock::start). Clones give the same replies.
///
/// Replies are chosen by *turn*: the number of replies of the model in the request, from 0
/// ([`RecordedRequest::turn`] says how they are counted). So every conversation starts with the first
/// reply, and a request that is repeated gets the same reply again. After a handoff, the messages of the previous agent count, too.
///
/// The default scenario needs no setup. Its first reply calls the first tool of the request, with
/// an input made up from the tool's schema. A request that ends with tool results gets a text that
/// repeats them. A request without tools gets the text of its last message back.
///
/// If a scenario has no reply for a request, the answer is a status 500 that names the agent and
/// the turn, and that tells the client not to retry.
///
/// # Faults
///
/// [`Scenario::fault`] sets, for one turn, what happens to each attempt. A request counts as a
/// further attempt if the server has already received the same body, byte by byte. In a message
/// thread, the server compares the history instead. Conversations with different content therefore
/// count their attempts separately, even if they run in parallel. Conversations with the same
/// content share one count.
///
/// A request that the real API would refuse is always refused, also if a fault is set for it.
///
/// ```
/// use agent_core::script::Reply;
/// use agent_mock::{Answer, Fault, Mock, Scenario};
///
/// let scenario = Scenario::new([Reply::call("now", serde_json::json!({})), Reply::text("It is noon.")])
///     .fault(0, [Fault::status(529), Fault::answer(Answer::new(429).header("retry-after", "2"))])
///     .fault(1, [Fault::cut("noon")]);
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let server = Mock::start(scenario).await?;
/// # // The server does not speak TLS. reqwest needs a provider all the same.
/// # let _ = rustls::crypto::ring::default_provider().install_default();
/// # let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
/// # let post = || client.post(server.url() + "/v1/messages").header("anthropic-version", "2026-10-21");
/// # let ask = async |body: &'static str| post().header("x-api-key", "any").body(body).send().await;
/// let first = r#"{"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "When?"}]}"#;
/// // Three attempts at turn 0: refused, refused, answered.
/// assert_eq!(ask(first).await?.status(), 529);
/// assert_eq!(ask(first).await?.headers()["retry-after"], "2");
/// assert!(ask(first).await?.text().await?.contains("tool_use"));
/// # let second = r#"{"model": "m", "max_tokens": 9, "stream": true, "messages": [{"role": "user", "content": "When?"},
/// #     {"role": "assistant", "content": "Wait."}, {"role": "user", "content": "So?"}]}"#;
/// // Two attempts at turn 1: the connection is closed after "noon", then the reply is complete.
/// assert!(ask(second).await?.text().await.is_err());
/// assert!(ask(second).await?.text().await?.ends_with("\n\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The place of a fault can be a text. The server looks for this text in the bytes of the body, as
/// the client receives them. A streamed reply has one event per word, so the body contains "noon"
/// but not "It is". If the body does not contain the place, the answer is a status 500 that says
/// so.
///
/// # As JSON
///
/// A scenario can be read from JSON with [`Scenario::from_json`]. Each reply is an
/// [`agent_core::script::Reply`]: the content blocks, or an error; the pauses before the reply,
/// before each block and before each word; the stop reason and the usage.
///
/// ```
/// # use agent_mock::Scenario;
/// let scenario = Scenario::from_json(r#"{
///     "agents": [{
///         "marker": "You add numbers.",
///         "replies": [
///             {"content": [{"type": "tool_use", "id": "", "name": "sum", "input": {"a": 1, "b": 2}}], "latency_ms": 200},
///             {"content": [{"type": "text", "text": "The sum is 3."}], "per_token_ms": 20}
///         ]
///     }],
///     "replies": [{"error": {"kind": "overloaded", "message": "come back later"}}],
///     "faults": [
///         {"turn": 0, "attempts": [{"answer": {"status": 529}}, null, {"cut": {"at": 200}}]},
///         {"turn": 1, "agent": "You add numbers.", "attempts": ["hang_up"]}
///     ]
/// }"#)?;
/// # Ok::<(), agent_core::message::InvalidJson>(())
/// ```
///
/// - `agents`: the replies of certain agents, as in [`Scenario::by_agent`].
/// - `replies`: the replies to all other requests, as in [`Scenario::new`].
/// - `faults`: what goes wrong, as in [`Scenario::fault`] and [`Scenario::fault_of`]. `null` is an
///   attempt that succeeds. [`Fault`] shows the other faults.
///
/// `{}` is the default scenario. An unknown field is an error.
#[derive(Clone, Default, Deserialize)]
#[serde(from = "ScenarioJson")]
pub struct Scenario {
    agents: Vec<AgentReplies>,
    fallback: Fallback,
    faults: Faults,
    pub(crate) limit: Option<RateLimit>,
    /// The most tokens that a request may have.
    pub(crate) context: Option<usize>,
}

/// The replies of one agent.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentReplies {
    marker: String,
    replies: Vec<Reply>,
}

/// What the server replies to requests without a known marker.
#[derive(Clone, Default)]
enum Fallback {
    #[default]
    DefaultReply,
    Error,
    ByTurn(Vec<Reply>),
    ByFunction(Arc<ReplyFunction>),
}

type ReplyFunction = dyn Fn(&RecordedRequest) -> Reply + Send + Sync;

impl Scenario {
    /// Makes a scenario with replies for every agent, chosen by turn: the first reply to requests
    /// without an assistant message, the second to requests with one such message, and so on.
    pub fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self { fallback: Fallback::ByTurn(replies.into_iter().collect()), ..Self::default() }
    }

    /// Makes a scenario with replies for several agents, chosen by agent and then by turn. Each
    /// agent has a marker: a text that its system prompt contains. If a system prompt contains
    /// several markers, the first one in this list counts. Requests without a marker get an error.
    /// To reply to those, too, use [`Scenario::new`] with [`Scenario::and_agent`].
    pub fn by_agent<M: Into<String>>(parts: impl IntoIterator<Item = (M, Vec<Reply>)>) -> Self {
        let part = |(marker, replies): (M, _)| AgentReplies { marker: marker.into(), replies };
        Self { agents: parts.into_iter().map(part).collect(), fallback: Fallback::Error, ..Self::default() }
    }

    /// Makes a scenario whose replies are a function of the request. If the function panics, the
    /// answer is a status 500 that says so.
    pub fn by(reply: impl Fn(&RecordedRequest) -> Reply + Send + Sync + 'static) -> Self {
        Self { fallback: Fallback::ByFunction(Arc::new(reply)), ..Self::default() }
    }

    /// Adds replies for one agent, chosen by turn. The agent is recognised by its marker, as in
    /// [`Scenario::by_agent`]. The replies to all other requests stay as they are.
    pub fn and_agent(mut self, marker: impl Into<String>, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.agents.push(AgentReplies { marker: marker.into(), replies: replies.into_iter().collect() });
        self
    }

    /// Sets a limit on how many requests the server accepts over time. By default there is no
    /// limit.
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Sets the most tokens that a request may have. A longer request is refused with the API's
    /// message, such as `prompt is too long: 205000 tokens > 200000 maximum`. Tokens are estimated:
    /// four bytes of text are one token, and a picture or a page of a document has up to 1,600. By
    /// default there is no limit.
    pub fn context(mut self, tokens: usize) -> Self {
        self.context = Some(tokens);
        self
    }

    /// Sets what happens to the attempts at this turn, for any agent: the first item is for the
    /// first attempt, and so on. With `None` an attempt succeeds. Attempts after the last item
    /// succeed, too. For example, `fault(0, [Fault::status(529), Fault::status(529)])` refuses the
    /// first request of a conversation twice.
    pub fn fault<F: Into<Option<Fault>>>(self, turn: usize, attempts: impl IntoIterator<Item = F>) -> Self {
        self.faults(turn, None, attempts)
    }

    /// Like [`Scenario::fault`], but only for the agent with this [marker](Self::by_agent). If
    /// several faults match a request, the fault that was added first counts.
    pub fn fault_of<F: Into<Option<Fault>>>(
        self,
        marker: impl Into<String>,
        turn: usize,
        attempts: impl IntoIterator<Item = F>,
    ) -> Self {
        self.faults(turn, Some(marker.into()), attempts)
    }

    fn faults<F: Into<Option<Fault>>>(
        mut self,
        turn: usize,
        agent: Option<String>,
        attempts: impl IntoIterator<Item = F>,
    ) -> Self {
        self.faults.add(turn, agent, attempts.into_iter().map(Into::into).collect());
        self
    }

    /// Reads a scenario from JSON, in the format shown under [As JSON](Self#as-json). Fails if the
    /// JSON has another shape or an unknown field; the error says what is wrong, and where.
    pub fn from_json(text: &str) -> Result<Self, InvalidJson> {
        shape::check(text)?;
        let mut reader = serde_json::Deserializer::from_str(text);
        let scenario = serde_path_to_error::deserialize(&mut reader)?;
        let trailing =
            |error: serde_json::Error| InvalidJson { pointer: String::new(), message: error.to_string() };
        reader.end().map_err(trailing)?;
        Ok(scenario)
    }

    /// The marker of the agent that sent this request, if the scenario has one for it.
    pub(crate) fn recognise(&self, system: &[String]) -> Option<String> {
        let spoken = |part: &&AgentReplies| system.iter().any(|text| text.contains(&part.marker));
        self.agents.iter().find(spoken).map(|part| part.marker.clone())
    }

    /// What goes wrong with the answer to this request.
    pub(crate) fn fault_for(&self, request: &RecordedRequest) -> Option<&Fault> {
        self.faults.of(request)
    }

    /// Fails if there are faults for an agent that the scenario does not have.
    pub(crate) fn check(&self) -> Result<(), String> {
        let known: Vec<&str> = self.agents.iter().map(|part| part.marker.as_str()).collect();
        self.faults.check(&known)
    }

    pub(crate) fn reply(&self, request: &RecordedRequest) -> Reply {
        let part = self.agents.iter().find(|part| Some(&part.marker) == request.agent.as_ref());
        match (part, &self.fallback) {
            (Some(part), _) => {
                by_turn(&format!("the agent {:?} of the scenario", part.marker), &part.replies, request.turn)
            }
            (None, Fallback::DefaultReply) => default_reply(&request.reading),
            (None, Fallback::ByTurn(replies)) => by_turn("the scenario", replies, request.turn),
            (None, Fallback::ByFunction(function)) => ask(function.as_ref(), request),
            (None, Fallback::Error) => {
                let known: Vec<String> =
                    self.agents.iter().map(|part| format!("{:?}", part.marker)).collect();
                let (turn, known) = (request.turn, known.join(", "));
                failure(format!(
                    "turn {turn}: the system prompt contains no marker of the scenario's agents: {known}"
                ))
            }
        }
    }
}

fn by_turn(whose: &str, replies: &[Reply], turn: usize) -> Reply {
    replies.get(turn).cloned().unwrap_or_else(|| {
        let had = replies.len();
        failure(format!(
            "{whose} has no reply for turn {turn}: it has {had} in all, and turns are counted from 0"
        ))
    })
}

/// A panic would only close the connection, and the client would send the request again.
fn ask(function: &ReplyFunction, request: &RecordedRequest) -> Reply {
    catch_unwind(AssertUnwindSafe(|| function(request)))
        .unwrap_or_else(|_| failure(format!("turn {}: the scenario's function panicked", request.turn)))
}

fn failure(message: String) -> Reply {
    let mut error = LlmError::new(LlmErrorKind::Server, message);
    error.should_retry = Some(false);
    Reply::error(error)
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let markers: Vec<&str> = self.agents.iter().map(|part| part.marker.as_str()).collect();
        f.debug_struct("Scenario").field("agents", &markers).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use serde_json::{Value, json};

    use super::*;
    use crate::{messages::Messages, wire::Wire};

    fn said(scenario: &Scenario, body: Value) -> String {
        let reading = Messages::default().read(&body);
        let agent = scenario.recognise(&reading.system);
        let incoming = RecordedRequest::new(HeaderMap::new(), body.to_string(), body, reading, agent, 1);
        let reply = scenario.reply(&incoming);
        match &reply.error {
            Some(error) => error.message.clone(),
            None => reply.content.iter().map(|block| block.json().text()).collect(),
        }
    }

    fn request(system: Value, assistant_messages: usize) -> Value {
        let mut messages = vec![json!({"role": "user", "content": "go"})];
        messages.extend(vec![json!({"role": "assistant", "content": "…"}); assistant_messages]);
        json!({"system": system, "messages": messages})
    }

    fn text(text: &str) -> String {
        format!(r#"{{"type":"text","text":"{text}"}}"#)
    }

    #[test]
    fn replies_go_by_turn() {
        let scenario = Scenario::new([Reply::text("one"), Reply::text("two")]);
        assert_eq!(said(&scenario, request(Value::Null, 0)), text("one"));
        assert_eq!(said(&scenario, request(Value::Null, 0)), text("one"), "another conversation");
        assert_eq!(said(&scenario, request(Value::Null, 1)), text("two"));
        assert_eq!(
            said(&scenario, request(Value::Null, 2)),
            "the scenario has no reply for turn 2: it has 2 in all, and turns are counted from 0"
        );
    }

    #[test]
    fn an_agent_is_recognised_by_its_marker() {
        let scenario =
            Scenario::by_agent([("lead", vec![Reply::text("L")]), ("adder", vec![Reply::text("A")])]);
        assert_eq!(said(&scenario, request(json!("You are the adder."), 0)), text("A"));
        let blocks =
            json!([{"type": "text", "text": "Base."}, {"type": "text", "text": "lead of the adder"}]);
        assert_eq!(said(&scenario, request(blocks, 0)), text("L"), "the first named counts");
        assert_eq!(
            said(&scenario, request(json!("adder"), 1)),
            r#"the agent "adder" of the scenario has no reply for turn 1: it has 1 in all, and turns are counted from 0"#
        );
        assert_eq!(
            said(&scenario, request(json!("nobody"), 0)),
            r#"turn 0: the system prompt contains no marker of the scenario's agents: "lead", "adder""#
        );
    }

    #[test]
    fn a_function_replies_to_requests_without_a_marker() {
        let scenario = Scenario::by(|request| Reply::text(format!("turn {}", request.turn)))
            .and_agent("adder", [Reply::text("A")]);
        assert_eq!(said(&scenario, request(json!("adder"), 0)), text("A"));
        assert_eq!(said(&scenario, request(Value::Null, 3)), text("turn 3"));
        let scenario = Scenario::by(|_| panic!("no idea"));
        assert_eq!(said(&scenario, request(Value::Null, 0)), "turn 0: the scenario's function panicked");
    }

    fn check_json(script: &str, expected: Result<String, &str>) {
        let read = Scenario::from_json(script).map(|scenario| said(&scenario, request(json!("adder"), 0)));
        assert_eq!(read.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
    }

    #[test]
    fn field_74_a_scenario_of_another_shape_says_what_is_expected() {
        let scenario =
            r#"expected a scenario, as in {"replies": [{"content": [{"type": "text", "text": "Hi."}]}]}"#;
        let reply = r#"expected a reply, as in {"content": [{"type": "text", "text": "Hi."}]}"#;
        let check = |text: &str, at: &str, expected: &str, got: &str| {
            check_json(text, Err(&format!("at {at}: {expected}, got {got}")));
        };
        check(r#"[{"content":[]}]"#, "the top level", scenario, "a list");
        check("[]", "the top level", scenario, "a list");
        check(r#""hi""#, "the top level", scenario, "a string");
        check("7", "the top level", scenario, "a number");
        check("null", "the top level", scenario, "null");
        let replies = r#"expected a list of replies, as in [{"content": [{"type": "text", "text": "Hi."}]}]"#;
        check(r#"{"replies":{"content":[]}}"#, "/replies", replies, "an object");
        check(r#"{"replies":["Hi."]}"#, "/replies/0", reply, "a string");
        check(r#"{"replies":[{"content":[]},[{"type":"text"}]]}"#, "/replies/1", reply, "a list");
        let content = r#"expected a list of content blocks, as in [{"type": "text", "text": "Hi."}]"#;
        check(r#"{"replies":[{"content":"Hi."}]}"#, "/replies/0/content", content, "a string");
        let agents = r#"expected a list of agents, as in [{"marker": "You add.", "replies": []}]"#;
        check(r#"{"agents":{"adder":[]}}"#, "/agents", agents, "an object");
        let agent = r#"expected an agent, as in {"marker": "You add.", "replies": []}"#;
        check(r#"{"agents":["adder"]}"#, "/agents/0", agent, "a string");
        check(r#"{"agents":[{"marker":"a","replies":"Hi."}]}"#, "/agents/0/replies", replies, "a string");
        check(r#"{"agents":[{"marker":"a","replies":[true]}]}"#, "/agents/0/replies/0", reply, "true");
        let faults = r#"expected a list of faults, as in [{"turn": 0, "attempts": ["hang_up"]}]"#;
        check(r#"{"faults":{"turn":0}}"#, "/faults", faults, "an object");
        let fault = r#"expected the faults of a turn, as in {"turn": 0, "attempts": ["hang_up"]}"#;
        check(r#"{"faults":["hang_up"]}"#, "/faults/0", fault, "a string");
        let attempts = r#"expected a list of attempts, as in ["hang_up", null]"#;
        check(r#"{"faults":[{"turn":0,"attempts":"hang_up"}]}"#, "/faults/0/attempts", attempts, "a string");
    }

    #[test]
    fn a_scenario_is_read_from_json_or_an_error_says_where_it_is_wrong() {
        let a = r#"{"content":[{"type":"text","text":"A"}]}"#;
        let b = r#"{"content":[{"type":"text","text":"B"}]}"#;
        check_json("{}", Ok(text("You said: go")));
        check_json(&format!(r#"{{"replies":[{a}]}}"#), Ok(text("A")));
        check_json(
            &format!(r#"{{"agents":[{{"marker":"add","replies":[{a}]}}],"replies":[{b}]}}"#),
            Ok(text("A")),
        );
        check_json(
            &format!(r#"{{"agents":[{{"marker":"sub","replies":[{a}]}}],"replies":[{b}]}}"#),
            Ok(text("B")),
        );
        check_json(
            r#"{"replies":[{"content":[{"type":"tool_use","id":"a"}]}]}"#,
            Err(
                "at /replies/0/content/0: not a content block: type \"tool_use\", at the top level: missing field `name`",
            ),
        );
        check_json(
            r#"{"agents":[{"marker":"a","replies":[{"latency_ms":"1 s"}]}]}"#,
            Err("at /agents/0/replies/0/latency_ms: invalid type: string \"1 s\", expected u64"),
        );
        check_json(
            r#"{"replies":[],"faults":[{"turn":0,"attempts":[null,{"cut":{"at":-1}}]}]}"#,
            Err(
                "at /faults/0/attempts/1/cut/at: expected a place: a number of bytes, or a string from the body",
            ),
        );
        check_json(
            r#"{"turns":[]}"#,
            Err("at /turns: unknown field `turns`, expected one of `agents`, `replies`, `faults`"),
        );
        check_json("{\"replies\":[", Err("at /replies: EOF while parsing a list at line 1 column 12"));
        check_json("{} {}", Err("at the top level: trailing characters at line 1 column 4"));
    }
}
