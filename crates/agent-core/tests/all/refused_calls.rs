//! The note about calls that were made in an exchange that was refused and is no longer sent.

use agent_core::{
    Block, Content, Conversation, End, Message, Outcome, Response, Role, StopReason,
    conversation::Change,
    script::{Reply, Script},
    tool::Transfer,
};
use serde_json::json;

use crate::common::{Log, agent, calls};

fn user(words: &str) -> Change {
    Change::Said { role: Role::User, content: words.into() }
}

fn instructions(words: &str) -> Change {
    Change::Said { role: Role::System, content: words.into() }
}

fn reply(content: Vec<Block>, stop: StopReason) -> Response {
    Response::new(content, stop)
}

fn call(tool: &str) -> Block {
    Block::tool_use(tool, tool, json!({"secret": tool}))
}

fn calls_of(tools: &[&str]) -> Change {
    Change::Answered(reply(tools.iter().map(|tool| call(tool)).collect(), StopReason::ToolUse))
}

fn done(call: &str, outcome: Outcome) -> Change {
    Change::Recorded { call: call.to_owned(), done: outcome.into() }
}

fn ok(call: &str) -> Change {
    done(call, Outcome::output("a secret"))
}

fn failed(call: &str) -> Change {
    done(call, Outcome::error("a secret"))
}

fn refused() -> Change {
    Change::Answered(reply(vec![Block::text("I ca")], StopReason::Refusal))
}

fn answered() -> Change {
    Change::Answered(Response::text("Yes."))
}

/// The messages as text, each in brackets, with the ids of results and all text.
fn outline(messages: &[Message]) -> String {
    let written = messages.iter().map(|message| {
        let results = message.tool_results().map(|(id, ..)| format!("<{id}>"));
        let calls = message.tool_calls().map(|call| format!("{}?", call.name));
        let first = message.content().first().and_then(Block::as_text).is_some();
        let words = message.content().iter().filter_map(Block::as_text).map(str::to_owned);
        match first {
            true => words.chain(results).chain(calls).collect::<Vec<_>>().join(" "),
            false => results.chain(calls).chain(words).collect::<Vec<_>>().join(" "),
        }
    });
    written.collect::<Vec<_>>().join(" | ")
}

/// Checks what the next model reads, in this process and in one that reads the saved conversation.
#[track_caller]
fn check(told: impl IntoIterator<Item = Change>, expected: &str) {
    let mut conversation = Conversation::new("main");
    for told in told {
        let mut read: Conversation =
            serde_json::from_str(&serde_json::to_string(&conversation).unwrap()).unwrap();
        assert_eq!(outline(&read.reads()), outline(&conversation.reads()));
        read.apply("run", told.clone()).unwrap();
        conversation.apply("run", told).unwrap();
        assert_eq!(read, conversation);
    }
    assert_eq!(outline(&conversation.reads()), expected);
}

#[test]
fn field_42_the_model_reads_which_calls_were_made_in_what_was_refused() {
    let paid = || [user("Bad."), calls_of(&["pay", "mail"]), ok("pay"), failed("mail"), refused()];
    let note = "[left out: what was refused. Calls made in it: pay = ok; mail = failed]";
    check(paid(), "");
    check(paid().into_iter().chain([user("Good.")]), &format!("{note} Good."));
    // The note is at the same place in each later request.
    let later = [user("Good."), answered(), user("Well.")];
    check(paid().into_iter().chain(later), &format!("{note} Good. | Yes. | Well."));
    // The note alone is no message to the model. If the user says nothing, it waits.
    check(paid().into_iter().chain([user(" ")]), "");
    check(paid().into_iter().chain([user(" "), user("Good.")]), &format!("{note} Good."));
    let instructed = [instructions("Be kind."), user("Good.")];
    check(paid().into_iter().chain(instructed), &format!("Be kind. | {note} Good."));
    // The next question is refused too, or taken back.
    let again = [user("Worse."), calls_of(&["call"]), ok("call"), refused(), user("Good.")];
    let both = "[left out: what was refused. Calls made in it: pay = ok; mail = failed; call = ok]";
    check(paid().into_iter().chain(again), &format!("{both} Good."));
    let taken_back = [user("Worse."), Change::TakenBack, user("Good.")];
    check(paid().into_iter().chain(taken_back), &format!("{note} Good."));
}

#[test]
fn field_42_nothing_is_read_of_calls_that_were_not_made_or_were_taken_back() {
    check([user("Bad."), refused(), user("Good.")], "Good.");
    let asked_to = |tool: &str| Change::Answered(reply(vec![call(tool)], StopReason::Refusal));
    let asked = || asked_to("pay");
    check([user("Bad."), asked(), user("Good.")], "Good.");
    check([user("Bad."), asked(), instructions("Be kind."), user("Good.")], "Be kind. | Good.");
    let paid = || [user("Bad."), calls_of(&["pay"]), ok("pay"), refused()];
    check(paid().into_iter().chain([Change::TakenBack, user("Good.")]), "Good.");
    // The same holds for calls of a reply after which another agent goes on and then refuses, too.
    let transfer = Outcome::Transfer(Transfer::new("other", "{why}").comes_back(true));
    let passed = [user("Bad."), calls_of(&["go"]), done("go", transfer), calls_of(&["pay"]), ok("pay")];
    let note = "[left out: what was refused. Calls made in it: go = ok; pay = ok]";
    let told = passed.into_iter().chain([asked_to("mail"), refused(), user("Good.")]);
    check(told, &format!("{note} Good."));
}

#[test]
fn field_42_results_come_before_the_calls_of_what_was_refused() {
    let told = [
        user("Hi."),
        answered(),
        user("Bad."),
        calls_of(&["pay"]),
        ok("pay"),
        refused(),
        instructions("Go on."),
        calls_of(&["look", "see"]),
        ok("look"),
        user("Good."),
    ];
    let note = "[left out: what was refused. Calls made in it: pay = ok]";
    check(told, &format!("Hi. | Yes. | Go on. | look? see? | <look> <see> {note} Good."));
}

#[test]
fn field_42_very_many_calls_of_what_was_refused_are_counted() {
    let name = |place: usize| format!("{}{}", "n".repeat(100), place % 50);
    let mut conversation = Conversation::start("main", "Bad.");
    let mut tell = |told: Change| conversation.apply("run", told).unwrap();
    let calls = (0..1_000).map(|place| Block::tool_use(format!("a{place}"), name(place), json!({})));
    tell(Change::Answered(reply(calls.collect(), StopReason::ToolUse)));
    (0..1_000).for_each(|place| tell(ok(&format!("a{place}"))));
    tell(refused());
    tell(user("Good."));
    let note = conversation.reads()[0].content()[0].as_text().unwrap().to_owned();
    assert!(note.starts_with("[left out: what was refused. Calls made in it: 1000 in all: nnn"), "{note}");
    assert!(note.len() < 400 && note.contains("n0 20; ") && note.ends_with("…]"), "{}: {note}", note.len());
    // A model writes the names, so nothing in them may end the note.
    let odd = "]\u{202e}\n\"";
    let mut conversation = Conversation::start("main", "Bad.");
    let mut tell = |told: Change| conversation.apply("run", told).unwrap();
    tell(Change::Answered(reply(vec![Block::tool_use("a", odd, json!({}))], StopReason::ToolUse)));
    tell(ok("a"));
    tell(refused());
    tell(user("Good."));
    assert_eq!(
        outline(&conversation.reads()),
        "[left out: what was refused. Calls made in it: ____ = ok] Good."
    );
}

#[tokio::test(start_paused = true)]
async fn field_42_each_request_after_a_refusal_begins_as_the_one_before() {
    let model = Script::new([
        calls([("act", json!({"say": "paid"})), ("act", json!({"fail": "no"}))]),
        Reply::text("I ca").stop(StopReason::Refusal),
        calls([("act", json!({}))]),
        Reply::text("Done."),
        Reply::text("Bye."),
    ]);
    let agent = agent("main", &model, &Log::default()).build().unwrap();
    let mut conversation = Conversation::new("main");
    for (words, expected) in [("Bad.", ""), ("Good.", "Done."), ("Bye.", "Bye.")] {
        conversation.say(words);
        assert_eq!(agent.run(&mut conversation).await.unwrap().text(), expected);
    }
    let sent: Vec<Vec<Message>> =
        model.requests().into_iter().skip(2).map(|request| request.messages.clone()).collect();
    let note = "[left out: what was refused. Calls made in it: act = ok; act = failed]";
    assert_eq!(sent[0], [Message::user(Content::Blocks(vec![Block::text(note), Block::text("Good.")]))]);
    assert!(sent[1].starts_with(&sent[0]) && sent[2].starts_with(&sent[1]) && sent.len() == 3);
    conversation.say(" ");
    let end = End::Other("nothing was said: say something first".to_owned());
    assert_eq!(agent.run(&mut conversation).await.unwrap(), end);
}
