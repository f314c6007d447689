//! Models without end: in a reply, in attempts, and in a run.

use agent_core::{
    Block, Delta, Json, StopReason,
    model::{Counts as Tokens, Piece},
};
use serde_json::json;

use super::{Bytes, Counts, DONE, Hostile, KB, MB, check, once, pieces, within};

fn pad(bytes: usize) -> String {
    "x".repeat(bytes)
}

/// A block of an unknown kind, with a little more than this many bytes.
fn odd(bytes: usize) -> Block {
    let json = format!(r#"{{"type":"odd","x":"{}"}}"#, pad(bytes));
    Block::from_json(Json::read(json).unwrap()).unwrap()
}

fn call(place: usize, id: usize) -> Delta {
    Delta::call(place, format!("a{id}"), "act", json!({"say": id.to_string()}))
}

/// Runs a model that yields this without end. Of all its attempts together 64 MiB are read, and
/// each piece counts 64 bytes more than its content, so endless attempts end too. The model is not
/// asked again, and nothing is recorded.
async fn endless<F>(says: F, pieces: usize, calls: usize)
where
    F: Fn(usize) -> Delta + Clone + Send + Sync + 'static,
{
    let model = Hostile::new(move |_| (0..).map(says.clone()));
    let error = "agent \"main\" got no answer: the reply is too long: it has more than 67108864 bytes";
    let bytes = Bytes { record: KB, events: KB + calls * 700, sent: KB };
    check(model, error, Counts { requests: 1, pieces, calls }, bytes).await;
}

/// Like `endless`, with another first piece.
async fn endless_after(first: Delta, more: Delta) {
    endless(move |place| if place == 0 { first.clone() } else { more.clone() }, 65, 0).await;
}

#[tokio::test(start_paused = true)]
async fn field_79_of_a_model_64_mib_are_read_whatever_it_says_without_end() {
    let (text, odd) = (pad(MB), odd(MB));
    let json = odd.json().clone();
    let words = text.clone();
    endless(move |_| Delta::words(0, &*words), 64, 0).await;
    let words = text.clone();
    endless(move |place| Delta::words(place, &*words), 64, 0).await;
    let words = text.clone();
    endless(move |place| Delta::words(usize::MAX - place, &*words), 64, 0).await;
    endless(move |index| Delta::Block { index, block: odd.clone() }, 64, 0).await;
    let piece = |piece: Piece| Delta::Piece { index: 0, piece };
    let thinking = Block::from_json(json!({"type": "thinking", "thinking": "", "signature": ""}).into());
    endless_after(Delta::Block { index: 0, block: thinking.unwrap() }, piece(Piece::Thinking(text.clone())))
        .await;
    endless_after(call(0, 0), piece(Piece::Input(text.clone()))).await;
    endless_after(Delta::words(0, ""), piece(Piece::Citation(json.clone()))).await;
    endless_after(Delta::words(0, ""), piece(Piece::Other(json.clone()))).await;
    // Also pieces that are not blocks, and replies that are withdrawn each time.
    let start = move |place: usize| {
        let extra = [(format!("x{place}"), json.clone())].into();
        Delta::Start { id: None, model: None, usage: Default::default(), extra }
    };
    endless(start, 64, 0).await;
    let again = || Delta::Restarted { reason: "It broke off.".to_owned() };
    endless(move |place| if place % 2 == 0 { Delta::words(0, &*text) } else { again() }, 127, 0).await;
}

#[tokio::test(start_paused = true)]
async fn field_81_of_calls_without_end_those_of_a_reply_are_made() {
    let odd = odd(128 * KB);
    let says = move |place: usize| match place % 2 {
        0 => call(place, place),
        _ => Delta::Block { index: place, block: odd.clone() },
    };
    endless(says, 1_024, 256).await;
}

#[tokio::test(start_paused = true)]
async fn field_81_of_calls_in_attempts_without_end_those_of_a_run_are_made() {
    let odd = odd(24 * KB);
    let says = move |place: usize| match place % 3 {
        0 => call(0, place),
        1 => Delta::Block { index: 1, block: odd.clone() },
        _ => Delta::Restarted { reason: "It broke off.".to_owned() },
    };
    endless(says, 8_099, 2_000).await;
}

/// Runs a model that never finishes, although its replies do.
async fn for_ever(says: fn() -> Vec<Delta>, end: &str, counts: Counts, bytes: Bytes) {
    check(Hostile::new(move |_| says().into_iter()), end, counts, bytes).await;
}

fn calls(calls: usize, input: serde_json::Value) -> Vec<Delta> {
    let calls = (0..calls).map(|place| Delta::call(place, "a", "act", input.clone()));
    calls.chain([Delta::stop(StopReason::ToolUse)]).collect()
}

#[tokio::test(start_paused = true)]
async fn field_81_replies_without_end_have_the_turns_the_requests_and_the_calls_of_a_run() {
    let ten = |pieces: usize, calls: usize| Counts { requests: 10, pieces: 10 * pieces, calls };
    for_ever(|| calls(1, json!({})), "TurnLimit(10)", ten(2, 10), within(9 * KB)).await;
    for_ever(|| calls(300, json!({})), "TurnLimit(10)", ten(301, 2_000), within(2 * MB)).await;
    let paused = || vec![Delta::words(0, "Well."), Delta::stop(StopReason::PauseTurn)];
    for_ever(paused, "TurnLimit(10)", ten(2, 0), within(4 * KB)).await;
    // The agent delegates to itself.
    let limit = "the limit of 200 model requests per run is reached";
    let itself =
        |calls: usize| Counts { requests: 200, pieces: 200 * (calls + 1), calls: 2_000.min(200 * calls) };
    for_ever(|| calls(1, json!({"to": "main"})), limit, itself(1), within(256 * KB)).await;
    for_ever(|| calls(4, json!({"to": "main"})), limit, itself(4), within(MB)).await;
    for_ever(|| calls(16, json!({"to": "main"})), limit, itself(16), within(4 * MB)).await;
}

#[tokio::test(start_paused = true)]
async fn field_81_of_very_many_calls_of_one_id_each_has_its_result_and_those_of_a_reply_are_made() {
    const MANY: usize = 2_000;
    let model = once(|| (0..MANY).map(|place| Delta::call(place, "a", "act", json!({}))).collect());
    let conversation =
        check(model, DONE, Counts { requests: 2, pieces: pieces(MANY), calls: 256 }, within(400 * MANY))
            .await;
    assert_eq!(conversation.messages()[2].tool_results().count(), MANY);
}

#[tokio::test(start_paused = true)]
async fn field_80_very_many_blocks_are_kept_once() {
    let model = once(|| (0..5_000).map(|place| Delta::words(place, format!("{place} "))).collect());
    check(model, "Other", Counts { requests: 1, pieces: 5_001, calls: 0 }, within(32 * 5_000)).await;
}

#[tokio::test(start_paused = true)]
async fn field_79_tokens_without_end_are_counted_to_the_end_of_numbers() {
    let says = || {
        let most = Some(u64::MAX);
        let mut usage = Tokens::default();
        (usage.input_tokens, usage.output_tokens) = (most, most);
        let call = Delta::call(0, "a", "act", json!({}));
        let extra = Default::default();
        let stop =
            Delta::Stop { stop_reason: StopReason::ToolUse, stop_details: None, usage: usage.into(), extra };
        vec![call, stop]
    };
    for_ever(says, "TurnLimit(10)", Counts { requests: 10, pieces: 20, calls: 10 }, within(9 * KB)).await;
}
