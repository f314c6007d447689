//! Guards around a team on a journal: wherever its run was stopped, they do the same.

use std::sync::{Arc, Mutex};

use agent_core::{
    Agent, Conversation, End, Message, Role, Team,
    host::drive,
    script::{Reply, Script},
};
use agent_guards::{BoxError, Breaker, CallVerdict, Guards, Output, OutputVerdict, ProposedCall, Redact};
use agent_tools::{AgentTool, FnTool};
use serde_json::json;

use crate::common::Place;

/// A model that writes a mail, which a person approves, asks a clerk, and then repeats a failing
/// call.
fn model() -> Script {
    Script::by(|request| {
        let answers = request.messages.iter().filter(|message| message.role() == Role::Assistant).count();
        match (&*request.agent, answers) {
            ("main", 0) => Reply::call("mail", json!({"to": "[EMAIL_1]"})),
            ("main", 1) => {
                Reply::call("clerk", json!({"task": "File [EMAIL_1]."})).and_text("Now bob files.")
            }
            ("main", _) => Reply::call("mail", json!({"to": "nobody"})),
            _ => Reply::text(format!("bob has this: {}", request.last_text())),
        }
    })
}

async fn question(call: ProposedCall) -> Result<CallVerdict, BoxError> {
    let is_address = call.input.text().contains("ada@example.org");
    Ok(if call.tool == "mail" && is_address { CallVerdict::ask("Mail?") } else { CallVerdict::Allow })
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Mail {
    to: String,
}

/// A team, and its model.
fn team() -> (Team, Script) {
    let model = model();
    let mail = FnTool::new("mail", "Sends a mail.", |Mail { to }: Mail| match to.contains('@') {
        true => Ok(format!("sent to {to}")),
        false => Err(format!("no address: {to}")),
    });
    let main =
        Agent::builder("main", model.clone()).tool(mail.idempotent()).tool(AgentTool::new("clerk", "Files."));
    let clerk = Agent::builder("clerk", model.clone()).build().unwrap();
    let guards = Guards::new().call("mails", question).output("names", |output: Output| async move {
        Ok(OutputVerdict::replace(output.text.replace("bob", "a clerk")))
    });
    let team = Team::new([main.build().unwrap(), clerk]).unwrap();
    (Breaker::new().around(guards.around(Redact::new().around(team))), model)
}

/// Runs the session to its end; a person approves what waits.
async fn run(place: &Place, read: &Arc<Mutex<Vec<String>>>) -> (End, Conversation) {
    loop {
        let (team, model) = team();
        let mut conversation = Conversation::start("main", "I am ada@example.org.").with_id("s");
        let journal = place.open();
        let host = journal.host(team, &mut conversation).await.unwrap();
        let end = drive(&mut conversation, &host).await.unwrap();
        drop(host);
        let requests = model.requests();
        read.lock()
            .unwrap()
            .extend(requests.iter().flat_map(|request| request.messages.iter().map(Message::text)));
        match &end {
            End::Waiting(calls) => journal.approve(&calls[0].key).await.unwrap(),
            _ => return (end, conversation),
        };
    }
}

#[tokio::test]
async fn guards_do_the_same_on_a_journal_wherever_a_run_was_stopped() {
    let (place, read) = (Place::new(), Arc::default());
    let (end, conversation) = run(&place, &read).await;
    insta::assert_snapshot!(format!("{conversation}\n{end}"), @r#"
    user: I am ada@example.org.
      > call_0_0 mail {"to":"ada@example.org"}
      < call_0_0 = sent to ada@example.org
      > call_1_0 clerk {"task":"File ada@example.org."}
    main: Now a clerk files.
      < call_1_0 = a clerk has this: File ada@example.org.
      > call_2_0 mail {"to":"nobody"}
      < call_2_0 failed: no address: nobody
      > call_3_0 mail {"to":"nobody"}
      < call_3_0 failed: no address: nobody
      > call_4_0 mail {"to":"nobody"}
      < call_4_0 failed: no address: nobody
      > call_5_0 mail {"to":"nobody"}
      < call_5_0 failed: no address: nobody
    main: "mail" was called 4 times with the same input and failed with the same error: no address: nobody

    "mail" was called 4 times with the same input and failed with the same error: no address: nobody
    "#);
    let entries = place.open().entries("s").unwrap().len();
    for keep in 1..=entries {
        let copy = Place::new();
        std::fs::copy(&place.path, &copy.path).unwrap();
        copy.sql(&format!("DELETE FROM entries WHERE seq > {keep}"));
        assert_eq!(
            run(&copy, &read).await,
            (end.clone(), conversation.clone()),
            "stopped after entry {keep}"
        );
    }
    let read = read.lock().unwrap();
    assert!(read.iter().all(|text| !text.contains("ada@")), "{read:?}");
}
