//! What goes wrong with an answer.

mod answer;
mod place;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use answer::Answer;
pub use place::Place;

/// An error on purpose: one thing that goes wrong with the answer to a request, to test a client.
/// [`Scenario::fault`](crate::Scenario::fault) says which requests it affects.
///
/// [`Fault::answer`], [`Fault::status`] and [`Fault::hang_up`] replace the reply. All other faults
/// change how the scenario's reply arrives. If a fault is impossible, such as a cut at a byte that
/// the reply does not have, the answer is a status 500 that says why and tells the client not to
/// retry.
///
/// # As JSON
///
/// ```
/// # use agent_mock::Fault;
/// let faults: Vec<Fault> = serde_json::from_str(r#"[
///     {"answer": {"status": 429, "headers": {"retry-after": "2"}}},
///     {"answer": {"status": 502, "headers": {"content-type": "text/html"}, "body": "<html>Bad gateway</html>"}},
///     "hang_up",
///     {"slow_head": {"ms": 100}},
///     {"slow_body": {"ms": 100}},
///     {"cut": {"at": 120}},
///     {"end": {"at": "call_0_2"}},
///     {"silence": {"at": 0}},
///     {"pings": {"at": 0, "every_ms": 5}},
///     {"drip": {"bytes": 1, "every_ms": 5}},
///     {"event": {"at": 120, "event": "error", "data": "{\"type\": \"error\"}"}},
///     {"error_event": {"at": 120, "error_type": "overloaded_error", "message": "Overloaded"}}
/// ]"#)?;
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// [`Place`] says what `at` can be. An unknown field is an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fault(pub(crate) Kind);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Kind {
    Answer(Answer),
    HangUp,
    SlowHead { ms: u64 },
    SlowBody { ms: u64 },
    Cut { at: Place },
    End { at: Place },
    Silence { at: Place },
    Pings { at: Place, every_ms: u64 },
    Drip { bytes: usize, every_ms: u64 },
    Event { at: Place, event: String, data: String },
    ErrorEvent { at: Place, error_type: String, message: String },
}

/// Faults that take the place of the reply.
impl Fault {
    /// Answers with this status, these headers and this body instead of the reply.
    pub fn answer(answer: Answer) -> Self {
        Self(Kind::Answer(answer))
    }

    /// Answers with an error of this status instead of the reply, in the API's form.
    pub fn status(status: u16) -> Self {
        Self::answer(Answer::new(status))
    }

    /// Closes the connection without any answer.
    pub fn hang_up() -> Self {
        Self(Kind::HangUp)
    }
}

/// Faults that change how the reply arrives.
impl Fault {
    /// Delays the whole answer, head and body.
    pub fn slow_head(wait: Duration) -> Self {
        Self(Kind::SlowHead { ms: millis(wait) })
    }

    /// Sends the head without delay, and the body after a pause.
    pub fn slow_body(wait: Duration) -> Self {
        Self(Kind::SlowBody { ms: millis(wait) })
    }

    /// Closes the connection at this place of the body. If more is unsent than the sockets can hold
    /// (some hundred kB), bytes before the place can get lost too.
    pub fn cut(at: impl Into<Place>) -> Self {
        Self(Kind::Cut { at: at.into() })
    }

    /// Ends the body at this place, as if it were complete: the client gets a valid HTTP response
    /// whose body is too short.
    pub fn end(at: impl Into<Place>) -> Self {
        Self(Kind::End { at: at.into() })
    }

    /// Stops sending at this place of the body, and keeps the connection open.
    pub fn silence(at: impl Into<Place>) -> Self {
        Self(Kind::Silence { at: at.into() })
    }

    /// After the event at this place, sends only what keeps a stream open, one after each `every`,
    /// without an end: `ping` events in the Messages API, comments in OpenAI's APIs.
    pub fn pings(at: impl Into<Place>, every: Duration) -> Self {
        Self(Kind::Pings { at: at.into(), every_ms: millis(every) })
    }

    /// Sends the body in pieces of at most this many bytes, with this pause before each.
    pub fn drip(bytes: usize, every: Duration) -> Self {
        Self(Kind::Drip { bytes, every_ms: millis(every) })
    }

    /// Inserts an event with this name and data into a streamed reply, after the event at this
    /// place. The data may be anything, also text that is not JSON. If the name is empty, the event
    /// has no name, as in chat completions. The rest of the reply follows.
    pub fn event(at: impl Into<Place>, name: impl Into<String>, data: impl Into<String>) -> Self {
        Self(Kind::Event { at: at.into(), event: name.into(), data: data.into() })
    }

    /// Inserts an event with an error of this type after the event at this place, in the form of
    /// the API that the request came in. In the Responses API the type is the `code`. The rest of
    /// the reply follows.
    pub fn error_event(
        at: impl Into<Place>,
        error_type: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self(Kind::ErrorEvent { at: at.into(), error_type: error_type.into(), message: message.into() })
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_written_and_read_in_the_same_form() {
        let soon = Duration::from_millis(5);
        let check = |fault: Fault, written: &str| {
            assert_eq!(serde_json::to_string(&fault).unwrap(), written);
            assert_eq!(serde_json::from_str::<Fault>(written).unwrap(), fault);
        };
        check(Fault::status(529), r#"{"answer":{"status":529}}"#);
        let page = Answer::new(502).header("content-type", "text/html").body("<p>");
        check(
            Fault::answer(page),
            r#"{"answer":{"status":502,"headers":{"content-type":"text/html"},"body":"<p>"}}"#,
        );
        check(Fault::hang_up(), r#""hang_up""#);
        check(Fault::slow_head(soon), r#"{"slow_head":{"ms":5}}"#);
        check(Fault::slow_body(soon), r#"{"slow_body":{"ms":5}}"#);
        check(Fault::cut(7), r#"{"cut":{"at":7}}"#);
        check(Fault::end("so"), r#"{"end":{"at":"so"}}"#);
        check(Fault::silence(0), r#"{"silence":{"at":0}}"#);
        check(Fault::pings(0, soon), r#"{"pings":{"at":0,"every_ms":5}}"#);
        check(Fault::drip(1, soon), r#"{"drip":{"bytes":1,"every_ms":5}}"#);
        check(Fault::event(0, "e", "{"), r#"{"event":{"at":0,"event":"e","data":"{"}}"#);
        check(Fault::error_event(0, "e", "m"), r#"{"error_event":{"at":0,"error_type":"e","message":"m"}}"#);
    }

    #[test]
    fn an_unknown_field_is_an_error() {
        let error = |text| serde_json::from_str::<Fault>(text).unwrap_err().to_string();
        insta::assert_snapshot!(error(r#"{"cut":{"at":7,"by":"axe"}}"#), @"unknown field `by`, expected `at` at line 1 column 19");
        insta::assert_snapshot!(error(r#"{"answer":{"status":502,"title":"Oh"}}"#), @"unknown field `title`, expected one of `status`, `headers`, `body` at line 1 column 31");
        insta::assert_snapshot!(error(r#""go_away""#), @"unknown variant `go_away`, expected one of `answer`, `hang_up`, `slow_head`, `slow_body`, `cut`, `end`, `silence`, `pings`, `drip`, `event`, `error_event` at line 1 column 9");
        insta::assert_snapshot!(error(r#"{"cut":{"at":-1}}"#), @"expected a place: a number of bytes, or a string from the body at line 1 column 16");
    }
}
