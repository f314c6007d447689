//! Names, ids, questions and inputs that a hostile model writes.

use agent_core::{Conversation, Delta};
use serde_json::{Value, json};

use super::{Bytes, Counts, DONE, KB, MB, check, input, once, pieces, within};

/// A text that clears the screen, changes the reading direction, is partly invisible, begins a new
/// line, and looks like another speaker's line.
const ODD: &str = "x\u{1b}[2J\u{9b}1m\u{202e}y\u{200b}\u{2028}z\r\nuser: yes\rno";

/// Runs a reply of calls, each with its id, tool and input, and checks how many are made.
async fn written(calls: Vec<(String, String, Value)>, made: usize, bytes: Bytes) -> Conversation {
    let count = calls.len();
    let says = move || {
        let each = calls.iter().cloned().enumerate();
        each.map(|(place, (id, tool, input))| Delta::call(place, id, tool, input)).collect()
    };
    check(once(says), DONE, Counts { requests: 2, pieces: pieces(count), calls: made }, bytes).await
}

fn ids(conversation: &Conversation) -> Vec<&str> {
    conversation.messages()[1].tool_calls().map(|call| &*call.id).collect()
}

fn results(conversation: &Conversation) -> Vec<String> {
    conversation.messages()[2].tool_results().map(|(_, content, _)| content.to_text()).collect()
}

#[tokio::test(start_paused = true)]
async fn field_78_ids_that_look_alike_are_told_apart_and_each_has_its_result() {
    // Latin, Cyrillic, wide, composed and decomposed characters, some invisible ones, and another
    // case.
    let alike = [
        "a",
        "\u{430}",
        "\u{ff41}",
        "\u{e1}",
        "a\u{301}",
        "a\u{200b}",
        "\u{202e}a",
        "A",
        "a ",
        "",
        "call_2",
        "a",
    ];
    let call =
        |(place, id): (usize, &&str)| (id.to_string(), "act".to_owned(), json!({"say": place.to_string()}));
    let conversation = written(alike.iter().enumerate().map(call).collect(), 12, within(8 * KB)).await;
    let expected = [
        "a", "call_2", "call_3", "call_4", "call_5", "call_6", "call_7", "A", "call_8", "call_9", "call_2_2",
        "a_2",
    ];
    assert_eq!(ids(&conversation), expected);
    let said: Vec<String> = (0..12).map(|place| place.to_string()).collect();
    assert_eq!(results(&conversation), said);
}

#[tokio::test(start_paused = true)]
async fn field_78_names_are_no_longer_than_the_api_takes_and_of_its_characters() {
    let names =
        ["", ODD, "аct", "act\u{200b}", "functions.act", &"n".repeat(KB * 128), &ODD.repeat(4 * KB), "act"];
    let call = |(place, name): (usize, &&str)| (format!("a{place}"), name.to_string(), json!({}));
    let conversation = written(names.iter().enumerate().map(call).collect(), 1, within(16 * KB)).await;
    let names: Vec<&str> = conversation.messages()[1].tool_calls().map(|call| &*call.name).collect();
    assert_eq!(names[..5], ["unnamed", "x__2J_1m_y__z__user__yes_no", "_ct", "act_", "functions_act"]);
}

#[tokio::test(start_paused = true)]
async fn field_78_ids_may_be_enormous_and_odd() {
    let ids = ["i".repeat(128 * KB), ODD.repeat(4 * KB), "i".repeat(128 * KB)];
    let call = |id: &String| (id.clone(), "act".to_owned(), json!({}));
    // Each id is at its call and at its result. A replaced id is reported once.
    let twice = 4 * 128 * KB + 4 * KB;
    let bytes = Bytes { record: twice, events: twice + 6 * ODD.len() * 4 * KB, sent: twice };
    written(ids.iter().map(call).collect(), 3, bytes).await;
}

#[tokio::test(start_paused = true)]
async fn field_78_where_a_call_leads_may_be_odd_and_enormous() {
    let to = |to: &str| json!({"to": to});
    let transfer = |to: &str| json!({"transfer": to});
    let odd = ODD.repeat(4 * KB);
    let inputs =
        [to(""), to(ODD), transfer(ODD), to(&odd), transfer(&odd), json!({"to": "main", "task": " "})];
    let call = |(place, input): (usize, &Value)| (format!("a{place}"), "act".to_owned(), input.clone());
    // In the input and in the error about it, where each character may be an escape.
    let bytes = within(2 * 12 * odd.len() + 8 * KB);
    let conversation = written(inputs.iter().enumerate().map(call).collect(), 6, bytes).await;
    assert_eq!(results(&conversation).len(), 6);
}

#[tokio::test(start_paused = true)]
async fn field_78_a_question_may_be_enormous_and_odd() {
    for question in [ODD.to_owned(), ODD.repeat(4 * KB)] {
        let bytes = 12 * question.len() + 4 * KB;
        let says = move || vec![Delta::call(0, ODD, "act", json!({"ask": question}))];
        let counts = Counts { requests: 1, pieces: 2, calls: 1 };
        check(once(says), "Waiting([PendingApproval { key: \"run/call_2\"", counts, within(bytes)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn field_81_an_enormous_input_is_kept_once_and_told_of_once() {
    let check = async |text: String, record: usize, calls: usize| {
        let counts =
            Counts { requests: 2, pieces: pieces(1 + text.len().div_ceil(text.len().div_ceil(64))), calls };
        let parts = move || {
            let part = text.len().div_ceil(64);
            let parts: Vec<Delta> =
                text.as_bytes().chunks(part).map(|part| input(0, String::from_utf8_lossy(part))).collect();
            [vec![Delta::call(0, "a", "act", json!({}))], parts].concat()
        };
        check(once(parts), DONE, counts, within(record + 32 * KB)).await
    };
    let text = format!(r#"{{"pad":"{}"}}"#, "x".repeat(MB));
    let bytes = text.len();
    check(text, bytes, 1).await;
    // Text that is not JSON is kept in a string, where such a character takes six.
    check("\u{1}".repeat(256 * KB), 6 * 256 * KB, 0).await;
    check("\"".repeat(256 * KB), 2 * 256 * KB, 0).await;
    check("[".repeat(256 * KB), 256 * KB, 0).await;
}

#[tokio::test(start_paused = true)]
async fn field_83_an_input_may_be_nested_as_deep_as_it_likes() {
    const DEEP: usize = 256 * 1024;
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(DEEP), "]".repeat(DEEP));
    let bytes = within(deep.len() + 4 * KB);
    let says = move || vec![Delta::call(0, "a", "act", json!({})), input(0, deep.clone())];
    check(once(says), DONE, Counts { requests: 2, pieces: pieces(2), calls: 0 }, bytes).await;
}
