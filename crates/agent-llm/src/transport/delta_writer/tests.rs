use agent_core::{
    Block, Response,
    message::BlockKind,
    model::{DeltaValidator, Fold, Piece},
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;

/// What an API says, in order.
#[derive(Clone, Debug)]
enum Said {
    Text(&'static str),
    Thinking(&'static str),
    /// Number, id, name and input of a call.
    Call(u64, Option<&'static str>, Option<&'static str>, &'static str),
}

use Said::{Call, Text, Thinking};

fn say(reply: &mut DeltaWriter, said: &Said) -> Result<(), LlmError> {
    match said {
        Text(text) => reply.text(text),
        Thinking(thinking) => reply.thinking(thinking),
        Call(number, id, name, input) => reply.tool_call(*number, *id, *name, input),
    }
}

/// The deltas of a reply that says this and ends.
fn written(all: &[Said]) -> Result<Vec<Delta>, LlmError> {
    let mut reply = DeltaWriter::default();
    all.iter().try_for_each(|said| say(&mut reply, said))?;
    reply.stop(StopReason::ToolUse);
    reply.finish()?;
    Ok(std::iter::from_fn(|| reply.pull()).collect())
}

fn folded(deltas: Vec<Delta>) -> Response {
    let mut fold = Fold::default();
    deltas.into_iter().for_each(|delta| fold.push(delta).unwrap());
    fold.finish().unwrap()
}

/// A block in short: `call_1 f {"a":1}`, `"text"`, `(thinking)`.
fn short(block: &Block) -> String {
    match block.kind() {
        BlockKind::ToolUse(call) => format!("{} {} {}", call.id, call.name, call.input.text()),
        BlockKind::Thinking { thinking, .. } => format!("({thinking})"),
        _ => format!("{:?}", block.as_text().unwrap()),
    }
}

fn check(all: &[Said], blocks: &[&str]) {
    let reply = folded(written(all).unwrap());
    assert_eq!(reply.content.iter().map(short).collect::<Vec<_>>(), blocks, "{all:?}");
}

#[test]
fn pieces_become_blocks_whatever_order_they_come_in() {
    check(&[], &[]);
    check(&[Text("a"), Text(""), Text("b")], &[r#""ab""#]);
    check(&[Thinking("hm"), Text("a"), Thinking("so"), Text("b")], &["(hm)", r#""a""#, "(so)", r#""b""#]);
    let first = Call(0, Some("x"), Some("f"), "");
    check(&[Text("a"), first.clone(), Call(0, None, None, "{}"), Text("b")], &[r#""a""#, "x f {}", r#""b""#]);
    // An id and a name that are said again, or late, or never.
    check(&[first.clone(), Call(0, Some("x"), Some("f"), "{}")], &["x f {}"]);
    check(
        &[Call(0, None, None, "{"), Call(0, None, Some("f"), ""), Call(0, Some("x"), None, "}")],
        &[" f {}"],
    );
    check(&[Call(0, None, Some("f"), "{}")], &[" f {}"]);
    // Two calls in turns: the second waits for the first.
    let second = Call(1, Some("y"), Some("g"), r#"{"b":"#);
    let turns = [first.clone(), second, Call(0, None, None, r#"{"a":1}"#), Call(1, None, None, "2}")];
    check(&turns, &[r#"x f {"a":1}"#, r#"y g {"b":2}"#]);
    // Inputs that never end are passed on at the end.
    check(
        &[Call(0, Some("x"), Some("f"), ""), Call(7, Some("y"), Some("g"), ""), Text("a")],
        &["x f {}", "y g {}", r#""a""#],
    );
}

#[test]
fn calls_under_one_number_are_told_apart() {
    let (x, y) = (Call(0, Some("x"), Some("f"), "{}"), Call(0, Some("y"), Some("f"), "{}"));
    check(&[x.clone(), y.clone()], &["x f {}", "y f {}"]);
    check(&[x, Text("a"), y], &["x f {}", r#""a""#, "y f {}"]);
    let nameless = Call(0, None, Some("f"), "{}");
    check(&[nameless.clone(), nameless], &[" f {}", " f {}"]);
    check(&[Call(0, None, Some("f"), ""), Call(0, None, Some("g"), "")], &[" f {}", " g {}"]);
}

#[test]
fn a_block_begins_only_when_the_call_before_it_is_complete() {
    let mut reply = DeltaWriter::default();
    let mut blocks = |said: &[Said]| {
        said.iter().for_each(|said| say(&mut reply, said).unwrap());
        let deltas = std::iter::from_fn(|| reply.pull());
        deltas.filter(|delta| matches!(delta, Delta::Block { .. })).count()
    };
    assert_eq!(blocks(&[Call(0, Some("x"), Some("f"), "{")]), 1);
    assert_eq!(blocks(&[Call(1, Some("y"), Some("g"), "{}"), Text("a")]), 0);
    assert_eq!(blocks(&[Call(0, None, None, "}")]), 2);
}

#[test]
fn what_makes_no_reply_is_an_error() {
    let wrong = |all: &[Said], expected: &str| {
        assert_eq!(written(all).unwrap_err().message, expected, "{all:?}");
    };
    wrong(&[Call(3, Some("x"), None, "{}")], r#"tool call "x" has no name"#);
    let late = [Call(0, Some("x"), Some("f"), "{}"), Text("a"), Call(0, None, None, "{}")];
    wrong(&late, "more input came for tool call 0, whose input was complete");
    check(&[Call(0, Some("x"), Some("f"), "{}"), Text("a"), Call(0, None, None, " ")], &["x f {}", r#""a""#]);

    let mut reply = DeltaWriter::default();
    reply.text("a").unwrap();
    assert_eq!(reply.finish().unwrap_err().kind, LlmErrorKind::Incomplete);
    reply.stop(StopReason::EndTurn);
    reply.finish().unwrap();
    reply.finish().unwrap();
    assert_eq!(reply.text("b").unwrap_err().message, "more of the reply came after its end");
    assert_eq!(std::iter::from_fn(|| reply.pull()).count(), 4);
}

#[test]
fn start_and_end_say_what_the_api_says() {
    let mut reply = DeltaWriter::default();
    reply.start(Some("r1"), Some("m"));
    reply.start(Some("r1"), Some("m"));
    reply.text("a").unwrap();
    reply.stop(StopReason::EndTurn);
    let mut counts = Counts::default();
    counts.input_tokens = Some(7);
    reply.usage(counts);
    reply.tokens(None, Some(3));
    reply.finish().unwrap();
    let reply = folded(std::iter::from_fn(|| reply.pull()).collect());
    assert_eq!((reply.id.as_deref(), reply.model.as_deref()), (Some("r1"), Some("m")));
    let usage = (reply.usage.input_tokens, reply.usage.output_tokens);
    assert_eq!((usage, reply.stop_reason), ((7, 3), StopReason::EndTurn));
}

fn said() -> impl Strategy<Value = Said> {
    let words = select(vec!["", "a", "b "]);
    let input = select(vec!["", " ", "{", "}", "{}", r#"{"a":""#, r#"\"}"#, r#"""#, r#""}"#]);
    let (id, name) = (option::of(select(vec!["", "x", "y"])), option::of(select(vec!["", "f"])));
    prop_oneof![
        words.clone().prop_map(Text),
        words.prop_map(Thinking),
        (0..3_u64, id, name, input).prop_map(|(number, id, name, input)| Call(number, id, name, input)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_makes_a_valid_reply_or_an_error(all in vec(said(), 0..12)) {
        let Ok(deltas) = written(&all) else { return Ok(()) };
        let mut validator = DeltaValidator::default();
        for delta in &deltas {
            prop_assert_eq!(validator.push(delta), Ok(()));
        }
        prop_assert_eq!(validator.finish(), Ok(()));
        // One block after the other: each begins with the next index, and has ended before the
        // next.
        let (mut next, mut open) = (0, None);
        for delta in &deltas {
            match delta {
                Delta::Block { index, .. } => {
                    prop_assert_eq!((open, *index), (None, next));
                    (open, next) = (Some(*index), next + 1);
                }
                Delta::Piece { index, .. } => prop_assert_eq!(open, Some(*index)),
                Delta::BlockEnd { index } => prop_assert_eq!(open.take(), Some(*index)),
                _ => {}
            }
        }
        prop_assert_eq!(open, None);
        // No word is lost, and of inputs only blanks behind their end.
        let pieces = || deltas.iter().filter_map(|delta| if let Delta::Piece { piece, .. } = delta { Some(piece) } else { None });
        let given: String = all.iter().map(|said| if let Text(text) = said { text } else { "" }).collect();
        let passed: String = pieces().map(|piece| if let Piece::Text(text) = piece { text } else { "" }).collect();
        prop_assert_eq!(given, passed);
        let length = |input: &str| input.chars().filter(|letter| !letter.is_whitespace()).count();
        let given: usize = all.iter().map(|said| if let Call(_, _, _, input) = said { length(input) } else { 0 }).sum();
        let passed: usize = pieces().map(|piece| if let Piece::Input(input) = piece { length(input) } else { 0 }).sum();
        // An input that was there before its block is in that.
        let calls = deltas.iter().filter_map(|delta| if let Delta::Block { block, .. } = delta { block.as_tool_use() } else { None });
        let within: usize = calls.map(|call| call.input.text()).filter(|input| *input != "{}").map(length).sum();
        prop_assert_eq!(given, passed + within);
        folded(deltas);
    }
}
