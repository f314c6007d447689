//! The script: who says what.

mod shape;

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use agent_core::{LlmError, message::InvalidJson, model::LlmErrorKind, script::Reply};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    Fault, RateLimit, RecordedRequest, faults::Faults, first_tool::first_tool, recorded_request::texts,
};

/// What the server says. Clones play the same.
///
/// Replies go by *turn*, the number of assistant messages in the request: every conversation gets them from
/// the first on, however many there are and whatever is asked twice. Messages that another agent said before
/// a handoff count too.
///
/// The default plot calls the first tool offered, with an input made from its schema, and answers with text
/// once it has the result; without tools it says what it was told.
///
/// A plot that has no reply for a request answers with a status 500 that is not to be retried and names
/// agent and turn.
///
/// # What goes wrong
///
/// A script can have [faults](Fault): for a turn, what happens to each attempt at it. A request is an attempt of its own
/// whenever the same body comes in again, byte by byte, or in a thread the same history; so it is the first time for
/// every conversation, however many there are at once, if they don't say the same. Conversations that do share their
/// attempts. What the API would refuse is refused as ever, whatever the script says.
///
/// ```
/// use agent_core::script::Reply;
/// use agent_mock::{Answer, Fault, Mock, Scenario};
///
/// let plot = Scenario::new([Reply::call("now", serde_json::json!({})), Reply::text("It is noon.")])
///     .fault(0, [Fault::status(529), Fault::answer(Answer::new(429).header("retry-after", "2"))])
///     .fault(1, [Fault::cut("noon")]);
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let server = Mock::start(plot).await?;
/// # // Of TLS, which the server does not speak, as little as there must be.
/// # let _ = rustls::crypto::ring::default_provider().install_default();
/// # let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
/// # let post = || client.post(server.url() + "/v1/messages").header("anthropic-version", "2026-10-21");
/// # let ask = async |body: &'static str| post().header("x-api-key", "any").body(body).send().await;
/// let first = r#"{"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "When?"}]}"#;
/// // Each attempt of a client at the first turn: refused, refused, answered.
/// assert_eq!(ask(first).await?.status(), 529);
/// assert_eq!(ask(first).await?.headers()["retry-after"], "2");
/// assert!(ask(first).await?.text().await?.contains("tool_use"));
/// # let second = r#"{"model": "m", "max_tokens": 9, "stream": true, "messages": [{"role": "user", "content": "When?"},
/// #     {"role": "assistant", "content": "Wait."}, {"role": "user", "content": "So?"}]}"#;
/// // At the second, the connection is closed after "noon", and then the reply is whole.
/// assert!(ask(second).await?.text().await.is_err());
/// assert!(ask(second).await?.text().await?.ends_with("\n\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A place of a fault is a text of the body: of what the client reads on the wire. A streamed reply comes word by
/// word, so "It is" stands nowhere in it, and "noon" does; a fault at a place that the body does not have is answered with
/// a status 500 that says so.
///
/// # As JSON
///
/// Each reply is an [`agent_core::script::Reply`]: its blocks; the time before the first of them, before
/// each block, and before each word; its stop reason, its usage, or an error instead.
///
/// ```
/// # use agent_mock::Scenario;
/// let plot = Scenario::from_json(r#"{
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
/// `agents` is as in [`Scenario::by_agent`]; `replies` is for all others, as in [`Scenario::new`]; `faults` are as in
/// [`Scenario::fault`] and [`Scenario::fault_of`], `null` being an attempt that goes well, and each as [`Fault`] says. `{}` is
/// the default plot. An unknown field is an error.
#[derive(Clone, Default, Deserialize)]
#[serde(from = "Written")]
pub struct Scenario {
    agents: Vec<Part>,
    others: Others,
    faults: Faults,
    pub(crate) limit: Option<RateLimit>,
    /// The most tokens of a request.
    pub(crate) context: Option<usize>,
}

/// The replies of one agent.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    marker: String,
    replies: Vec<Reply>,
}

/// What those say whom no marker recognises.
#[derive(Clone, Default)]
enum Others {
    #[default]
    FirstTool,
    Nothing,
    InOrder(Vec<Reply>),
    By(Arc<Author>),
}

type Author = dyn Fn(&RecordedRequest) -> Reply + Send + Sync;

impl Scenario {
    /// Replies by turn, to whoever asks.
    pub fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self { others: Others::InOrder(replies.into_iter().collect()), ..Self::default() }
    }

    /// Replies by agent, each by turn. An agent is recognised by its marker, a text that its system prompt
    /// contains; if it contains several, the first named here counts.
    pub fn by_agent<M: Into<String>>(parts: impl IntoIterator<Item = (M, Vec<Reply>)>) -> Self {
        let part = |(marker, replies): (M, _)| Part { marker: marker.into(), replies };
        Self { agents: parts.into_iter().map(part).collect(), others: Others::Nothing, ..Self::default() }
    }

    /// Replies by a function of the request.
    pub fn by(reply: impl Fn(&RecordedRequest) -> Reply + Send + Sync + 'static) -> Self {
        Self { others: Others::By(Arc::new(reply)), ..Self::default() }
    }

    /// The same with the replies of another agent, which come before those for everybody.
    pub fn and_agent(mut self, marker: impl Into<String>, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.agents.push(Part { marker: marker.into(), replies: replies.into_iter().collect() });
        self
    }

    /// The same with a limit on how many requests are taken; by default there is none.
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The same with a context of so many tokens, four bytes of words being one, and a picture or a page of a file up to
    /// 1,600; by default there is no bound. A request
    /// that is longer is refused: `prompt is too long: 205000 tokens > 200000 maximum`.
    pub fn context(mut self, tokens: usize) -> Self {
        self.context = Some(tokens);
        self
    }

    /// The same with what happens to the attempts at a turn, whoever's it is: `[Fault::status(529), Fault::status(529)]`.
    /// The attempts after these go well; so do those among them that are `None`.
    pub fn fault<F: Into<Option<Fault>>>(self, turn: usize, attempts: impl IntoIterator<Item = F>) -> Self {
        self.faults(turn, None, attempts)
    }

    /// The same with what happens to the attempts at a turn of the agent that has this marker. If several
    /// faults are for one request, the first named here count.
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

    /// Reads a plot from JSON; the error says what was wrong and where.
    pub fn from_json(text: &str) -> Result<Self, InvalidJson> {
        shape::check(text)?;
        let mut reader = serde_json::Deserializer::from_str(text);
        let plot = serde_path_to_error::deserialize(&mut reader)?;
        let trailing =
            |error: serde_json::Error| InvalidJson { pointer: String::new(), message: error.to_string() };
        reader.end().map_err(trailing)?;
        Ok(plot)
    }

    /// The marker of the agent whose request this is.
    pub(crate) fn recognise(&self, body: &Value) -> Option<String> {
        let system = texts(&body["system"]);
        let spoken = |part: &&Part| system.iter().any(|text| text.contains(&part.marker));
        self.agents.iter().find(spoken).map(|part| part.marker.clone())
    }

    /// What goes wrong with the answer to this request.
    pub(crate) fn fault_for(&self, request: &RecordedRequest) -> Option<&Fault> {
        self.faults.of(request)
    }

    /// An error if there are faults for an agent that is not in it.
    pub(crate) fn check(&self) -> Result<(), String> {
        let known: Vec<&str> = self.agents.iter().map(|part| part.marker.as_str()).collect();
        self.faults.check(&known)
    }

    pub(crate) fn reply(&self, request: &RecordedRequest) -> Reply {
        let part = self.agents.iter().find(|part| Some(&part.marker) == request.agent.as_ref());
        match (part, &self.others) {
            (Some(part), _) => {
                by_turn(&format!("the script of {:?}", part.marker), &part.replies, request.turn)
            }
            (None, Others::FirstTool) => first_tool(&request.body),
            (None, Others::InOrder(replies)) => by_turn("the script", replies, request.turn),
            (None, Others::By(author)) => ask(author.as_ref(), request),
            (None, Others::Nothing) => {
                let known: Vec<String> =
                    self.agents.iter().map(|part| format!("{:?}", part.marker)).collect();
                let (turn, known) = (request.turn, known.join(", "));
                failure(format!(
                    "turn {turn}: the system prompt contains none of the script's agents: {known}"
                ))
            }
        }
    }
}

fn by_turn(script: &str, replies: &[Reply], turn: usize) -> Reply {
    replies.get(turn).cloned().unwrap_or_else(|| {
        let had = replies.len();
        failure(format!(
            "{script} ran out: it has no reply for turn {turn}, counted from 0, but {had} in all"
        ))
    })
}

/// A panic would only close the connection, and be asked again.
fn ask(author: &Author, request: &RecordedRequest) -> Reply {
    catch_unwind(AssertUnwindSafe(|| author(request)))
        .unwrap_or_else(|_| failure(format!("turn {}: the script's function panicked", request.turn)))
}

fn failure(message: String) -> Reply {
    let mut error = LlmError::new(LlmErrorKind::Server, message);
    error.should_retry = Some(false);
    Reply::error(error)
}

/// The JSON form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    agents: Vec<Part>,
    replies: Option<Vec<Reply>>,
    #[serde(default)]
    faults: Faults,
}

impl From<Written> for Scenario {
    fn from(Written { agents, replies, faults }: Written) -> Self {
        let others = match replies {
            Some(replies) => Others::InOrder(replies),
            None if agents.is_empty() => Others::FirstTool,
            None => Others::Nothing,
        };
        Self { agents, others, faults, limit: None, context: None }
    }
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
    use serde_json::json;

    use super::*;

    fn said(plot: &Scenario, body: Value) -> String {
        let agent = plot.recognise(&body);
        let incoming = RecordedRequest::new(HeaderMap::new(), body.to_string(), body, agent, 1);
        let reply = plot.reply(&incoming);
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
        let plot = Scenario::new([Reply::text("one"), Reply::text("two")]);
        assert_eq!(said(&plot, request(Value::Null, 0)), text("one"));
        assert_eq!(said(&plot, request(Value::Null, 0)), text("one"), "another conversation");
        assert_eq!(said(&plot, request(Value::Null, 1)), text("two"));
        assert_eq!(
            said(&plot, request(Value::Null, 2)),
            "the script ran out: it has no reply for turn 2, counted from 0, but 2 in all"
        );
    }

    #[test]
    fn an_agent_is_recognised_by_its_marker() {
        let plot = Scenario::by_agent([("lead", vec![Reply::text("L")]), ("adder", vec![Reply::text("A")])]);
        assert_eq!(said(&plot, request(json!("You are the adder."), 0)), text("A"));
        let blocks =
            json!([{"type": "text", "text": "Base."}, {"type": "text", "text": "lead of the adder"}]);
        assert_eq!(said(&plot, request(blocks, 0)), text("L"), "the first named counts");
        assert_eq!(
            said(&plot, request(json!("adder"), 1)),
            r#"the script of "adder" ran out: it has no reply for turn 1, counted from 0, but 1 in all"#
        );
        assert_eq!(
            said(&plot, request(json!("nobody"), 0)),
            r#"turn 0: the system prompt contains none of the script's agents: "lead", "adder""#
        );
    }

    #[test]
    fn a_function_may_speak_for_all_who_have_no_part() {
        let plot = Scenario::by(|request| Reply::text(format!("turn {}", request.turn)))
            .and_agent("adder", [Reply::text("A")]);
        assert_eq!(said(&plot, request(json!("adder"), 0)), text("A"));
        assert_eq!(said(&plot, request(Value::Null, 3)), text("turn 3"));
        let plot = Scenario::by(|_| panic!("no idea"));
        assert_eq!(said(&plot, request(Value::Null, 0)), "turn 0: the script's function panicked");
    }

    fn check_json(script: &str, expected: Result<String, &str>) {
        let read = Scenario::from_json(script).map(|plot| said(&plot, request(json!("adder"), 0)));
        assert_eq!(read.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
    }

    #[test]
    fn field_74_a_script_of_another_shape_says_what_is_expected() {
        let script =
            r#"expected a script, as in {"replies": [{"content": [{"type": "text", "text": "Hi."}]}]}"#;
        let reply = r#"expected a reply, as in {"content": [{"type": "text", "text": "Hi."}]}"#;
        let check = |text: &str, at: &str, expected: &str, got: &str| {
            check_json(text, Err(&format!("at {at}: {expected}, got {got}")));
        };
        check(r#"[{"content":[]}]"#, "the top level", script, "a list");
        check("[]", "the top level", script, "a list");
        check(r#""hi""#, "the top level", script, "a text");
        check("7", "the top level", script, "a number");
        check("null", "the top level", script, "null");
        let replies = r#"expected a list of replies, as in [{"content": [{"type": "text", "text": "Hi."}]}]"#;
        check(r#"{"replies":{"content":[]}}"#, "/replies", replies, "an object");
        check(r#"{"replies":["Hi."]}"#, "/replies/0", reply, "a text");
        check(r#"{"replies":[{"content":[]},[{"type":"text"}]]}"#, "/replies/1", reply, "a list");
        let content = r#"expected a list of content blocks, as in [{"type": "text", "text": "Hi."}]"#;
        check(r#"{"replies":[{"content":"Hi."}]}"#, "/replies/0/content", content, "a text");
        let agents = r#"expected a list of agents, as in [{"marker": "You add.", "replies": []}]"#;
        check(r#"{"agents":{"adder":[]}}"#, "/agents", agents, "an object");
        let agent = r#"expected an agent, as in {"marker": "You add.", "replies": []}"#;
        check(r#"{"agents":["adder"]}"#, "/agents/0", agent, "a text");
        check(r#"{"agents":[{"marker":"a","replies":"Hi."}]}"#, "/agents/0/replies", replies, "a text");
        check(r#"{"agents":[{"marker":"a","replies":[true]}]}"#, "/agents/0/replies/0", reply, "true");
        let faults = r#"expected a list of faults, as in [{"turn": 0, "attempts": ["hang_up"]}]"#;
        check(r#"{"faults":{"turn":0}}"#, "/faults", faults, "an object");
        let fault = r#"expected the faults of a turn, as in {"turn": 0, "attempts": ["hang_up"]}"#;
        check(r#"{"faults":["hang_up"]}"#, "/faults/0", fault, "a text");
        let attempts = r#"expected a list of attempts, as in ["hang_up", null]"#;
        check(r#"{"faults":[{"turn":0,"attempts":"hang_up"}]}"#, "/faults/0/attempts", attempts, "a text");
    }

    #[test]
    fn a_plot_is_read_from_json_or_an_error_says_where_it_is_wrong() {
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
            Err("at /faults/0/attempts/1/cut/at: a place is a number of bytes, or a text"),
        );
        check_json(
            r#"{"turns":[]}"#,
            Err("at /turns: unknown field `turns`, expected one of `agents`, `replies`, `faults`"),
        );
        check_json("{\"replies\":[", Err("at /replies: EOF while parsing a list at line 1 column 12"));
        check_json("{} {}", Err("at the top level: trailing characters at line 1 column 4"));
    }
}
