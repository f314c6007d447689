//! Whatever the texts are and however a reply is cut: no value is sent, and each comes back.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use agent_core::{
    Block, Message, Response, StopReason,
    model::{Fold, Piece},
};

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMII\"E\\\n-----END PRIVATE KEY-----";

/// Parts of texts: values, what looks like placeholders, and what may spoil either.
fn part() -> impl Strategy<Value = String> {
    let values = [
        "ada@example.org",
        "bob@example.org",
        "sk-ant-api03-AbCdEfGhIjKlMnOpQrSt",
        "AKIAIOSFODNN7EXAMPLE",
        "Bearer 0123456789abcdef01",
        "0123456789abcdef01",
        "4111 1111 1111 1111",
        "4111111111111111",
        "DE89370400440532013000",
        "+49 30 1234567",
        "C-123456",
        "password: hunter22",
        KEY,
    ];
    let others = [
        " ",
        "\n",
        "x",
        "1",
        "é",
        "\"",
        "\\",
        "[",
        "]",
        "_",
        "-",
        "@",
        ".",
        "+",
        "[EMAIL_1]",
        "[LITERAL_1]",
        "[EMAIL",
        "_1]",
        "[TOKEN_2]",
        "[[EMAIL_1]",
        "EMAIL_1",
        "4",
        "41",
        "of",
        "a",
        "A",
    ];
    prop_oneof![prop::sample::select(values.to_vec()), prop::sample::select(others.to_vec())]
        .prop_map(str::to_owned)
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(part(), 0..12).prop_map(|parts| parts.concat())
}

fn patterns() -> Arc<Patterns> {
    static PATTERNS: LazyLock<Arc<Patterns>> = LazyLock::new(|| {
        let redact = Redact::new().ip_addresses();
        let redact = redact.pattern("CUSTOMER", r"\bC-[0-9]{6}\b").unwrap();
        let redact = redact.pattern("PASSWORD", r"password: ([a-z0-9]+)").unwrap();
        Arc::new(Patterns::new(redact.patterns))
    });
    PATTERNS.clone()
}

fn is_clean(text: &str) -> bool {
    Placeholders::new(patterns()).is_clean(text)
}

/// The reply that a stream of these pieces is after values are put back.
fn restored(placeholders: Placeholders, pieces: Vec<Delta>) -> Response {
    let mut restored = Restored::new(placeholders, false);
    let mut fold = Fold::default();
    let mut all: Vec<Delta> = pieces.into_iter().flat_map(|piece| restored.take(piece)).collect();
    all.extend(restored.end());
    all.into_iter().for_each(|piece| fold.push(piece).unwrap());
    fold.finish().unwrap()
}

/// Cuts a text at these places.
fn cut(text: &str, places: &[prop::sample::Index]) -> Vec<String> {
    let mut ends: Vec<usize> = places.iter().map(|place| place.index(text.len() + 1)).collect();
    ends.retain(|end| text.is_char_boundary(*end));
    ends.extend([0, text.len()]);
    ends.sort_unstable();
    ends.windows(2).map(|pair| text[pair[0]..pair[1]].to_owned()).collect()
}

proptest! {
    #[test]
    fn no_value_is_sent_and_each_comes_back(
        texts in prop::collection::vec(text(), 1..4),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut request = Request::new(texts.iter().cloned().map(Message::user).collect());
        let mut placeholders = Placeholders::new(patterns());
        sent::redact(&mut request, &mut placeholders);
        let sent: Vec<String> = request.messages.iter().map(Message::text).collect();
        for text in &sent {
            prop_assert!(is_clean(text), "{text:?}");
        }
        // The model repeats all of it, as text and in a call. Between the messages is a line end:
        // the end of one and the beginning of the next must not become a placeholder together.
        let (said, original) = (sent.join("\n"), texts.join("\n"));
        let input = serde_json::json!({ "said": said }).to_string();
        let mut pieces: Vec<Delta> = cut(&said, &places).into_iter().map(|piece| Delta::words(0, piece)).collect();
        pieces.push(Delta::call(1, "a", "f", serde_json::json!({})));
        let inputs = cut(&input, &places).into_iter();
        pieces.extend(inputs.map(|piece| Delta::Piece { index: 1, piece: Piece::Input(piece) }));
        pieces.push(Delta::stop(StopReason::ToolUse));
        let reply = restored(placeholders, pieces);
        prop_assert_eq!(Message::assistant(reply.content.clone()).text(), original.clone());
        let call: serde_json::Value = reply.tool_calls().next().unwrap().input.parse().unwrap();
        prop_assert_eq!(&call["said"], &serde_json::json!(original));
    }

    #[test]
    fn a_longer_history_begins_with_the_same_text(texts in prop::collection::vec(text(), 2..5)) {
        let sent = |count: usize| {
            let mut request = Request::new(texts[..count].iter().cloned().map(Message::user).collect());
            sent::redact(&mut request, &mut Placeholders::new(patterns()));
            request.messages.clone()
        };
        let all = sent(texts.len());
        for count in 0..texts.len() {
            prop_assert_eq!(&sent(count)[..], &all[..count]);
        }
    }

    #[test]
    fn inputs_and_results_are_sent_without_values(said in text(), name in text()) {
        let content: Vec<Block> = vec![Block::tool_use("call_1", "f", serde_json::json!({ &*name: [said] }))];
        let result = Block::tool_result("call_1", said.clone().into(), false);
        let mut request = Request::new(vec![Message::assistant(content.clone()), Message::user(vec![result])]);
        let mut placeholders = Placeholders::new(patterns());
        sent::redact(&mut request, &mut placeholders);
        let input: serde_json::Value = request.messages[0].tool_calls().next().unwrap().input.parse().unwrap();
        for (name, value) in input.as_object().unwrap() {
            prop_assert!(is_clean(name) && is_clean(value[0].as_str().unwrap()));
        }
        for (_, content, _) in request.messages[1].tool_results() {
            prop_assert!(is_clean(&content.to_text()));
        }
        // A reply that comes in one piece.
        let reply = Delta::complete(Response::new(request.messages[0].content().to_vec(), StopReason::ToolUse));
        let reply = restored(placeholders, vec![reply]);
        let call: serde_json::Value = reply.tool_calls().next().unwrap().input.parse().unwrap();
        prop_assert_eq!(call, serde_json::json!({ &*name: [said] }));
    }
}

/// What is sent of a block.
fn check(block: serde_json::Value, expected: Option<serde_json::Value>) {
    let block = Block::from_json(block.into()).unwrap();
    let mut request = Request::new(vec![Message::user(vec![block, Block::text("end")])]);
    sent::redact(&mut request, &mut Placeholders::new(patterns()));
    let content = request.messages[0].content();
    let sent = (content.len() == 2).then(|| content[0].json().parse::<serde_json::Value>().unwrap());
    assert_eq!(sent, expected);
}

#[test]
fn each_kind_of_block_is_sent_without_values() {
    use serde_json::json;
    let data = "ab4111111111111111+/".repeat(8);
    let picture =
        json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}});
    check(picture.clone(), Some(picture));
    check(
        json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "ada@example.org"}}),
        Some(
            json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "[EMAIL_1]"}}),
        ),
    );
    check(
        json!({"type": "text", "text": "a", "citations": [{"cited_text": "C-123456", "n": 4111111111111111u64}]}),
        Some(
            json!({"type": "text", "text": "a", "citations": [{"cited_text": "[CUSTOMER_1]", "n": 4111111111111111u64}]}),
        ),
    );
    check(
        json!({"type": "tool_use", "id": "ada@example.org", "name": "f", "input": {"id": "ada@example.org", "card": 4111111111111111u64}}),
        Some(
            json!({"type": "tool_use", "id": "ada@example.org", "name": "f", "input": {"id": "[EMAIL_1]", "card": "[CARD_1]"}}),
        ),
    );
    let thinking = |text: &str| json!({"type": "thinking", "thinking": text, "signature": "c2ln"});
    check(thinking("of [EMAIL_1]"), Some(thinking("of [EMAIL_1]")));
    check(thinking("of ada@example.org"), None);
}

#[test]
fn a_kind_or_pattern_that_is_not_valid_is_an_error() {
    let check = |kind: &str, regex: &str, expected: &str| {
        assert_eq!(Redact::nothing().pattern(kind, regex).map(|_| ()).unwrap_err().to_string(), expected);
    };
    let letters = "use 1 to 48 capital letters (A-Z) and underscores";
    check("", "x", &format!("values of the kind \"\" can't be replaced: {letters}"));
    check("Mail", "x", &format!("values of the kind \"Mail\" can't be replaced: {letters}"));
    assert!(Redact::nothing().pattern("A", "(").is_err());
}

#[test]
fn a_hostile_text_takes_no_long_time_and_is_sent_without_values() {
    let texts = [
        "AKIAIOSFODNN7EXAMPLE".repeat(5_000),
        (0..3_000).map(|n| format!("Bearer 0123456789abcdef{n} ")).collect(),
        "1 ".repeat(50_000),
        "A ".repeat(50_000),
        "[EMAIL_1]".repeat(10_000),
        "a@".repeat(50_000),
    ];
    for text in texts {
        let mut placeholders = Placeholders::new(patterns());
        let began = std::time::Instant::now();
        let sent = placeholders.redact(&text);
        // In a debug build on a busy machine. Searching again for each value would take minutes.
        assert!(began.elapsed().as_secs() < 60, "{:?} {}", began.elapsed(), &text[..20]);
        let sent = sent.unwrap_or_else(|| text.clone());
        assert!(is_clean(&sent), "{}", &text[..20]);
        assert!(placeholders.restore(&sent, false).unwrap_or(sent) == text);
    }
}
