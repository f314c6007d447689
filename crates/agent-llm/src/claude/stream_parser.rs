//! A parser of streamed replies, for bytes that come some other way than through the client.

use agent_core::{Delta, LlmError};

use super::message_events::MessageEvents;
use crate::transport::parser::{EventParser, ReplyParser};

/// Reads a streamed reply of the Messages API that you received some other way: from a gateway, a
/// file or a test. [Push](Self::push) the bytes as they come and [pull](Self::pull) the deltas.
///
/// The bytes may be cut anywhere, and lines may end in any way. Comments, pings and events of
/// unknown types are ignored. A character whose escapes came in two pieces (`\ud83e`, then
/// `\udd80`) is put together. A piece that does not fit its block is ignored, as in Anthropic's
/// official clients.
///
/// ```
/// use agent_llm::{Fold, StreamParser};
///
/// let bytes = br#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello!"}}
///
/// data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":3}}
///
/// data: {"type":"message_stop"}
///
/// "#;
/// let mut parser = StreamParser::default();
/// let mut fold = Fold::default();
/// for chunk in bytes.chunks(7) {
///     parser.push(chunk)?;
///     while let Some(delta) = parser.pull()? {
///         print!("{}", delta.text().unwrap_or_default());
///         fold.push(delta)?;
///     }
/// }
/// parser.finish()?;
/// assert_eq!(fold.finish()?.content[0].as_text(), Some("Hello!"));
/// # Ok::<(), agent_llm::LlmError>(())
/// ```
#[derive(Debug, Default)]
pub struct StreamParser(EventParser<MessageEvents>);

impl StreamParser {
    /// Adds the next bytes. Fails if an event is longer than 16 MiB.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), LlmError> {
        self.0.push(bytes)
    }

    /// Returns the next piece of the reply. `None` if more bytes are needed first, or if the reply
    /// [is complete](Self::is_whole).
    ///
    /// An `Err` ends the reply. Either the server has sent an error event, or an event can't be
    /// read.
    pub fn pull(&mut self) -> Result<Option<Delta>, LlmError> {
        self.0.pull()
    }

    /// Whether the end of the reply has come (the event `message_stop`).
    pub fn is_whole(&self) -> bool {
        self.0.is_complete()
    }

    /// Tells the parser that there are no more bytes. Fails if the reply is not complete. Call
    /// [`pull`](Self::pull) again after this: a last event without a blank line after it is read
    /// only now.
    pub fn finish(&mut self) -> Result<(), LlmError> {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use agent_core::model::{Fold, LlmErrorKind};

    use super::*;

    const STOP: &str = "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\ndata: {\"type\":\"message_stop\"}\n\n";

    /// A stream of these events, and its end.
    fn stream(events: &[&str]) -> String {
        let events: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        events + STOP
    }

    fn begin(index: usize, block: &str) -> String {
        format!(r#"{{"type":"content_block_start","index":{index},"content_block":{block}}}"#)
    }

    fn more(index: usize, kind: &str, field: &str, words: &str) -> String {
        let delta = format!(r#"{{"type":"{kind}","{field}":"{words}"}}"#);
        format!(r#"{{"type":"content_block_delta","index":{index},"delta":{delta}}}"#)
    }

    fn text(index: usize, words: &str) -> String {
        more(index, "text_delta", "text", words)
    }

    fn deltas(stream: &str) -> Result<Vec<Delta>, LlmError> {
        let mut parser = StreamParser::default();
        parser.push(stream.as_bytes())?;
        let deltas = std::iter::from_fn(|| parser.pull().transpose()).collect::<Result<_, _>>()?;
        parser.finish()?;
        Ok(deltas)
    }

    /// The pieces as they are shown, and the blocks they make.
    fn check(events: &[String], shown: &[&str], blocks: &[&str]) {
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        let deltas = deltas(&stream(&events)).unwrap();
        let pieces: Vec<String> = deltas.iter().filter_map(piece).collect();
        assert_eq!(pieces, shown, "{events:?}");
        let mut fold = Fold::default();
        deltas.into_iter().for_each(|delta| fold.push(delta).unwrap());
        let content = fold.finish().unwrap().content;
        assert_eq!(content.iter().map(|block| block.json().text()).collect::<Vec<_>>(), blocks, "{events:?}");
    }

    fn piece(delta: &Delta) -> Option<String> {
        use agent_core::model::Piece::{Input, Signature, Text, Thinking};
        match delta {
            Delta::Piece { piece: Text(text) | Thinking(text) | Signature(text) | Input(text), .. } => {
                Some(text.clone())
            }
            _ => None,
        }
    }

    #[test]
    fn fault_25_a_character_whose_escapes_come_in_two_pieces_is_one() {
        let block = r#"{"type":"text","text":"a🦀b"}"#;
        check(&[text(0, r"a\ud83e"), text(0, r"\udd80b")], &["a", "🦀b"], &[block]);
        check(&[text(0, r"a"), text(0, r"\uD83E"), text(0, r"\uDD80b")], &["a", "🦀b"], &[block]);
        let (ping, end) =
            (r#"{"type":"ping"}"#.to_owned(), r#"{"type":"content_block_stop","index":0}"#.to_owned());
        check(&[text(0, r"a\ud83e"), ping, text(0, r"\udd80b"), end], &["a", "🦀b"], &[block]);
        check(
            &[begin(0, r#"{"type":"text","text":"a\ud83e","z":1}"#), text(0, r"\udd80b")],
            &["🦀b"],
            &[r#"{"type":"text","text":"a🦀b","z":1}"#],
        );
        let thinking = |words: &str| more(0, "thinking_delta", "thinking", words);
        check(
            &[
                begin(0, r#"{"type":"thinking","thinking":"\ud83e"}"#),
                thinking(r"\udd80\ud83e"),
                thinking(r"\udd80"),
            ],
            &["🦀", "🦀"],
            &[r#"{"type":"thinking","thinking":"🦀🦀"}"#],
        );
    }

    #[test]
    fn fault_25_a_character_cut_in_an_input_is_one_at_both_levels_of_escaping() {
        let begun = || begin(0, r#"{"type":"tool_use","id":"a","name":"f","input":{}}"#);
        let input = |words: &str| more(0, "input_json_delta", "partial_json", words);
        let call = |input: &str| format!(r#"{{"type":"tool_use","id":"a","name":"f","input":{input}}}"#);
        check(
            &[begun(), input(r#"{\"x\":\"\ud83e"#), input(r#"\udd80\"}"#)],
            &["{\"x\":\"", "🦀\"}"],
            &[&call(r#"{"x":"🦀"}"#)],
        );
        check(
            &[begun(), input(r#"{\"x\":\"\\ud83e"#), input(r#"\\udd80\"}"#)],
            &[r#"{"x":"\ud83e"#, r#"\udd80"}"#],
            &[&call(r#"{"x":"\ud83e\udd80"}"#)],
        );
        check(
            &[begun(), input(r#"{\"x\":\"\\ud83e\"}"#)],
            &[r#"{"x":"\ud83e"}"#],
            &[&call(r#"{"x":"\ufffd"}"#)],
        );
    }

    #[test]
    fn fault_25_half_a_character_that_stays_alone_is_replaced() {
        let block = |words: &str| format!(r#"{{"type":"text","text":"{words}"}}"#);
        check(&[text(0, r"a\ud83e"), text(0, "b")], &["a", "\u{fffd}b"], &[&block("a\u{fffd}b")]);
        check(&[text(0, r"a\ud83e")], &["a", "\u{fffd}"], &[&block("a\u{fffd}")]);
        check(&[text(0, r"\udd80a")], &["\u{fffd}a"], &[&block("\u{fffd}a")]);
        check(&[text(0, r"\ud83e"), text(0, "")], &["\u{fffd}"], &[&block("\u{fffd}")]);
        let end = r#"{"type":"content_block_stop","index":0}"#.to_owned();
        check(&[text(0, r"a\ud83e"), end], &["a", "\u{fffd}"], &[&block("a\u{fffd}")]);
        // Of two blocks at once, each has its own.
        check(
            &[text(0, r"\ud83e"), text(1, r"\udd80"), text(0, r"\udd80")],
            &["\u{fffd}", "🦀"],
            &[&block("🦀"), &block("\u{fffd}")],
        );
        // As have the fields of one.
        let signature = more(0, "signature_delta", "signature", "c2ln");
        check(
            &[begin(0, r#"{"type":"thinking","thinking":"hm\ud83e"}"#), signature],
            &["\u{fffd}", "c2ln"],
            &["{\"type\":\"thinking\",\"thinking\":\"hm\u{fffd}\",\"signature\":\"c2ln\"}"],
        );
    }

    #[test]
    fn pieces_that_do_not_fit_are_passed_over_and_a_reply_may_go_on_after_its_end() {
        let call = r#"{"type":"tool_use","id":"a","name":"f","input":{}}"#;
        let (stop, citation) = (
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"}}"#.to_owned(),
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{}}}"#
                .to_owned(),
        );
        check(
            &[
                begin(0, call),
                text(0, "not here"),
                citation,
                stop,
                begin(1, r#"{"type":"text"}"#),
                text(1, "hi"),
            ],
            &["hi"],
            &[call, r#"{"type":"text","text":"hi"}"#],
        );
        let input = more(0, "input_json_delta", "partial_json", "{}");
        check(&[text(0, "hi"), input], &["hi"], &[r#"{"type":"text","text":"hi"}"#]);
    }

    #[test]
    fn a_last_event_without_its_blank_line_counts_if_it_ends_the_reply() {
        let whole = stream(&[&text(0, "hi")]);
        for cut in 1..=2 {
            assert_eq!(deltas(&whole[..whole.len() - cut]).unwrap(), deltas(&whole).unwrap());
        }
        let kind = |stream: &str| deltas(stream).unwrap_err().kind;
        for cut in [3, 10, 32, STOP.len()] {
            assert_eq!(kind(&whole[..whole.len() - cut]), LlmErrorKind::Incomplete, "{cut}");
        }
        let overloaded = r#"data: {"type":"error","error":{"type":"overloaded_error"}}"#;
        assert_eq!(kind(overloaded), LlmErrorKind::Overloaded);
        assert_eq!(kind(""), LlmErrorKind::Incomplete);
    }

    #[test]
    fn field_58_what_is_said_in_the_place_of_a_stream_is_not_lost() {
        let check = |body: &str, kind: LlmErrorKind, message: &str| {
            let error = deltas(body).unwrap_err();
            assert_eq!((error.kind, error.message.as_str()), (kind, message), "{body}");
        };
        let body = "{\"error\": {\n \"type\": \"invalid_request_error\",\n \"message\": \"too long\"\n}}";
        check(body, LlmErrorKind::InvalidRequest, "too long");
        check("event: error", LlmErrorKind::Server, "an error event without a message");
        let words = "the stream ended before message_stop; it said: Bad gateway";
        check("Bad gateway\n", LlmErrorKind::Incomplete, words);
    }

    #[test]
    fn after_its_end_a_reply_says_nothing_more() {
        let all = deltas(&(stream(&[]) + "data: {\"type\":\"error\"}\n\ndata: [DONE]\n\ndata: {")).unwrap();
        assert_eq!(all, deltas(STOP).unwrap());
    }
}
