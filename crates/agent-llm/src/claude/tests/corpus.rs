//! Inputs of each kind, with all that is known to be special about them.

/// Streamed replies.
pub(super) const STREAMS: &[&str] = &[WORDS, CALLS, BLOCKS, FRAMES, BROKEN];

/// Words, thinking, characters of all lengths, and escapes of halves.
const WORDS: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_é","type":"message","role":"assistant","model":"claude-🦀","content":[],"stop_reason":null,"usage":{"input_tokens":3,"output_tokens":1,"service_tier":"standard"}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"漢字 \ud83e"}}

event: ping
data: {"type": "ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"\udd80 – so"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln+/="}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":"\u00e9\ud83e","citations":[]}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"\udd80 \"quoted\" \\ \n"}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"citations_delta","citation":{"z":1,"a":12345678901234567890123}}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"alone: \ud83e"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":5}}

event: message_stop
data: {"type":"message_stop"}

"#;

/// Calls of tools, here and at the server's, side by side.
const CALLS: &str = r#"data: {"type":"message_start","message":{"id":"msg_2","model":"m","content":[],"usage":{}}}

data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"f","input":{}}}

data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"b","name":"g","input":{},"caller":{"type":"direct"}}}

data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":""}}

data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"city\": \"Par\ud83e"}}

data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"n\":1e3,\"crab\":\"\\ud83e"}}

data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"\udd80is\"}"}}

data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"\\udd80\",\"big\":123456789012345678901234567890}"}}

data: {"type":"content_block_stop","index":0}

data: {"type":"content_block_stop","index":1}

data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"c","name":"h","input":{}}}

data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"cut"}}

data: {"type":"content_block_start","index":3,"content_block":{"type":"server_tool_use","id":"srv","name":"web_search","input":{}}}

data: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"query\":\"x\"}"}}

data: {"type":"content_block_start","index":4,"content_block":{"type":"web_search_tool_result","tool_use_id":"srv","content":[{"type":"web_search_result","url":"https://example.com/\ud83e","title":"é"}]}}

data: {"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"input_tokens":7,"output_tokens":18446744073709551615,"server_tool_use":{"web_search_requests":1}}}

data: {"type":"message_stop"}

"#;

/// Blocks of other kinds, and what is not known yet.
const BLOCKS: &str = r#"data: {"type":"message_start","message":{"id":null,"model":"m","container":{"id":"c","expires_at":"2026"},"new":[1.0]}}

data: {"type":"weather","index":"cloudy"}

data: {"type":"content_block_start","index":0,"content_block":{"type":"holo","depth":{"b":1,"a":[ 2 ]},"\ud83e":0}}

data: {"type":"content_block_delta","index":0,"delta":{"type":"holo_delta","text":5,"z":[null,true,-0.0]}}

data: {"type":"content_block_stop","index":0}

data: {"type":"content_block_start","index":3,"content_block":{"type":"redacted_thinking","data":"eA=="}}

data: {"type":"content_block_start","index":4,"content_block":{"type":"compaction","content":null}}

data: {"type":"content_block_delta","index":4,"delta":{"type":"compaction_delta","content":"All is well."}}

data: {"type":"content_block_start","index":5,"content_block":{"type":"mcp_tool_use","id":"m","name":"f","server_name":"s","input":{"k":[]}}}

data: {"type":"content_block_start","index":6,"content_block":{"type":"mcp_tool_result","tool_use_id":"m","is_error":false,"content":[{"type":"text","text":"t"}]}}

data: {"type":"content_block_start","index":7,"content_block":{"type":"text","text":"begun "}}

data: {"type":"content_block_delta","index":7,"delta":{"type":"input_json_delta","partial_json":"does not fit"}}

data: {"type":"content_block_delta","index":7,"delta":{"text":"not first","type":"text_delta"}}

data: {"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"type":"refusal","category":"bio","n":1}},"context_management":{"applied_edits":[]}}

data: {"type":"message_stop"}

data: {"type":"content_block_start","index":9,"content_block":{"type":"text","text":"too late"}}

"#;

/// All that the framing allows, and an end without its blank line.
const FRAMES: &str = "\u{feff}: a comment
event:message_start
data:{\"type\":\"message_start\",
data:
data: \"message\":{\"id\":\"m\"}}

:

event: unknown
id: 7

retry: 10
event: content_block_delta
: in between
data: {\"type\":\"content_block_delta\",\"index\":0,
data:  \"delta\":{\"type\":\"text_delta\",
field without colon
data:\"text\":\"two words – 漢\"}}


event: ping
data: {}

data

event: message_delta
data: {\"delta\":{\"stop_reason\":\"stop_sequence\",\"stop_sequence\":\"END\"}}

event: message_stop
data: {}";

/// A reply that breaks off with an error.
const BROKEN: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_3"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"half a \ud83e"}}

event: error
data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded \ud83e"},"request_id":"req_1"}

event: message_stop
data: {"type":"message_stop"}

"#;

/// Replies that were not streamed.
pub(super) const BODIES: &[&str] = &[
    r#"{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"thinking","thinking":"","signature":"c2ln"},{"type":"text","text":"é \ud83e\udd80 \ud83e","citations":[{"type":"char_location","z":1,"a":2}]},{"type":"tool_use","id":"a","name":"f","input":{"n":123456789012345678901,"x":[1.50,{}]},"caller":{"type":"direct"}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":3,"cache_creation":{"ephemeral_1h_input_tokens":5},"server_tool_use":{"web_search_requests":2},"service_tier":"standard"}}"#,
    r#"{"content":[{"type":"server_tool_use","id":"s","name":"web_search","input":{}},{"type":"web_search_tool_result","tool_use_id":"s","content":{"type":"error"}},{"type":"holo","b":1,"a":2},{"type":"redacted_thinking","data":"x"}],"stop_reason":null,"stop_details":{"b":1},"container":{"id":"c"},"new":[ 1 ]}"#,
    r#"{"content":[],"stop_reason":"new_reason","id":null,"usage":null}"#,
];

/// Bodies of errors.
pub(super) const ERRORS: &[&str] = &[
    r#"{"type":"error","error":{"type":"rate_limit_error","message":"Slow down: \ud83e","details":{"error_code":"x"}},"request_id":"req_1"}"#,
    r#"{"error":"a gateway's words"}"#,
    r#"{"message":"m","error":{"code":1,"type":null}}"#,
    "<html>\n<body><h1>502 Bad Gateway – é</h1></body>\n</html>",
    "",
];

/// Values of headers; each kind's stand for all of its names.
pub(super) const HEADERS: &[&str] = &[
    "Sun, 08 Nov 2026 12:00:00 GMT",
    "Sunday, 08-Nov-26 12:00:00 GMT",
    "Sun Nov  8 12:00:00 2026",
    "2026-11-08T11:00:02Z",
    "2026-11-08T11:00:02.000000001Z",
    "9999-12-31T23:59:59Z",
    "12.5",
    "18446744073709551615",
    "1e308",
    "true",
    "text/event-stream; charset=utf-8",
];

/// Messages, as users keep them and write them.
pub(super) const MESSAGES: &[&str] = &[
    r#"{"role":"user","content":"hi"}"#,
    r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"y"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"eA=="}}],"is_error":true,"cache_control":{"type":"ephemeral","ttl":"1h"}},{"type":"document","source":{"type":"text","data":"d"},"title":null},{"type":"search_result","source":"s","content":[]},{"type":"text","text":" \n"}]}"#,
    r#"{"content":[{"text":"first the text","type":"text"},{"type":"tool_use","id":"","name":"f.g","input":[]}],"role":"assistant"}"#,
    r#"{"role":"system","content":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}]}"#,
];

/// What models write as a call's input.
pub(super) const INPUTS: &[&str] = &[
    r#"{"city": "Paris", "n": [1, -2.5e10, true, null], "deep": {"a": {"b": {"c": {}}}}}"#,
    r#"{"x": "\ud83e\udd80 é \ud83e", "big": 123456789012345678901234567890}"#,
    r#"{"INVALID_JSON": "{\"city\": \"Par"}"#,
    "{}",
    "[1]",
];
