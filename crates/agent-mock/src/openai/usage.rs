//! What a reply costs, as OpenAI's APIs write it.

use agent_core::{message::BlockKind, script::Reply};
use serde_json::{Value, json};

/// The usage of a reply. `input` and `output` are the names of the counts: `prompt` and
/// `completion`, or `input` and `output`. What the scenario adds in its extra field `usage` takes
/// the place of what is made up here.
pub(crate) fn usage(reply: &Reply, input: &str, output: &str) -> Value {
    let usage = &reply.usage;
    let (cached, written) = (usage.cache_read_input_tokens, usage.cache_creation_input_tokens);
    let all = usage.input_tokens + cached + written;
    let mut written_usage = json!({
        format!("{input}_tokens"): all,
        format!("{input}_tokens_details"): {"cached_tokens": cached, "cache_write_tokens": written},
        format!("{output}_tokens"): usage.output_tokens,
        format!("{output}_tokens_details"): {"reasoning_tokens": reasoning_tokens(reply)},
        "total_tokens": all + usage.output_tokens,
    });
    let added = reply.extra.get("usage").and_then(|added| added.parse().ok()).unwrap_or_default();
    merge(&mut written_usage, added);
    written_usage
}

/// The tokens of the thinking in a reply: four bytes are one token, and there are at most as many
/// as the reply has.
pub(crate) fn reasoning_tokens(reply: &Reply) -> u64 {
    let bytes = reply.content.iter().map(|block| match block.kind() {
        BlockKind::Thinking { thinking, .. } => thinking.len(),
        _ => 0,
    });
    let tokens = bytes.sum::<usize>().div_ceil(4);
    reply.usage.output_tokens.min(u64::try_from(tokens).unwrap_or(u64::MAX))
}

/// Puts the fields of an object into another one. Objects in it are merged too.
fn merge(into: &mut Value, added: Value) {
    match (into, added) {
        (Value::Object(into), Value::Object(added)) => {
            added.into_iter().for_each(|(name, value)| merge(into.entry(name).or_insert(Value::Null), value));
        }
        (_, Value::Null) => {}
        (into, added) => *into = added,
    }
}

#[cfg(test)]
mod tests {
    use agent_core::{Block, Usage};

    use super::*;

    #[test]
    fn tokens_of_the_cache_and_of_thinking_have_their_places() {
        let mut counts = Usage::new(3, 9);
        (counts.cache_read_input_tokens, counts.cache_creation_input_tokens) = (6, 1);
        let thinking = json!({"type": "thinking", "thinking": "Add them.", "signature": "c2ln"});
        let reply = Reply::default().and_block(Block::from_json(thinking.into()).unwrap()).usage(counts);
        let check = |reply: &Reply, reasoning: u64| {
            let details = json!({"cached_tokens": 6, "cache_write_tokens": 1});
            let expected = json!({
                "prompt_tokens": 10, "prompt_tokens_details": details, "completion_tokens": 9,
                "completion_tokens_details": {"reasoning_tokens": reasoning}, "total_tokens": 19,
            });
            assert_eq!(usage(reply, "prompt", "completion"), expected);
        };
        check(&reply, 3);
        let given = json!({"completion_tokens_details": {"reasoning_tokens": 7}});
        check(&reply.extra("usage", given), 7);
    }
}
