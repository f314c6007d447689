//! Chunks whose shape is known, of which only what is new is read.

use std::collections::VecDeque;

use memchr::memchr2;
use serde_json::value::RawValue;

use super::chunk::{Call, Choice, Chunk, Function, Message};

/// How many shapes are known at a time. The pieces of a call have two: its first one, and the others.
const MOST: usize = 2;

/// The most bytes of a chunk whose shape is kept.
const LONGEST: usize = 4096;

/// The shapes of the last chunks that were read field by field.
///
/// A chunk has some hundred bytes, and most of them repeat what the chunk before it says: who
/// answers, when, and that nothing else is to be said. So a chunk is compared with those before it.
/// If it differs only in values that a piece of a reply always has, only these are read.
#[derive(Debug, Default)]
pub(super) struct Shapes(VecDeque<Shape>);

impl Shapes {
    /// Reads a chunk that has one of the shapes. It says the same as if it were read field by field,
    /// apart from what every chunk says.
    pub(super) fn read<'a>(&self, data: &'a str) -> Option<Chunk<'a>> {
        self.0.iter().find_map(|shape| shape.read(data))
    }

    /// Keeps the shape of a chunk, if it is that of a piece of a reply.
    pub(super) fn keep(&mut self, data: &str, chunk: &Chunk<'_>) {
        let Some(values) = piece(chunk).filter(|_| data.len() <= LONGEST) else { return };
        self.0.truncate(MOST - 1);
        self.0.push_front(Shape::of(data, values));
    }
}

/// A value that differs from piece to piece.
#[derive(Clone, Copy, Debug)]
enum Value {
    Content,
    CallIndex,
    CallId,
    Name,
    Arguments,
    /// It hides how long the piece is, and says nothing.
    Obfuscation,
}

/// A chunk without its values.
#[derive(Debug)]
struct Shape {
    text: String,
    /// In order. Each with its place in the text.
    values: Vec<(Value, usize)>,
}

/// The values of a chunk; `None` if it brings something else than a piece of the reply's text or of
/// one call.
fn piece<'a>(chunk: &Chunk<'a>) -> Option<Vec<(Value, &'a RawValue)>> {
    let [choice] = chunk.choices.as_deref()? else { return None };
    let Choice { index, delta: Some(delta), message: None, finish_reason: None, error: None, usage: None } =
        choice
    else {
        return None;
    };
    let Message { reasoning_content, reasoning, content, refusal, tool_calls, function_call, others } = delta;
    let is_first = index.is_none_or(|index| index.get() == "0");
    let has_more =
        [reasoning_content, reasoning, refusal, &chunk.usage, &chunk.error].iter().any(|it| it.is_some());
    if !is_first || has_more || function_call.is_some() || !others.is_empty() {
        return None;
    }
    let values = match (content, tool_calls.as_deref().unwrap_or_default()) {
        (Some(content), []) => vec![(Value::Content, Some(*content))],
        (None, [Call { index: index @ Some(_), id, function: Some(function), others }])
            if others.is_empty() =>
        {
            let Function { name, arguments } = *function;
            let (index, id) = ((Value::CallIndex, *index), (Value::CallId, *id));
            vec![index, id, (Value::Name, name), (Value::Arguments, arguments)]
        }
        _ => return None,
    };
    let values = values.into_iter().chain([(Value::Obfuscation, chunk.obfuscation)]);
    Some(values.filter_map(|(value, text)| Some((value, text?))).collect())
}

impl Shape {
    fn of(data: &str, mut values: Vec<(Value, &RawValue)>) -> Self {
        // Each value is a part of the data.
        let begin = |value: &RawValue| value.get().as_ptr() as usize - data.as_ptr() as usize;
        values.sort_unstable_by_key(|(_, value)| begin(value));
        let (mut shape, mut end) = (Self { text: String::new(), values: Vec::new() }, 0);
        for (value, text) in values {
            shape.text.push_str(&data[end..begin(text)]);
            shape.values.push((value, shape.text.len()));
            end = begin(text) + text.get().len();
        }
        shape.text.push_str(&data[end..]);
        shape
    }

    fn read<'a>(&self, data: &'a str) -> Option<Chunk<'a>> {
        let (mut rest, mut before) = (data, 0);
        let (mut delta, mut call) = (Message::default(), Call::default());
        let (mut function, mut obfuscation) = (Function::default(), None);
        for (value, place) in &self.values {
            let (text, behind) = first(rest.strip_prefix(&self.text[before..*place])?)?;
            (rest, before) = (behind, *place);
            let field = match value {
                Value::Content => &mut delta.content,
                Value::CallIndex => &mut call.index,
                Value::CallId => &mut call.id,
                Value::Name => &mut function.name,
                Value::Arguments => &mut function.arguments,
                Value::Obfuscation => &mut obfuscation,
            };
            *field = Some(text);
        }
        if rest != &self.text[before..] {
            return None;
        }
        if call.index.is_some() {
            delta.tool_calls = Some(vec![Call { function: Some(function), ..call }]);
        }
        let choices = Some(vec![Choice { delta: Some(delta), ..Choice::default() }]);
        Some(Chunk { choices, obfuscation, ..Chunk::default() })
    }
}

/// The string or whole number that a text begins with, and what is behind it.
fn first(text: &str) -> Option<(&RawValue, &str)> {
    let end = match text.strip_prefix('"') {
        Some(inside) => 2 + string_end(inside)?,
        None => text.bytes().take_while(u8::is_ascii_digit).count(),
    };
    let (value, behind) = text.split_at(end);
    Some((serde_json::from_str(value).ok()?, behind))
}

/// Where a string ends that began before this text.
fn string_end(text: &str) -> Option<usize> {
    let mut place = 0;
    loop {
        place += memchr2(b'"', b'\\', text.as_bytes().get(place..)?)?;
        match text.as_bytes()[place] {
            b'"' => return Some(place),
            _ => place += 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use agent_core::Delta;

    use super::*;
    use crate::{
        openai::chat::ChatEvents,
        transport::{parser::ReadEvent, sse::Event},
    };

    fn deltas(events: &mut ChatEvents, data: &str) -> Result<Vec<Delta>, String> {
        let event = Event { name: "".into(), data: data.into() };
        let mut deltas = VecDeque::new();
        events.read(&event, &mut deltas).map_err(|error| error.to_string())?;
        Ok(deltas.into())
    }

    fn chunk(delta: &str) -> String {
        format!(
            r#"{{"id":"r","choices":[{{"index":0,"delta":{delta},"finish_reason":null}}],"obfuscation":"x"}}"#
        )
    }

    /// Reads chunks one after the other. The last one has a shape that is known, or not. In both
    /// cases it says what it says to a reader that knows no shapes.
    fn check(deltas_before: &[&str], last: &str, is_known: bool) {
        let (mut events, mut other) = (ChatEvents::default(), ChatEvents::default());
        for data in deltas_before.iter().map(|delta| chunk(delta)) {
            let said = deltas(&mut events, &data);
            other.shapes = Shapes::default();
            assert_eq!(said, deltas(&mut other, &data));
        }
        assert_eq!(events.shapes.read(last).is_some(), is_known, "{last}");
        other.shapes = Shapes::default();
        assert_eq!(deltas(&mut events, last), deltas(&mut other, last), "{last}");
    }

    /// Pieces of all kinds, in all ways in which servers write them.
    const PIECES: [&str; 16] = [
        BEGUN,
        INPUT,
        r#"{"content":"Hi"}"#,
        r#"{"content":"\\n\\ud83e"}"#,
        r#"{"content":"\\udd80"}"#,
        r#"{"content":["a"]}"#,
        r#"{"content":null}"#,
        r#"{"role":"assistant","content":""}"#,
        r#"{"reasoning":"hm"}"#,
        r#"{"tool_calls":[{"index":1,"id":"b","function":{"name":"g","arguments":""}}]}"#,
        r#"{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]}"#,
        r#"{"tool_calls":[{"index":0,"id":"b","function":{"name":"f","arguments":"{}"}}]}"#,
        r#"{"tool_calls":[{"index":0,"function":{"arguments":{}}}]}"#,
        r#"{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]}"#,
        r#"{"content":"a","tool_calls":[]}"#,
        "{}",
    ];

    #[test]
    fn any_three_chunks_say_the_same_whether_their_shapes_are_known_or_not() {
        for place in 0..PIECES.len().pow(3) {
            let (mut events, mut other) = (ChatEvents::default(), ChatEvents::default());
            let pieces = [place, place / 16, place / 256].map(|place| PIECES[place % 16]);
            for data in pieces.map(chunk) {
                let said = deltas(&mut events, &data);
                other.shapes = Shapes::default();
                assert_eq!(said, deltas(&mut other, &data), "{pieces:?}");
            }
        }
    }

    const BEGUN: &str = r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":""}}]}"#;
    const INPUT: &str = r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}}]}"#;

    #[test]
    fn a_chunk_that_differs_only_in_its_piece_says_the_same_as_if_it_were_read_field_by_field() {
        let words = r#"{"content":"Hi"}"#;
        for next in [r#"{"content":""}"#, r#"{"content":"\"}\\"}"#, r#"{"content":"é\ud83e"}"#] {
            check(&[words], &chunk(next), true);
        }
        let more = r#"{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}"#;
        check(&[BEGUN, INPUT], &chunk(more), true);
        let other = BEGUN.replace('0', "1").replace("\"a\"", "\"b\"");
        check(&[BEGUN, INPUT], &chunk(&other), true);
        check(&[BEGUN, INPUT, &other], &chunk(&INPUT.replace('0', "1")), true);
        check(&[words], &chunk(r#"{"content":"a"}"#).replace("\"x\"", "\"longer\""), true);
    }

    #[test]
    fn a_chunk_that_differs_in_anything_else_is_read_field_by_field() {
        let words = r#"{"content":"Hi"}"#;
        for next in [r#"{"content":null}"#, r#"{"content":"a","refusal":"b"}"#, "{}", BEGUN, "null"] {
            check(&[words], &chunk(next), false);
        }
        for (was, is) in [("null", "\"stop\""), ("\"r\"", "\"s\""), ("\"Hi\"", "[7]"), ("\"Hi\"", "\"\\x\"")]
        {
            check(&[words], &chunk(words).replacen(was, is, 1), false);
        }
        check(&[words], &chunk(words)[1..], false);
        check(&[words], chunk(words).trim_end_matches('}'), false);
        for before in [
            "{}",
            r#"{"content":null}"#,
            r#"{"content":"a","refusal":"b"}"#,
            r#"{"content":"a","annotations":[1]}"#,
            r#"{"reasoning":"a"}"#,
            r#"{"tool_calls":[{"index":0,"id":"a"},{"index":1,"id":"b"}]}"#,
            r#"{"tool_calls":[{"index":0,"function":{"arguments":"a"},"extra":1}]}"#,
            r#"{"function_call":{"name":"f"}}"#,
        ] {
            check(&[before], &chunk(before), false);
        }
    }
}
