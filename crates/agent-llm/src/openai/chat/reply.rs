//! A reply of chat completions that was not streamed.

use std::collections::VecDeque;

use agent_core::Response;
use serde::de::Error;

use super::{chunk::Chunk, events::ChatEvents};
use crate::openai::{
    object::object,
    unary::{ReadError, folded},
};

/// Reads the body of a reply. It says the same as if it had been streamed, so it is read by the
/// same code: as a stream of one chunk.
pub(crate) fn read_reply(body: &str) -> serde_json::Result<Response> {
    Ok(read(body)?)
}

fn read(body: &str) -> Result<Response, ReadError> {
    let chunk: Chunk<'_> = object(body)?;
    let has_choices = chunk.choices.as_ref().is_some_and(|choices| !choices.is_empty());
    if !has_choices || chunk.error.is_some() {
        return Err(serde_json::Error::missing_field("choices").into());
    }
    let (mut events, mut deltas) = (ChatEvents::default(), VecDeque::new());
    events.take_chunk(chunk, true, &mut deltas)?;
    let word = events.take_finish_reason();
    events.stop(word.as_deref(), &mut deltas)?;
    folded(deltas)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_becomes_a_reply_and_what_has_no_place_is_kept() {
        let reply = read_reply(
            r#"{"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"gpt-6-astra","service_tier":"default",
            "choices":[{"index":0,"logprobs":null,"finish_reason":"tool_calls","message":{"role":"assistant",
              "reasoning_content":"So…","content":"Let me look.","refusal":null,"annotations":[{"type":"url_citation"}],
              "tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"n\":12345678901234567890123, \"a\":1}"},
                "extra_content":{"google":{"thought_signature":"c2ln"}}},
                {"id":"call_2","type":"function","function":{"name":"g","arguments":""}}]}}],
            "usage":{"prompt_tokens":10,"completion_tokens":4,"total_tokens":14}}"#,
        );
        insta::assert_snapshot!(serde_json::to_string_pretty(&reply.unwrap()).unwrap(), @r#"
        {
          "id": "chatcmpl-1",
          "model": "gpt-6-astra",
          "content": [{"signature":"openai:reasoning_content","thinking":"So…","type":"thinking"},{"type":"text","text":"Let me look."},{"type":"tool_use","id":"call_1","name":"f","input":{"n":12345678901234567890123, "a":1}},{"type":"openai:call","fields":{"extra_content":{"google":{"thought_signature":"c2ln"}}}},{"type":"tool_use","id":"call_2","name":"g","input":{}},{"type":"openai:message","fields":{"annotations":[{"type":"url_citation"}]}}],
          "stop_reason": "tool_use",
          "usage": {"input_tokens":10,"output_tokens":4,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"prompt_tokens":10,"completion_tokens":4,"total_tokens":14},
          "created": 7,
          "service_tier": "default"
        }
        "#);
    }

    #[test]
    fn what_servers_write_in_their_own_ways_is_read() {
        let check = |message: &str, expected: &str| {
            let body = format!(r#"{{"choices":[{{"message":{message},"finish_reason":"stop"}}]}}"#);
            let reply = read_reply(&body).unwrap();
            assert_eq!(serde_json::to_string(&reply.content).unwrap(), expected, "{message}");
        };
        let call = |id: &str, input: &str| {
            format!(r#"{{"type":"tool_use","id":"{id}","name":"f","input":{input}}}"#)
        };
        check(r#"{"content":"hi","tool_calls":[]}"#, r#"[{"type":"text","text":"hi"}]"#);
        check(r#"{"content":null,"tool_calls":null}"#, "[]");
        check(
            r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"hi"}]}"#,
            r#"[{"signature":"openai:content","thinking":"hm","type":"thinking"},{"type":"text","text":"hi"}]"#,
        );
        check(
            r#"{"reasoning":"hm","reasoning_content":null,"content":"hi"}"#,
            r#"[{"signature":"openai:reasoning","thinking":"hm","type":"thinking"},{"type":"text","text":"hi"}]"#,
        );
        check(
            r#"{"tool_calls":[{"id":7,"function":{"name":"f","arguments":{"a":[1, 2]}}}]}"#,
            &format!("[{}]", call("7", r#"{"a":[1, 2]}"#)),
        );
        check(
            r#"{"tool_calls":[{"id":"a","function":{"name":"f","arguments":null}},{"id":"a","function":{"name":"f","arguments":"{}"}}]}"#,
            &format!("[{},{}]", call("a", "{}"), call("a", "{}")),
        );
        check(
            r#"{"function_call":{"name":"f","arguments":"{\"a\":1}"}}"#,
            &format!("[{}]", call("", r#"{"a":1}"#)),
        );
        check(
            r#"{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"a\""}}]}"#,
            &format!("[{}]", call("a", r#"{"INVALID_JSON":"{\"a\""}"#)),
        );
    }

    #[test]
    fn a_body_of_another_shape_is_no_reply() {
        for body in
            ["", "7", "{}", r#"{"choices":[]}"#, r#"{"choices":[7]}"#, r#"{"error":{},"choices":[{}]}"#]
        {
            assert!(read_reply(body).is_err(), "{body}");
        }
    }
}
