//! Streams as servers write them.

use agent_core::{Delta, LlmError, Response, StopReason, model::LlmErrorKind};

use super::{Read, stream};
use crate::openai::{chat::ChatEvents, responses::ResponseEvents};

fn chat(events: &[&str]) -> Result<Response, LlmError> {
    Read::of::<ChatEvents>([stream(events).as_bytes()]).fold()
}

fn responses(events: &[&str]) -> Result<Response, LlmError> {
    Read::of::<ResponseEvents>([stream(events).as_bytes()]).fold()
}

/// The blocks of a reply, one a line.
fn blocks(reply: &Response) -> String {
    let blocks: Vec<&str> = reply.content.iter().map(|block| block.json().text()).collect();
    format!("{}\n{}", blocks.join("\n"), reply.stop_reason.as_str())
}

/// A chunk with this delta.
fn delta(delta: &str) -> String {
    format!(r#"{{"id":"c","model":"m","choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]}}"#)
}

fn finish(word: &str) -> String {
    format!(r#"{{"id":"c","model":"m","choices":[{{"index":0,"delta":{{}},"finish_reason":"{word}"}}]}}"#)
}

/// The blocks of a reply with these deltas, and why it ended.
fn check_chat(deltas: &[&str], word: &str, expected: &str) {
    let mut chunks: Vec<String> = deltas.iter().map(|text| delta(text)).collect();
    chunks.extend([finish(word), "[DONE]".to_owned()]);
    let chunks: Vec<&str> = chunks.iter().map(String::as_str).collect();
    let reply = chat(&chunks).unwrap();
    assert_eq!(blocks(&reply), expected, "{deltas:?}");
    // Whether the end is said, or is just there.
    assert_eq!(chat(&chunks[..chunks.len() - 1]).unwrap(), reply, "{deltas:?}");
}

const F: &str = r#"{"type":"tool_use","id":"a","name":"f","input":{"x":1}}"#;
const G: &str = r#"{"type":"tool_use","id":"b","name":"g","input":{"y":2}}"#;

#[test]
fn fault_10_calls_of_chat_completions_are_told_apart_however_they_are_numbered() {
    let both = &format!("{F}\n{G}\ntool_use");
    let piece = |index: &str, id: &str, name: &str, arguments: &str| {
        let function = format!(r#""function":{{{name}"arguments":"{arguments}"}}"#);
        format!(r#"{{"tool_calls":[{{{index}{id}"type":"function",{function}}}]}}"#)
    };
    let (zero, one, none) = (r#""index":0,"#, r#""index":1,"#, "");
    let (a, b) = (r#""id":"a","#, r#""id":"b","#);
    let (f, g) = (r#""name":"f","#, r#""name":"g","#);
    let (x, y) = ([r#"{\"x\""#, ":1}"], [r#"{\"y\""#, ":2}"]);
    let check = |pieces: &[String]| {
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        check_chat(&pieces, "tool_calls", both);
    };
    // As OpenAI writes them.
    check(&[
        piece(zero, a, f, ""),
        piece(zero, none, none, x[0]),
        piece(zero, none, none, x[1]),
        piece(one, b, g, ""),
        piece(one, none, none, y[0]),
        piece(one, none, none, y[1]),
    ]);
    // By turns.
    check(&[
        piece(zero, a, f, x[0]),
        piece(one, b, g, y[0]),
        piece(zero, none, none, x[1]),
        piece(one, none, none, y[1]),
    ]);
    // All under one index.
    check(&[
        piece(zero, a, f, x[0]),
        piece(zero, none, none, x[1]),
        piece(zero, b, g, y[0]),
        piece(zero, none, none, y[1]),
    ]);
    // Without an index, each piece with its id and name.
    check(&[
        piece(none, a, f, x[0]),
        piece(none, a, f, x[1]),
        piece(none, b, g, y[0]),
        piece(none, b, g, y[1]),
    ]);
    // Without an index, id and name only in the first piece.
    check(&[
        piece(none, a, f, x[0]),
        piece(none, none, none, x[1]),
        piece(none, b, g, y[0]),
        piece(none, none, none, y[1]),
    ]);
    // Id and name in each piece.
    check(&[
        piece(zero, a, f, x[0]),
        piece(zero, a, f, x[1]),
        piece(one, b, g, y[0]),
        piece(one, b, g, y[1]),
    ]);
    // The name later than the id.
    check(&[
        piece(zero, a, none, ""),
        piece(zero, none, f, x[0]),
        piece(zero, none, none, x[1]),
        piece(one, b, g, &y.concat()),
    ]);
    // Each whole.
    check(&[piece(one, a, f, &x.concat()), piece(none, b, g, &y.concat())]);
}

#[test]
fn fault_11_calls_with_one_id_stay_two() {
    let whole = r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}},{"index":1,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}]}"#;
    check_chat(&[whole], "tool_calls", &format!("{F}\n{F}\ntool_use"));
}

#[test]
fn fault_18_input_that_is_no_json_is_kept_and_the_next_call_is_read() {
    let calls = r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\""}},{"index":1,"id":"b","function":{"name":"g","arguments":"{\"y\":2}"}}]}"#;
    let broken = r#"{"type":"tool_use","id":"a","name":"f","input":{"INVALID_JSON":"{\"x\""}}"#;
    check_chat(&[calls], "tool_calls", &format!("{broken}\n{G}\ntool_use"));
}

#[test]
fn fault_20_a_call_without_arguments_has_the_empty_object() {
    let call = r#"{"type":"tool_use","id":"a","name":"f","input":{}}"#;
    for arguments in ["\"\"", "null", "\"null\"", "\" \""] {
        let piece = format!(
            r#"{{"tool_calls":[{{"index":0,"id":"a","function":{{"name":"f","arguments":{arguments}}}}}]}}"#
        );
        check_chat(&[&piece], "tool_calls", &format!("{call}\ntool_use"));
    }
    let item = r#"{"type":"function_call","call_id":"a","name":"f","arguments":""}"#;
    let added = format!(r#"{{"type":"response.output_item.added","output_index":0,"item":{item}}}"#);
    let done = format!(r#"{{"type":"response.output_item.done","output_index":0,"item":{item}}}"#);
    let reply = responses(&[&added, &done, COMPLETED]).unwrap();
    assert_eq!(blocks(&reply), format!("{call}\ntool_use"));
}

#[test]
fn thinking_text_and_calls_stand_in_the_order_they_came_in() {
    check_chat(
        &[
            r#"{"role":"assistant","content":""}"#,
            r#"{"reasoning_content":"Let me "}"#,
            r#"{"reasoning_content":"see.","content":null}"#,
            r#"{"content":"I "}"#,
            r#"{"content":"look."}"#,
            r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"},"extra_content":{"google":{"thought_signature":"c2ln"}}}]}"#,
            r#"{"reasoning_details":[{"type":"reasoning.text","index":0}]}"#,
            r#"{"reasoning_details":[{"type":"reasoning.text","index":1}]}"#,
        ],
        "stop",
        &[
            r#"{"signature":"openai:reasoning_content","thinking":"Let me see.","type":"thinking"}"#,
            r#"{"type":"text","text":"I look."}"#,
            F,
            r#"{"type":"openai:call","fields":{"extra_content":{"google":{"thought_signature":"c2ln"}}}}"#,
            r#"{"type":"openai:message","fields":{"reasoning_details":[{"type":"reasoning.text","index":0},{"type":"reasoning.text","index":1}]}}"#,
            "tool_use",
        ]
        .join("\n"),
    );
}

#[test]
fn fault_25_half_a_character_waits_for_the_other() {
    check_chat(
        &[r#"{"content":"a\ud83e"}"#, r#"{"content":"\udd80b"}"#],
        "stop",
        "{\"type\":\"text\",\"text\":\"a🦀b\"}\nend_turn",
    );
    check_chat(&[r#"{"content":"a\ud83e"}"#], "stop", "{\"type\":\"text\",\"text\":\"a\u{fffd}\"}\nend_turn");
}

#[test]
fn what_a_reply_cost_is_read_wherever_it_stands() {
    let usage =
        r#""usage":{"prompt_tokens":10,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":6}}"#;
    let text = delta(r#"{"content":"hi"}"#);
    let with_usage = |chunk: &str| format!("{},{usage}}}", &chunk[..chunk.len() - 1]);
    let last = format!(r#"{{"id":"c","model":"m","choices":[],{usage}}}"#);
    let (stop, hi) = (finish("stop"), text.as_str());
    for chunks in [
        vec![hi, &stop, &last, "[DONE]"],
        vec![hi, &stop, &last],
        vec![&with_usage(hi), &with_usage(&stop), "[DONE]"],
        vec![hi, &with_usage(&stop)],
        vec![&with_usage(hi), &stop],
    ] {
        let reply = chat(&chunks).unwrap();
        let usage = reply.usage;
        assert_eq!(
            (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens),
            (4, 6, 4),
            "{chunks:?}"
        );
        assert!(reply.extra["usage"].text().contains("cached_tokens"), "{chunks:?}");
    }
    assert_eq!(chat(&[hi, &stop]).unwrap().usage, agent_core::Usage::default());
}

#[test]
fn of_several_choices_the_first_is_read_and_empty_ones_are_passed_over() {
    let second = r#"{"choices":[{"index":1,"delta":{"content":"no"},"finish_reason":"stop"}]}"#;
    let azure = r#"{"id":"","model":"","choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#;
    let hi = delta(r#"{"content":"hi"}"#);
    let reply = chat(&[azure, second, &hi, second, &finish("length")]).unwrap();
    assert_eq!(blocks(&reply), "{\"type\":\"text\",\"text\":\"hi\"}\nmax_tokens");
    assert_eq!((reply.id.as_deref(), reply.model.as_deref()), (Some("c"), Some("m")));
}

#[test]
fn fault_27_a_reply_without_a_reason_to_end_broke_off() {
    let (hi, call) = (
        delta(r#"{"content":"hi"}"#),
        delta(r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}"#),
    );
    for chunks in [vec![], vec!["[DONE]"], vec![&*hi], vec![&*hi, "[DONE]"], vec![&*call, "[DONE]"]] {
        let error = chat(&chunks).unwrap_err();
        assert_eq!(error.kind, LlmErrorKind::Incomplete, "{chunks:?}");
        assert!(
            error.is_retryable() && error.message.starts_with("the stream ended before a finish_reason"),
            "{error}"
        );
    }
    for events in [vec![], vec![CREATED], vec![CREATED, TEXT, "[DONE]"]] {
        let error = responses(&events).unwrap_err();
        assert_eq!(error.kind, LlmErrorKind::Incomplete, "{events:?}");
    }
}

#[test]
fn fault_23_an_error_in_mid_stream_is_one_of_its_kind() {
    let hi = delta(r#"{"content":"hi"}"#);
    let check = |event: &str, kind: LlmErrorKind, message: &str| {
        for named in [format!("data: {event}\n\n"), format!("event: error\ndata: {event}\n\n")] {
            let chat = Read::of::<ChatEvents>([(stream(&[&hi]) + &named).as_bytes()]).fold();
            let responses =
                Read::of::<ResponseEvents>([(stream(&[CREATED, TEXT]) + &named).as_bytes()]).fold();
            for error in [chat.unwrap_err(), responses.unwrap_err()] {
                assert_eq!((error.kind, &*error.message), (kind, message), "{named}");
            }
        }
    };
    use LlmErrorKind::{NotFound, Overloaded, RateLimit, Server};
    check(r#"{"error":{"message":"Oh.","type":"server_error","code":null}}"#, Server, "Oh.");
    check(
        r#"{"error":{"message":"Slow down.","type":"tokens","code":"rate_limit_exceeded"}}"#,
        RateLimit,
        "Slow down.",
    );
    check(
        r#"{"type":"error","code":"server_error","message":"Oh.","param":null,"sequence_number":3}"#,
        Server,
        "Oh.",
    );
    check(r#"{"type":"error","error":{"type":"overloaded_error","message":"Full."}}"#, Overloaded, "Full.");
    check(
        r#"{"object":"error","message":"No such model.","type":"NotFoundError","code":404}"#,
        NotFound,
        "No such model.",
    );
    // With a reason to end, too.
    let error = r#"{"error":{"code":502,"message":"Provider disconnected"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}"#;
    assert_eq!(chat(&[&hi, error]).unwrap_err().message, "Provider disconnected");
    let failed = r#"{"type":"response.failed","response":{"status":"failed","output":[],"error":{"code":"rate_limit_exceeded","message":"Slow down."}}}"#;
    assert_eq!(responses(&[CREATED, TEXT, failed]).unwrap_err().kind, RateLimit);
}

#[test]
fn fault_28_events_and_items_that_nobody_knows_are_passed_over_or_kept() {
    let hi = delta(r#"{"content":"hi","glow":{"lumen":1}}"#);
    let unknown = [r#"{"type":"glow"}"#, "{}", "null", r#"{"id":"c","choices":[{"index":0}]}"#];
    let reply = chat(&[unknown[0], unknown[1], &hi, unknown[2], unknown[3], &finish("stop")]).unwrap();
    assert_eq!(
        blocks(&reply),
        "{\"type\":\"text\",\"text\":\"hi\"}\n{\"type\":\"openai:message\",\"fields\":{\"glow\":{\"lumen\":1}}}\nend_turn"
    );
    let item = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"holo_call", "z":1}}"#;
    let text = TEXT.replace("\"output_index\":0", "\"output_index\":1");
    let reply = responses(&[
        CREATED,
        r#"{"type":"response.glow.delta","delta":"x"}"#,
        r#"{"type":"glow"}"#,
        item,
        &text,
        COMPLETED,
    ]);
    assert_eq!(
        blocks(&reply.unwrap()),
        "{\"type\":\"openai:item\",\"item\":{\"type\":\"holo_call\", \"z\":1}}\n{\"type\":\"text\",\"text\":\"hi\"}\nend_turn"
    );
}

const CREATED: &str = r#"{"type":"response.created","response":{"id":"resp_1","model":"m","status":"in_progress","output":[]}}"#;
const TEXT: &str = r#"{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"hi"}"#;
const COMPLETED: &str = r#"{"type":"response.completed","response":{"id":"resp_1","model":"m","status":"completed","output":[],"usage":{"input_tokens":3,"output_tokens":1}}}"#;

/// A reply of the Responses API with all kinds of items, as it is streamed.
pub(super) const WHOLE: &[&str] = &[
    CREATED,
    r#"{"type":"response.in_progress","response":{"id":"resp_1","model":"m","status":"in_progress","output":[]}}"#,
    r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[]}}"#,
    r#"{"type":"response.reasoning_summary_part.added","item_id":"rs_1","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""}}"#,
    r#"{"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":0,"delta":"Fir"}"#,
    r#"{"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":0,"delta":"st."}"#,
    r#"{"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":1,"delta":"Then."}"#,
    r#"{"type":"response.output_item.done","output_index":0,"item":{"id":"rs_1","type":"reasoning","encrypted_content":"gAAA","summary":[{"type":"summary_text","text":"First."},{"type":"summary_text","text":"Then."}]}}"#,
    r#"{"type":"response.output_item.added","output_index":1,"item":{"id":"msg_1","type":"message","role":"assistant","content":[],"status":"in_progress","phase":"commentary"}}"#,
    r#"{"type":"response.content_part.added","item_id":"msg_1","output_index":1,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}"#,
    r#"{"type":"response.output_text.delta","item_id":"msg_1","output_index":1,"content_index":0,"delta":"Let me "}"#,
    r#"{"type":"response.output_text.delta","item_id":"msg_1","output_index":1,"content_index":0,"delta":"look."}"#,
    r#"{"type":"response.output_text.done","item_id":"msg_1","output_index":1,"content_index":0,"text":"Let me look."}"#,
    r#"{"type":"response.output_item.done","output_index":1,"item":{"id":"msg_1","type":"message","role":"assistant","status":"completed","phase":"commentary","content":[{"type":"output_text","text":"Let me look.","annotations":[{"type":"url_citation","url":"https://x"}]}]}}"#,
    r#"{"type":"response.output_item.added","output_index":2,"item":{"id":"ws_1","type":"web_search_call","status":"in_progress"}}"#,
    r#"{"type":"response.web_search_call.searching","item_id":"ws_1","output_index":2}"#,
    r#"{"type":"response.output_item.done","output_index":2,"item":{"id":"ws_1","type":"web_search_call","status":"completed"}}"#,
    r#"{"type":"response.output_item.added","output_index":3,"item":{"id":"fc_1","type":"function_call","call_id":"a","name":"f","arguments":""}}"#,
    r#"{"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":3,"delta":"{\"x\""}"#,
    r#"{"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":3,"delta":":1}"}"#,
    r#"{"type":"response.function_call_arguments.done","item_id":"fc_1","output_index":3,"arguments":"{\"x\":1}"}"#,
    r#"{"type":"response.output_item.done","output_index":3,"item":{"id":"fc_1","type":"function_call","call_id":"a","name":"f","arguments":"{\"x\":1}","status":"completed"}}"#,
    r#"{"type":"response.output_item.added","output_index":4,"item":{"id":"fc_2","type":"function_call","call_id":"b","name":"g","arguments":""}}"#,
    r#"{"type":"response.function_call_arguments.delta","item_id":"fc_2","output_index":4,"delta":"{\"y\":2}"}"#,
    r#"{"type":"response.output_item.done","output_index":4,"item":{"id":"fc_2","type":"function_call","call_id":"b","name":"g","arguments":"{\"y\":2}","status":"completed","namespace":"ns"}}"#,
    COMPLETED,
];

#[test]
fn fault_19_items_become_blocks_and_no_raw_piece_is_kept() {
    let reply = responses(WHOLE).unwrap();
    insta::assert_snapshot!(blocks(&reply), @r#"
    {"signature":"","thinking":"First.\n\nThen.","type":"thinking"}
    {"type":"openai:item","item":{"id":"rs_1","type":"reasoning","encrypted_content":"gAAA","summary":[{"type":"summary_text","text":"First."},{"type":"summary_text","text":"Then."}]}}
    {"type":"text","text":"Let me look."}
    {"annotations":[{"type":"url_citation","url":"https://x"}],"phase":"commentary","type":"openai:text"}
    {"type":"openai:item","item":{"id":"ws_1","type":"web_search_call","status":"completed"}}
    {"type":"tool_use","id":"a","name":"f","input":{"x":1}}
    {"type":"tool_use","id":"b","name":"g","input":{"y":2}}
    {"type":"openai:call","fields":{"namespace":"ns"}}
    tool_use
    "#);
    assert_eq!(reply.usage, agent_core::Usage::new(3, 1));
    // As the events that other servers leave out have no part in it.
    let few: Vec<&str> = WHOLE
        .iter()
        .copied()
        .filter(|event| !event.contains(".delta") && !event.contains(".added"))
        .collect();
    let short = responses(&few).unwrap();
    assert_eq!(blocks(&short), blocks(&reply));
}

#[test]
fn an_event_says_which_item_it_is_about_by_its_place_by_its_id_or_not_at_all() {
    let whole = blocks(&responses(WHOLE).unwrap());
    let without = |field: &str, from: &str| {
        let events: Vec<String> = WHOLE
            .iter()
            .map(|event| {
                let mut event: serde_json::Map<String, serde_json::Value> =
                    serde_json::from_str(event).unwrap();
                if !event["type"].as_str().unwrap().starts_with(from) {
                    event.remove(field);
                }
                serde_json::to_string(&event).unwrap()
            })
            .collect();
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        let reply = responses(&events).unwrap();
        reply.content.iter().map(|block| block.field("type").unwrap().text().to_owned()).collect::<Vec<_>>()
    };
    let kinds = |blocks: &str| {
        let blocks = blocks.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        blocks.map(|block| block["type"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(without("item_id", "-"), kinds(&whole));
    assert_eq!(without("output_index", "response.output_item"), kinds(&whole));
    assert_eq!(without("output_index", "-"), kinds(&whole));
}

#[test]
fn words_are_shown_as_they_come_and_each_call_begins_when_the_one_before_is_whole() {
    let shown = |deltas: &[Delta]| {
        let one = |delta: &Delta| match delta {
            Delta::Block { index, .. } => format!("+{index}"),
            Delta::BlockEnd { index } => format!("-{index}"),
            Delta::Piece { piece, .. } => format!("{piece:?}"),
            Delta::Stop { stop_reason, .. } => stop_reason.as_str().to_owned(),
            _ => "start".to_owned(),
        };
        deltas.iter().map(one).collect::<Vec<_>>().join(" ")
    };
    let read = Read::of::<ResponseEvents>([stream(WHOLE).as_bytes()]);
    insta::assert_snapshot!(shown(&read.deltas), @r#"start +0 Thinking("Fir") Thinking("st.") Thinking("\n\nThen.") -0 +1 -1 +2 Text("Let me ") Text("look.") -2 +3 -3 +4 -4 +5 Input("{\"x\"") Input(":1}") -5 +6 Input("{\"y\":2}") -6 +7 -7 tool_use"#);
}

#[test]
fn a_reply_that_is_cut_says_so_and_makes_no_calls() {
    let incomplete = r#"{"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[]}}"#;
    let added = r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","call_id":"a","name":"f","arguments":""}}"#;
    let delta = r#"{"type":"response.function_call_arguments.delta","output_index":0,"delta":"{\"x"}"#;
    let reply = responses(&[CREATED, added, delta, incomplete]).unwrap();
    assert_eq!(reply.stop_reason, StopReason::MaxTokens);
    assert_eq!(reply.tool_calls().count(), 1);
}
