//! A reply of the Responses API that was not streamed.

use std::collections::VecDeque;

use agent_core::Response;
use serde::de::Error;

use super::{events::ResponseEvents, whole::Whole};
use crate::openai::{
    object::object,
    unary::{ReadError, folded},
};

/// Reads the body of a reply. It is what the last event of a stream holds, so it is read by the
/// same code.
pub(crate) fn read_reply(body: &str) -> serde_json::Result<Response> {
    Ok(read(body)?)
}

fn read(body: &str) -> Result<Response, ReadError> {
    let reply: Whole<'_> = object(body)?;
    if reply.output.is_none() {
        return Err(serde_json::Error::missing_field("output").into());
    }
    let (mut events, mut deltas) = (ResponseEvents::default(), VecDeque::new());
    events.end(reply, None, &mut deltas)?;
    folded(deltas)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REASONING: &str = r#"{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"First."},{"type":"summary_text","text":"Then."}], "encrypted_content":"gAAA"}"#;

    #[test]
    fn fault_35_reasoning_is_kept_as_it_came_and_all_items_in_their_order() {
        let body = format!(
            r#"{{"id":"resp_1","object":"response","created_at":7,"status":"completed","model":"gpt-6-astra",
            "instructions":"secret prompt","tools":[{{"type":"function"}}],"service_tier":"default","error":null,"incomplete_details":null,
            "output":[{REASONING},
              {{"id":"ws_1","type":"web_search_call","status":"completed","action":{{"type":"search","query":"x"}}}},
              {{"id":"msg_1","type":"message","role":"assistant","status":"completed","phase":"commentary","content":[
                {{"type":"output_text","text":"Found.","annotations":[{{"type":"url_citation","url":"https://x"}}],"logprobs":[]}}]}},
              {{"id":"fc_1","type":"function_call","call_id":"call_1","name":"f","arguments":"{{\"a\": 1}}","status":"completed","namespace":"ns"}},
              {{"id":"fc_2","type":"function_call","call_id":"call_2","name":"g","arguments":"","status":"completed"}}],
            "usage":{{"input_tokens":10,"input_tokens_details":{{"cached_tokens":6,"cache_write_tokens":0}},"output_tokens":4,"output_tokens_details":{{"reasoning_tokens":3}},"total_tokens":14}}}}"#
        );
        let reply = read_reply(&body).unwrap();
        let kept = reply.content.iter().any(|block| block.json().text().contains(REASONING));
        assert!(kept, "{reply:?}");
        insta::assert_snapshot!(serde_json::to_string_pretty(&reply).unwrap(), @r#"
        {
          "id": "resp_1",
          "model": "gpt-6-astra",
          "content": [{"signature":"","thinking":"First.\n\nThen.","type":"thinking"},{"type":"openai:item","item":{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"First."},{"type":"summary_text","text":"Then."}], "encrypted_content":"gAAA"}},{"type":"openai:item","item":{"id":"ws_1","type":"web_search_call","status":"completed","action":{"type":"search","query":"x"}}},{"type":"text","text":"Found."},{"annotations":[{"type":"url_citation","url":"https://x"}],"phase":"commentary","type":"openai:text"},{"type":"tool_use","id":"call_1","name":"f","input":{"a": 1}},{"type":"openai:call","fields":{"namespace":"ns"}},{"type":"tool_use","id":"call_2","name":"g","input":{}}],
          "stop_reason": "tool_use",
          "usage": {"input_tokens":4,"output_tokens":4,"cache_creation_input_tokens":0,"cache_read_input_tokens":6,"input_tokens_details":{"cached_tokens":6,"cache_write_tokens":0},"output_tokens_details":{"reasoning_tokens":3},"total_tokens":14},
          "created_at": 7,
          "service_tier": "default"
        }
        "#);
    }

    #[test]
    fn fault_16_a_refusal_is_said_in_words_and_by_the_stop_reason() {
        let body = r#"{"status":"completed","output":[{"type":"message","content":[{"type":"refusal","refusal":"No."}]}]}"#;
        let reply = read_reply(body).unwrap();
        assert_eq!(reply.content, [agent_core::Block::text("No.")]);
        assert_eq!(reply.stop_reason, agent_core::StopReason::Refusal);
    }

    #[test]
    fn a_body_of_another_shape_is_no_reply() {
        let failed = r#"{"output":[],"status":"failed","error":{"code":"server_error","message":"Oh."}}"#;
        for body in ["", "7", "{}", r#"{"output":[7]}"#, failed] {
            assert!(read_reply(body).is_err(), "{body}");
        }
    }
}
