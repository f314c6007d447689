//! Replies of text, and what every reply has besides.

use std::time::Duration;

use agent_core::{StopReason, Usage, script::Reply};

use crate::{
    Fault,
    conformance::case::{Case, Expected, Needs},
};

pub(super) fn cases() -> Vec<Case> {
    [words(), usage(), ends()].concat()
}

fn words() -> Vec<Case> {
    let odd = "Grüße, 世界! 🦀 \"quoted\" \\ back\nnext\ttab \u{1}. ";
    vec![
        Case::reply(
            "text",
            "A reply of text has all its words and a stop reason.",
            Reply::text("It is sunny."),
        ),
        Case::reply("one piece", "A reply that is not streamed says the same.", Reply::text("It is sunny."))
            .needs(Needs::OnePiece),
        Case::other(
            "streamed",
            "Words are there as soon as the server has sent them.",
            Reply::text("first second third"),
            Expected::Shown { until: "second" },
        )
        .with(Fault::silence("third"))
        .needs(Needs::Stream),
        Case::reply(
            "many pieces",
            "The pieces of a long text are in order, and none is lost or doubled.",
            Reply::text((0..300).map(|number| format!("word{number} ")).collect::<String>()),
        ),
        Case::reply(
            "byte by byte",
            "Bytes may arrive one by one, cut also inside of characters and escapes.",
            Reply::text(odd.repeat(3)).and_call("weather", serde_json::json!({"city": odd})),
        )
        .with(Fault::drip(1, Duration::ZERO)),
        Case::reply("empty reply", "A reply without content is a reply, and no error.", Reply::default()),
    ]
}

/// What a reply costs.
fn usage() -> Vec<Case> {
    let mut cached = Usage::new(10, 5);
    cached.cache_read_input_tokens = 90;
    vec![
        Case::reply(
            "usage",
            "The tokens that the server counted are reported.",
            Reply::text("It is sunny.").usage(Usage::new(12, 5)),
        ),
        Case::reply(
            "usage with a cache",
            "Tokens of the prompt count once, whether they came from a cache or not.",
            Reply::text("It is sunny.").usage(cached),
        ),
    ]
}

/// The reasons why a reply ends.
fn ends() -> Vec<Case> {
    let end = |name, purpose, reason| Case::reply(name, purpose, Reply::text("It is sunny.").stop(reason));
    vec![
        end("stop: end of turn", "The end of an answer is one.", StopReason::EndTurn),
        end(
            "stop: stop sequence",
            "A reply that ended at a stop sequence is complete.",
            StopReason::StopSequence,
        ),
        end(
            "stop: max_tokens",
            "A reply that was cut says so, so that nobody takes it as complete.",
            StopReason::MaxTokens,
        ),
        end("stop: refusal", "A refusal is no success.", StopReason::Refusal),
    ]
}
