//! A streamed reply: bytes in, deltas out, no IO.

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
};

use agent_core::{Delta, LlmError, StopReason, model::LlmErrorKind};

use super::wire::{ApiError, Begun, Field, Grown, Said, Words, read};
use crate::transport::sse::Decoder;

/// Reads a streamed reply of the Messages API that came over a transport of yours: a gateway, a file, a test. The
/// bytes may be cut anywhere. Every line ending, comments, pings and events of the future are taken; a character
/// whose escapes came in two pieces (`\ud83e`, then `\udd80`) is in one. As the official clients do, it passes over pieces
/// that do not fit their block.
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
pub struct StreamParser {
    events: Decoder,
    ready: VecDeque<Delta>,
    /// First halves of characters, by block: the second ones may be in the next pieces.
    halves: BTreeMap<usize, (Field, Words)>,
    begun: Begun,
    /// The server has said why the reply ends.
    over: bool,
    whole: bool,
}

impl StreamParser {
    /// Takes in the next bytes. An error if an event has no end.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), LlmError> {
        self.events.push(bytes)
    }

    /// The next piece of the reply. `None` if more bytes are needed for one, or the reply
    /// [is whole](Self::is_whole); then nothing more comes. An error is the reply's end, too: the API's own, or an
    /// event that can't be read.
    pub fn pull(&mut self) -> Result<Option<Delta>, LlmError> {
        while self.ready.is_empty() && !self.whole {
            let Some(event) = self.events.next() else { break };
            let said = read(&event)?;
            if let Some(delta) = self.take_in(said) {
                return Ok(Some(delta));
            }
        }
        Ok(self.ready.pop_front())
    }

    /// Whether the reply has said that it is whole.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Says that there are no more bytes. An error unless the reply is whole, be it by a last event that
    /// lacks its blank line.
    pub fn finish(&mut self) -> Result<(), LlmError> {
        self.events.end();
        // What was cut can often not be read, and that is no more than to be cut.
        match self.pull() {
            Err(error) if error.kind != LlmErrorKind::Malformed => return Err(error),
            Ok(Some(delta)) => self.ready.push_front(delta),
            _ => {}
        }
        match self.whole {
            true => Ok(()),
            false => Err(self.broke_off()),
        }
    }

    /// What is said in the place of a stream is an error, or words about one.
    fn broke_off(&self) -> LlmError {
        let stray = self.events.stray();
        // It begins with no blanks, so it is as long as it was when it was cut.
        let said = stray.trim_ascii_end();
        if let Some(error) = ApiError::found(said) {
            let message = error.message.clone().unwrap_or_else(|| said.to_owned());
            return error.in_reply(message);
        }
        let mut message = "the stream ended before message_stop".to_owned();
        if !said.is_empty() {
            message.push_str(&format!("; it said: {said}"));
        }
        LlmError::new(LlmErrorKind::Incomplete, message)
    }

    /// What is to be handed on for what an event says, before what has been put behind it.
    fn take_in(&mut self, said: Said) -> Option<Delta> {
        if self.goes_on(&said) {
            self.ready.push_back(Delta::stop(StopReason::open()));
        }
        match said {
            Said::Delta(delta) if !self.begun.fits_delta(&delta) => {}
            Said::Grown(grown) if !self.begun.fits(&grown) => {}
            Said::Delta(delta) if self.halves.is_empty() && self.ready.is_empty() => return Some(delta),
            Said::Delta(delta) => {
                match &delta {
                    Delta::Block { index, .. } | Delta::BlockEnd { index } => self.end_half(*index),
                    Delta::Stop { .. } => self.end_halves(),
                    _ => {}
                }
                self.ready.push_back(delta);
            }
            Said::Grown(grown) => self.join(grown),
            Said::End => self.whole = true,
            Said::Nothing => {}
        }
        self.ready.pop_front()
    }

    /// Whether the reply goes on though it was said to be over.
    fn goes_on(&mut self, said: &Said) -> bool {
        match said {
            Said::Delta(Delta::Stop { stop_reason, .. }) => self.over = *stop_reason != StopReason::open(),
            Said::Grown(_) | Said::Delta(Delta::Block { .. } | Delta::Piece { .. }) => {
                return mem::take(&mut self.over);
            }
            _ => {}
        }
        false
    }

    /// Words go behind the half a character that waits for them, and without the one they end in.
    fn join(&mut self, Grown { index, block, field, words }: Grown) {
        if block.is_some() || self.halves.get(&index).is_some_and(|(of, _)| *of != field) {
            self.end_half(index);
        }
        self.ready.extend(block.map(|block| Delta::Block { index, block }));
        let before = self.halves.remove(&index).map(|(_, half)| half);
        let mut words = words.after(before);
        if let Some(half) = words.split_half() {
            self.halves.insert(index, (field, half));
            if words.is_empty() {
                return;
            }
        }
        self.ready.push_back(Delta::Piece { index, piece: field.piece(words.text()) });
    }

    /// The half a character of a block has stayed alone.
    fn end_half(&mut self, index: usize) {
        if let Some((field, half)) = self.halves.remove(&index) {
            self.ready.push_back(Delta::Piece { index, piece: field.piece(half.text()) });
        }
    }

    fn end_halves(&mut self) {
        while let Some((&index, _)) = self.halves.first_key_value() {
            self.end_half(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use agent_core::model::Fold;

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
