//! Conversations that are read back.

use agent_core::{
    Conversation, Delta, EventKind, Outcome,
    conversation::{Call, Change},
    model::Notice,
};
use insta::assert_snapshot;
use serde_json::{Value, json};

fn read(conversation: &Value) -> Result<Conversation, String> {
    serde_json::from_str(&conversation.to_string()).map_err(|error| error.to_string())
}

fn whole() -> Value {
    json!({
        "id": "run", "agent": "main",
        "messages": [
            {"role": "user", "content": "Go."},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "a", "name": "act", "input": {}},
                {"type": "tool_use", "id": "b", "name": "act", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": "1"},
                {"type": "tool_result", "tool_use_id": "b", "content": "2"},
            ]},
        ],
    })
}

#[test]
fn a_valid_conversation_is_read() {
    assert!(read(&whole()).is_ok());
}

/// Checks that JSON with old names is read like JSON with new names, and written with the new ones.
fn check_words<T>(old: Value, new: Value)
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let read = |json: &Value| serde_json::from_str::<T>(&json.to_string()).unwrap();
    assert_eq!(read(&old), read(&new), "{old}");
    assert_eq!(serde_json::to_value(read(&old)).unwrap(), serde_json::to_value(read(&new)).unwrap());
}

#[test]
fn what_was_saved_before_names_changed_is_read_whole() {
    let with = |name: &str, value: Value| {
        let mut saved = whole();
        saved[name] = value;
        saved
    };
    let transfers = json!([{"from": "a", "to": "main", "at": 1, "call": null, "why": null}]);
    let old = with("passages", transfers.clone());
    assert_eq!(read(&old).unwrap().transfer_records().len(), 1);
    check_words::<Conversation>(old, with("transfer_records", transfers));
    let old = with("promised", json!({"longest_result": 7}));
    assert_eq!(read(&old).unwrap().delegation_limits().max_result_bytes, Some(7));
    check_words::<Conversation>(old, with("delegation_limits", json!({"max_result_bytes": 7})));
    let omission = json!([{"from": 0, "to": 1, "why": "refused"}]);
    let old = with("left_out", omission.clone());
    assert_eq!(read(&old).unwrap().omissions().len(), 1);
    check_words::<Conversation>(old, with("omissions", omission));
    check_words::<Change>(json!({"Allowed": {"call": "a"}}), json!({"Approved": {"call": "a"}}));
    let call = |word: &str| json!({"conversation": "c", "depth": 0, "agent": "a", "call": {"id": "i", "name": "n", "input": {}}, word: true});
    check_words::<Call>(call("allowed"), call("approved"));
    let delegate = |word: &str, most: &str| json!({"Delegate": {"to": "b", "task": "Go.", word: {most: 7}}});
    check_words::<Outcome>(delegate("promised", "longest_result"), delegate("limits", "max_result_bytes"));
    let kind = |kind: &str, value: Value| json!({"kind": kind, "value": value});
    let reply = json!({"content": [], "stop_reason": "end_turn"});
    check_words::<Delta>(kind("whole", reply.clone()), kind("complete", reply));
    let parts = json!({"parts": ["x"]});
    check_words::<Notice>(kind("left_out", parts.clone()), kind("omitted", parts));
    let late = json!({"id": "a", "tool": "t", "by_ms": 60.0});
    check_words::<EventKind>(kind("started_late", late.clone()), kind("call_could_start_earlier", late));
    let call = json!({"id": "a", "tool": "t"});
    check_words::<EventKind>(kind("call_not_recorded", call.clone()), kind("call_discarded", call));
}

#[test]
fn field_57_null_in_a_saved_conversation_is_absent() {
    let plain = whole();
    let mut nulls = whole();
    for field in [
        "depth",
        "slots",
        "stop",
        "stop_details",
        "container",
        "replied",
        "usage",
        "turns",
        "transfers",
        "said_at",
        "transfer_records",
        "returns",
    ] {
        nulls[field] = Value::Null;
    }
    for result in nulls["messages"][2]["content"].as_array_mut().unwrap() {
        result["is_error"] = Value::Null;
    }
    nulls["messages"][1]["content"][0]["input"] = Value::Null;
    assert_eq!(read(&nulls), read(&plain));
}

#[test]
fn a_conversation_that_the_api_would_refuse_is_refused_here() {
    let check = |change: fn(&mut Value)| {
        let mut conversation = whole();
        change(&mut conversation);
        read(&conversation).unwrap_err()
    };
    let missing = check(|conversation| {
        conversation["messages"][2]["content"].as_array_mut().unwrap().pop();
    });
    assert_snapshot!(missing, @r#"not a valid conversation: message 2 must begin with the results of the calls ["a", "b"], but begins with those of ["a"]"#);
    let swapped =
        check(|conversation| conversation["messages"][2]["content"].as_array_mut().unwrap().reverse());
    assert_snapshot!(swapped, @r#"not a valid conversation: message 2 must begin with the results of the calls ["a", "b"], but begins with those of ["b", "a"]"#);
    let open = check(|conversation| {
        conversation["messages"].as_array_mut().unwrap().pop();
    });
    assert_snapshot!(open, @r#"not a valid conversation: its open calls are [], but the messages leave open ["a", "b"]"#);
    let unstopped = check(|conversation| {
        conversation["messages"]
            .as_array_mut()
            .unwrap()
            .push(json!({"role": "assistant", "content": "Done."}));
    });
    let paused = check(|conversation| {
        conversation["messages"].as_array_mut().unwrap().pop();
        let slot = |id: &str| json!({"call": {"id": id, "name": "f", "input": {}}, "state": "Open"});
        conversation["slots"] = json!([slot("a"), slot("b")]);
        conversation["stop"] = json!("pause_turn");
    });
    assert_snapshot!(paused, @r#"not a valid conversation: its last reply goes on, but call "a" is open"#);
    let twice = check(|conversation| {
        let again: Vec<Value> = conversation["messages"].as_array().unwrap()[1..].to_vec();
        conversation["messages"].as_array_mut().unwrap().extend(again);
    });
    assert_snapshot!(twice, @r#"not a valid conversation: message 3 repeats the call id "a""#);
    let late = check(|conversation| {
        let text = json!({"type": "text", "text": "hm"});
        conversation["messages"][2]["content"].as_array_mut().unwrap().insert(0, text);
    });
    assert_snapshot!(late, @r#"not a valid conversation: message 2 must begin with the results of the calls ["a", "b"], but begins with those of []"#);
    let answered_first = check(|conversation| {
        conversation["messages"].as_array_mut().unwrap().remove(0);
    });
    assert_snapshot!(answered_first, @"not a valid conversation: message 0 is a reply, but the user speaks first");
    assert_snapshot!(unstopped, @"not a valid conversation: its last message is a reply, but it has no stop reason");
}
