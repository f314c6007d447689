//! Calls that go on in the background.

#![allow(clippy::unwrap_used)]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use agent_core::{
    Agent, Block, BuildError, Cancel, Context, Conversation, End, Event, EventKind, Json, Outcome, RunError,
    Team, Tool, ToolSpec,
    host::Mode,
    script::{Reply, Script},
};
use agent_tools::{AgentTool, Answer, Detached, FnTool, NeedsApproval, PlanTool, detached_tools};
use insta::assert_snapshot;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

#[derive(Deserialize, JsonSchema)]
struct Look {
    /// What to say after `s` seconds.
    say: String,
    #[serde(default)]
    s: u64,
    #[serde(default)]
    fail: bool,
}

async fn look(Look { say, s, fail }: Look) -> Result<String, String> {
    tokio::time::sleep(Duration::from_secs(s)).await;
    if fail { Err(say) } else { Ok(say) }
}

fn tool(name: &str) -> FnTool {
    FnTool::new(name, "Says it after a while.", look)
}

fn clerk(replies: impl IntoIterator<Item = Reply>) -> Agent {
    Agent::builder("clerk", Script::new(replies))
        .tool(tool("look"))
        .tool(Detached::new(tool("research")))
        .tool(Detached::after(Duration::from_secs(5), tool("maybe")))
        .tool(Detached::new(NeedsApproval::new(tool("pay"))))
        .tool(FnTool::new("finish", "Ends the run.", |Look { say, .. }: Look| Answer(say)))
        .tool(Detached::after(Duration::from_secs(5), answer_tool()))
        .tool(PlanTool::new())
        .tools(detached_tools())
        .build()
        .unwrap()
}

fn answer_tool() -> FnTool {
    FnTool::new("answer", "Ends the run.", |look_at: Look| async move { look(look_at).await.map(Answer) })
}

fn say(what: &str, s: u64) -> Value {
    json!({"say": what, "s": s})
}

/// The times of requests and of results, in seconds since the start.
#[derive(Clone, Default)]
struct Times(Arc<Mutex<Vec<String>>>);

impl Times {
    fn hear(&self, event: &Event) {
        let what = match &event.kind {
            EventKind::TurnStarted { .. } => "asked".to_owned(),
            EventKind::CallDetached { id, .. } => format!("{id} detached"),
            EventKind::CallEnded { id, .. } if event.depth == 0 => format!("{id} ended"),
            EventKind::Ended(_) if event.depth == 0 => "over".to_owned(),
            _ => return,
        };
        self.0.lock().unwrap().push(format!("{:?} {what}", event.at));
    }
}

/// The transcript of a run, and when what happened.
async fn check(replies: impl IntoIterator<Item = Reply>) -> String {
    check_team(&Team::new([clerk(replies)]).unwrap()).await
}

async fn check_team(team: &Team) -> String {
    let times = Times::default();
    let (mut conversation, heard) = (Conversation::start("clerk", "Go."), times.clone());
    let end = team.run(&mut conversation).listen(move |event| heard.hear(event)).await.unwrap();
    let times = times.0.lock().unwrap().join("\n");
    let json = serde_json::to_string(&conversation).unwrap();
    let read: Conversation = serde_json::from_str(&json).unwrap();
    assert_eq!(read, conversation);
    for (message, read) in conversation.messages().iter().zip(read.messages()) {
        let is_told = message.text().starts_with("[The background call");
        assert_eq!((message.is_background_result(), read.is_background_result()), (is_told, is_told));
    }
    format!("{conversation}-> {end}\n\n{times}")
}

#[tokio::test(start_paused = true)]
async fn a_detached_call_is_answered_at_once_and_told_when_it_has_ended() {
    let replies = [
        Reply::call("research", say("It rains.", 10)).after(Duration::from_secs(1)),
        Reply::text("I am looking.").after(Duration::from_secs(1)),
        Reply::text("It rains, I found.").after(Duration::from_secs(1)),
    ];
    assert_snapshot!(check(replies).await, @r#"
    user: Go.
      > call_0_0 research {"s":10,"say":"It rains."}
      < call_0_0 = This call of research goes on in the background, as "call_0_0". You will be told its result in a message of its own. You can do other work meanwhile.
    clerk: I am looking.
    user: [The background call "call_0_0" of research has ended. Its result:]
      | It rains.
    clerk: It rains, I found.
    -> It rains, I found.

    0ns asked
    1s call_0_0 detached
    1s asked
    11s call_0_0 ended
    11s asked
    12s over
    "#);
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_while_the_model_is_asked_and_other_calls_run() {
    let replies = [
        Reply::call("research", say("It rains.", 10)),
        Reply::call("look", say("A cloud.", 4)).after(Duration::from_secs(7)),
        Reply::text("It rains out of a cloud.").after(Duration::from_secs(1)),
    ];
    assert_snapshot!(check(replies).await, @r#"
    user: Go.
      > call_0_0 research {"s":10,"say":"It rains."}
      < call_0_0 = This call of research goes on in the background, as "call_0_0". You will be told its result in a message of its own. You can do other work meanwhile.
      > call_1_0 look {"s":4,"say":"A cloud."}
      < call_1_0 = A cloud.
    user: [The background call "call_0_0" of research has ended. Its result:]
      | It rains.
    clerk: It rains out of a cloud.
    -> It rains out of a cloud.

    0ns asked
    0ns call_0_0 detached
    0ns asked
    10s call_0_0 ended
    11s call_1_0 ended
    11s asked
    12s over
    "#);
}

#[tokio::test(start_paused = true)]
async fn what_ends_while_the_model_answers_is_told_before_the_run_ends() {
    let replies = [
        Reply::call("research", say("It rains.", 3))
            .and_call("research", json!({"say": "no", "s": 4, "fail": true})),
        Reply::text("I am looking.").after(Duration::from_secs(10)),
        Reply::text("It rains.").after(Duration::from_secs(1)),
    ];
    assert_snapshot!(check(replies).await, @r#"
    user: Go.
      > call_0_0 research {"s":3,"say":"It rains."}
      > call_0_1 research {"fail":true,"s":4,"say":"no"}
      < call_0_0 = This call of research goes on in the background, as "call_0_0". You will be told its result in a message of its own. You can do other work meanwhile.
      < call_0_1 = This call of research goes on in the background, as "call_0_1". You will be told its result in a message of its own. You can do other work meanwhile.
    clerk: I am looking.
    user: [The background call "call_0_0" of research has ended. Its result:]
      | It rains.
    user: [The background call "call_0_1" of research has failed:]
      | no
    clerk: It rains.
    -> It rains.

    0ns asked
    0ns call_0_0 detached
    0ns call_0_1 detached
    0ns asked
    10s call_0_0 ended
    10s call_0_1 ended
    10s asked
    11s over
    "#);
}

#[tokio::test(start_paused = true)]
async fn an_answer_ends_the_run_unless_its_call_was_detached() {
    let quick = check([Reply::call("answer", say("quick", 4))]).await;
    assert!(quick.contains("-> quick\n"), "{quick}");

    let slow = [
        Reply::call("answer", say("slow", 20)),
        Reply::text("I wait.").after(Duration::from_secs(1)),
        Reply::text("It says: slow.").after(Duration::from_secs(1)),
    ];
    let slow = check(slow).await;
    assert!(slow.contains("of answer has ended. Its result:]\n  | slow\nclerk: It says: slow.\n"), "{slow}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_becomes_detached_and_another_does_not() {
    let replies = [
        Reply::call("maybe", say("slow", 20)).and_call("maybe", say("quick", 4)),
        Reply::text("One is slow.").after(Duration::from_secs(1)),
        Reply::text("Both are there.").after(Duration::from_secs(1)),
    ];
    assert_snapshot!(check(replies).await, @r#"
    user: Go.
      > call_0_0 maybe {"s":20,"say":"slow"}
      > call_0_1 maybe {"s":4,"say":"quick"}
      < call_0_0 = This call of maybe goes on in the background, as "call_0_0". You will be told its result in a message of its own. You can do other work meanwhile.
      < call_0_1 = quick
    clerk: One is slow.
    user: [The background call "call_0_0" of maybe has ended. Its result:]
      | slow
    clerk: Both are there.
    -> Both are there.

    0ns asked
    4s call_0_1 ended
    5s call_0_0 detached
    5s asked
    20s call_0_0 ended
    20s asked
    21s over
    "#);
}

#[tokio::test(start_paused = true)]
async fn the_model_can_look_wait_and_stop() {
    let replies = [
        Reply::call("research", say("one", 10)).and_call("research", say("two", 1_000)),
        Reply::call("check_background_calls", json!({})),
        Reply::call("wait_for_background_calls", json!({"seconds": -1})),
        Reply::call("wait_for_background_calls", json!({"calls": ["call_0_1"], "seconds": 3})),
        Reply::call("wait_for_background_calls", json!({})),
        Reply::call("stop_background_calls", json!({"calls": ["call_0_1"]})),
        Reply::text("Stopping.").after(Duration::from_secs(1)),
        Reply::call("wait_for_background_calls", json!({"calls": ["call_0_1"]})),
        Reply::text("Done.").after(Duration::from_secs(1)),
    ];
    assert_snapshot!(check(replies).await, @r#"
    user: Go.
      > call_0_0 research {"s":10,"say":"one"}
      > call_0_1 research {"s":1000,"say":"two"}
      < call_0_0 = This call of research goes on in the background, as "call_0_0". You will be told its result in a message of its own. You can do other work meanwhile.
      < call_0_1 = This call of research goes on in the background, as "call_0_1". You will be told its result in a message of its own. You can do other work meanwhile.
      > call_1_0 check_background_calls {}
      < call_1_0 = call_0_0 research {"s":10,"say":"one"}: goes on
      | call_0_1 research {"s":1000,"say":"two"}: goes on
      > call_2_0 wait_for_background_calls {"seconds":-1}
      < call_2_0 failed: invalid input: "seconds" must not be negative
      > call_3_0 wait_for_background_calls {"calls":["call_0_1"],"seconds":3}
      < call_3_0 = None of them has ended in this time.
      > call_4_0 wait_for_background_calls {}
      < call_4_0 = Over: call_0_0. You are told how after this.
    user: [The background call "call_0_0" of research has ended. Its result:]
      | one
      > call_5_0 stop_background_calls {"calls":["call_0_1"]}
      < call_5_0 = Being stopped: call_0_1. You will be told how they ended.
    clerk: Stopping.
    user: [The background call "call_0_1" of research has failed:]
      | cancelled
      > call_7_0 wait_for_background_calls {"calls":["call_0_1"]}
      < call_7_0 failed: no background call goes on
    clerk: Done.
    -> Done.

    0ns asked
    0ns call_0_0 detached
    0ns call_0_1 detached
    0ns asked
    0ns call_1_0 ended
    0ns asked
    0ns call_2_0 ended
    0ns asked
    3s call_3_0 ended
    3s asked
    10s call_4_0 ended
    10s call_0_0 ended
    10s asked
    10s call_5_0 ended
    10s asked
    11s call_0_1 ended
    11s asked
    11s call_7_0 ended
    11s asked
    12s over
    "#);
}

#[tokio::test(start_paused = true)]
async fn specialists_work_in_the_background_and_each_answer_is_read_as_it_comes() {
    let specialist = |name: &str, seconds: u64| {
        let reply = Reply::text(format!("{name} is done.")).after(Duration::from_secs(seconds));
        Agent::builder(name, Script::new([reply])).build().unwrap()
    };
    let task = || json!({"task": "Look."});
    let clerk = Agent::builder(
        "clerk",
        Script::new([
            Reply::call("ada", task()).and_call("bob", task()),
            Reply::text("They work."),
            Reply::text("Ada is done."),
            Reply::text("Both are done."),
        ]),
    )
    .tool(Detached::new(AgentTool::new("ada", "Looks.")))
    .tool(Detached::new(AgentTool::new("bob", "Looks.")))
    .build()
    .unwrap();
    let team = Team::new([clerk, specialist("ada", 6), specialist("bob", 9)]).unwrap();
    assert_snapshot!(check_team(&team).await, @r#"
    user: Go.
      > call_0_0 ada {"task":"Look."}
      > call_0_1 bob {"task":"Look."}
      < call_0_0 = This call of ada goes on in the background, as "call_0_0". You will be told its result in a message of its own. You can do other work meanwhile.
      < call_0_1 = This call of bob goes on in the background, as "call_0_1". You will be told its result in a message of its own. You can do other work meanwhile.
    clerk: They work.
    user: [The background call "call_0_0" of ada has ended. Its result:]
      | ada is done.
    clerk: Ada is done.
    user: [The background call "call_0_1" of bob has ended. Its result:]
      | bob is done.
    clerk: Both are done.
    -> Both are done.

    0ns asked
    0ns call_0_0 detached
    0ns call_0_1 detached
    0ns asked
    0ns asked
    0ns asked
    6s call_0_0 ended
    6s asked
    9s call_0_1 ended
    9s asked
    9s over
    "#);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_ends_the_run_waits_for_what_goes_on() {
    let replies = [
        Reply::call("research", say("It rains.", 10)).and_call("finish", say("Too early.", 0)),
        Reply::call("finish", say("It rains.", 0)),
    ];
    assert_snapshot!(check(replies).await, @r#"
    user: Go.
      > call_0_0 research {"s":10,"say":"It rains."}
      > call_0_1 finish {"s":0,"say":"Too early."}
      < call_0_0 = This call of research goes on in the background, as "call_0_0". You will be told its result in a message of its own. You can do other work meanwhile.
      < call_0_1 = Too early.
    -- the result of call_0_1 is the answer
    user: [The background call "call_0_0" of research has ended. Its result:]
      | It rains.
      > call_1_0 finish {"s":0,"say":"It rains."}
      < call_1_0 = It rains.
    -- the result of call_1_0 is the answer
    -> It rains.

    0ns asked
    0ns call_0_0 detached
    0ns call_0_1 ended
    10s call_0_0 ended
    10s asked
    10s call_1_0 ended
    10s over
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_detached_call_waits_for_a_person_when_nothing_else_is_to_be_done() {
    let replies = [
        Reply::call("pay", say("paid", 1)).and_call("research", say("It rains.", 3)),
        Reply::text("It waits.").after(Duration::from_secs(1)),
        Reply::text("It rains.").after(Duration::from_secs(1)),
        Reply::text("It is paid."),
    ];
    let agent = clerk(replies);
    let mut conversation = agent.start("Go.");
    let End::Waiting(calls) = agent.run(&mut conversation).await.unwrap() else { panic!("it waits") };
    assert_eq!(calls[0].key, "run/call_0_0/call_0_0");
    assert_eq!(conversation.waiting(), calls);
    let mut denied = conversation.clone();
    conversation.approve(&calls[0].key).unwrap();
    assert_eq!(agent.run(&mut conversation).await.unwrap().text(), "It is paid.");
    assert_snapshot!(conversation, @r#"
    user: Go.
      > call_0_0 pay {"s":1,"say":"paid"}
      > call_0_1 research {"s":3,"say":"It rains."}
      < call_0_0 = This call of pay goes on in the background, as "call_0_0". You will be told its result in a message of its own. You can do other work meanwhile.
      < call_0_1 = This call of research goes on in the background, as "call_0_1". You will be told its result in a message of its own. You can do other work meanwhile.
    clerk: It waits.
    user: [The background call "call_0_1" of research has ended. Its result:]
      | It rains.
    clerk: It rains.
    user: [The background call "call_0_0" of pay has ended. Its result:]
      | paid
    clerk: It is paid.
    "#);
    denied.deny(&calls[0].key, "too much").unwrap();
    let agent = clerk([Reply::text("It is not paid.")]);
    assert_eq!(agent.run(&mut denied).await.unwrap().text(), "It is not paid.");
    assert_snapshot!(denied.messages().iter().rev().nth(1).unwrap().text(), @r#"
    [The background call "call_0_0" of pay has failed:]
    denied: too much
    "#);
}

/// Runs the clerk with these replies, and approves the call with this key at the second `at`. Returns
/// what was said, with the seconds after which the parts of it came.
async fn approved(replies: impl IntoIterator<Item = Reply>, at: u64, key: &str) -> String {
    let agent = clerk(replies);
    let (mut conversation, began) = (agent.start("Go."), Instant::now());
    let run = agent.run(&mut conversation);
    let decisions = run.decisions();
    let (end, ()) = tokio::join!(run, async {
        tokio::time::sleep(Duration::from_secs(at)).await;
        decisions.approve(key).unwrap();
    });
    format!("{conversation}-> {} after {} s", end.unwrap(), began.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn a_background_call_that_a_person_approves_goes_on_while_the_run_does() {
    let key = "run/call_0_0/call_0_0";
    // While another background call runs, and the agent has answered.
    let replies = [
        Reply::call("pay", say("paid", 1)).and_call("research", say("It rains.", 600)),
        Reply::text("It waits."),
        Reply::text("It is paid."),
        Reply::text("It rains."),
    ];
    assert_snapshot!(approved(replies, 10, key).await, @r#"
    user: Go.
      > call_0_0 pay {"s":1,"say":"paid"}
      > call_0_1 research {"s":600,"say":"It rains."}
      < call_0_0 = This call of pay goes on in the background, as "call_0_0". You will be told its result in a message of its own. You can do other work meanwhile.
      < call_0_1 = This call of research goes on in the background, as "call_0_1". You will be told its result in a message of its own. You can do other work meanwhile.
    clerk: It waits.
    user: [The background call "call_0_0" of pay has ended. Its result:]
      | paid
    clerk: It is paid.
    user: [The background call "call_0_1" of research has ended. Its result:]
      | It rains.
    clerk: It rains.
    -> It rains. after 600 s
    "#);
    // While an ordinary call of the next reply runs.
    let replies =
        [Reply::call("pay", say("paid", 1)), Reply::call("look", say("looked", 600)), Reply::text("Both.")];
    assert_snapshot!(approved(replies, 10, key).await, @r#"
    user: Go.
      > call_0_0 pay {"s":1,"say":"paid"}
      < call_0_0 = This call of pay goes on in the background, as "call_0_0". You will be told its result in a message of its own. You can do other work meanwhile.
      > call_1_0 look {"s":600,"say":"looked"}
      < call_1_0 = looked
    user: [The background call "call_0_0" of pay has ended. Its result:]
      | paid
    clerk: Both.
    -> Both. after 600 s
    "#);
    // While the model writes.
    let replies = [
        Reply::call("pay", say("paid", 1)),
        Reply::text("Well.").after(Duration::from_secs(60)),
        Reply::text("It is paid."),
    ];
    assert_snapshot!(approved(replies, 10, key).await, @r#"
    user: Go.
      > call_0_0 pay {"s":1,"say":"paid"}
      < call_0_0 = This call of pay goes on in the background, as "call_0_0". You will be told its result in a message of its own. You can do other work meanwhile.
    clerk: Well.
    user: [The background call "call_0_0" of pay has ended. Its result:]
      | paid
    clerk: It is paid.
    -> It is paid. after 61 s
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_for_a_background_call_makes_an_ordinary_one_that_was_approved() {
    for why in [None, Some("no")] {
        let model = Script::new([
            Reply::call("research", say("It rains.", 600)).and_call("pay", say("paid", 1)),
            Reply::text("It is paid."),
            Reply::text("It rains."),
        ]);
        let agent = Agent::builder("clerk", model)
            .tool(Detached::new(tool("research")))
            .tool(NeedsApproval::new(tool("pay")))
            .build()
            .unwrap();
        let (mut conversation, began) = (agent.start("Go."), Instant::now());
        let run = agent.run(&mut conversation);
        let (decisions, paid) = (run.decisions(), Arc::new(Mutex::new(0)));
        let told = paid.clone();
        let run = run.listen(move |event| {
            if matches!(&event.kind, EventKind::CallEnded { id, .. } if *id == "call_0_1") {
                *told.lock().unwrap() = event.at.as_secs();
            }
        });
        let (end, ()) = tokio::join!(run, async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            match why {
                None => decisions.approve("run/call_0_1").unwrap(),
                Some(why) => decisions.deny("run/call_0_1", why).unwrap(),
            }
        });
        assert_eq!((end.unwrap().text(), began.elapsed().as_secs()), ("It rains.", 600));
        assert_eq!(*paid.lock().unwrap(), if why.is_some() { 10 } else { 11 });
        assert!(conversation.to_string().contains("clerk: It is paid.\nuser: [The background call"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_dropped_is_continued_and_what_had_ended_is_told_once() {
    for seconds in 1..14 {
        let agent = clerk([
            Reply::call("research", say("one", 2)).and_call("research", say("two", 8)),
            Reply::text("Wait.").after(Duration::from_secs(5)),
            Reply::text("One.").after(Duration::from_secs(1)),
            Reply::text("Both.").after(Duration::from_secs(1)),
        ]);
        let mut conversation = agent.start("Go.");
        drop(tokio::time::timeout(Duration::from_secs(seconds), agent.run(&mut conversation)).await);
        let rest = clerk((0..8).map(|_| Reply::text("…")));
        assert!(matches!(rest.run(&mut conversation).await.unwrap(), End::Answered(_)));
        let told = |word: &str| {
            conversation.messages().iter().filter(|message| message.text().ends_with(word)).count()
        };
        assert_eq!((told("\none"), told("\ntwo")), (1, 1), "{seconds}: {conversation}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_left_goes_on_in_the_next_run() {
    let replies = [
        Reply::call("research", say("It rains.", 10)),
        Reply::text("I am looking."),
        Reply::text("Still looking.").after(Duration::from_secs(12)),
        Reply::text("It rains."),
    ];
    let team = Team::new([clerk(replies)]).unwrap().leave_detached(true);
    let mut conversation = Conversation::start("clerk", "Go.");
    assert_eq!(team.run(&mut conversation).await.unwrap().text(), "I am looking.");
    assert_eq!(conversation.detached_calls().count(), 1);
    conversation.say("And?");
    assert_eq!(team.run(&mut conversation).await.unwrap().text(), "It rains.");
    assert_snapshot!(conversation, @r#"
    user: Go.
      > call_0_0 research {"s":10,"say":"It rains."}
      < call_0_0 = This call of research goes on in the background, as "call_0_0". You will be told its result in a message of its own. You can do other work meanwhile.
    clerk: I am looking.
    user: And?
    clerk: Still looking.
    user: [The background call "call_0_0" of research has ended. Its result:]
      | It rains.
    clerk: It rains.
    "#);
}

/// A call that may have effects, and can't be made again, is not broken off by the end of a run.
#[tokio::test(start_paused = true)]
async fn a_run_that_leaves_calls_waits_for_those_that_can_t_be_made_again() {
    let replies = || {
        [
            Reply::call("research", say("It rains.", 10)),
            Reply::text("I am looking.").after(Duration::from_secs(1)),
        ]
    };
    let team = |agent: Agent| Team::new([agent]).unwrap().leave_detached(true);
    let research = Detached::new(tool("research").idempotent());
    let repeatable = Agent::builder("clerk", Script::new(replies())).tool(research).build().unwrap();
    for (agent, seconds) in [(clerk(replies()), 10), (repeatable, 1)] {
        let (mut conversation, began) = (agent.start("Go."), Instant::now());
        assert_eq!(team(agent).run(&mut conversation).await.unwrap().text(), "I am looking.");
        assert_eq!(began.elapsed(), Duration::from_secs(seconds));
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_leaves_calls_asks_a_person_at_once() {
    let model = Script::new([
        Reply::call("research", say("It rains.", 10)).and_call("pay", say("paid", 1)),
        Reply::text("Paid. I am looking."),
        Reply::text("Paid, and it rains."),
    ]);
    let agent = Agent::builder("clerk", model)
        .tool(Detached::new(tool("research").idempotent()))
        .tool(NeedsApproval::new(tool("pay")))
        .build()
        .unwrap();
    let (began, mut conversation) = (Instant::now(), agent.start("Go."));
    let team = Team::new([agent]).unwrap();
    let leaving = team.clone().leave_detached(true);
    assert!(matches!(leaving.run(&mut conversation).await.unwrap(), End::Waiting(_)));
    assert_eq!((began.elapsed(), conversation.detached_calls().count()), (Duration::ZERO, 1));
    conversation.approve("run/call_0_1").unwrap();
    assert_eq!(leaving.run(&mut conversation).await.unwrap().text(), "Paid. I am looking.");
    assert_eq!(team.run(&mut conversation).await.unwrap().text(), "Paid, and it rains.");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_a_person_can_be_stopped_and_holds_up_no_wait_for_others() {
    let replies = [
        Reply::call("pay", say("paid", 1)).and_call("research", say("It rains.", 5)),
        Reply::call("wait_for_background_calls", json!({})),
        Reply::call("wait_for_background_calls", json!({"seconds": 1})),
        Reply::call("stop_background_calls", json!({"calls": ["call_0_0", "call_0_0"]})),
        Reply::call("stop_background_calls", json!({"calls": []})),
        Reply::text("Done."),
    ];
    assert_snapshot!(check(replies).await, @r#"
    user: Go.
      > call_0_0 pay {"s":1,"say":"paid"}
      > call_0_1 research {"s":5,"say":"It rains."}
      < call_0_0 = This call of pay goes on in the background, as "call_0_0". You will be told its result in a message of its own. You can do other work meanwhile.
      < call_0_1 = This call of research goes on in the background, as "call_0_1". You will be told its result in a message of its own. You can do other work meanwhile.
      > call_1_0 wait_for_background_calls {}
      < call_1_0 = Over: call_0_1. You are told how after this. Waiting for a person: call_0_0.
    user: [The background call "call_0_1" of research has ended. Its result:]
      | It rains.
      > call_2_0 wait_for_background_calls {"seconds":1}
      < call_2_0 = None of them has ended in this time. Waiting for a person: call_0_0.
      > call_3_0 stop_background_calls {"calls":["call_0_0","call_0_0"]}
      < call_3_0 = Being stopped: call_0_0. You will be told how they ended.
    user: [The background call "call_0_0" of pay has failed:]
      | cancelled
      > call_4_0 stop_background_calls {"calls":[]}
      < call_4_0 failed: no background call goes on
    clerk: Done.
    -> Done.

    0ns asked
    0ns call_0_0 detached
    0ns call_0_1 detached
    0ns asked
    5s call_1_0 ended
    5s call_0_1 ended
    5s asked
    5s call_2_0 ended
    5s asked
    5s call_0_0 ended
    5s call_3_0 ended
    5s asked
    5s call_4_0 ended
    5s asked
    5s over
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_result_that_was_told_in_what_is_taken_back_is_told_again() {
    let replies = [
        Reply::call("research", say("It rains.", 10)),
        Reply::text("I am looking."),
        Reply::text("Still looking.").after(Duration::from_secs(12)),
        Reply::text("It rains."),
    ];
    let team = Team::new([clerk(replies)]).unwrap().leave_detached(true);
    let mut conversation = Conversation::start("clerk", "Go.");
    team.run(&mut conversation).await.unwrap();
    conversation.say("And?");
    team.run(&mut conversation).await.unwrap();
    conversation.take_back().unwrap();
    conversation.say("And now?");
    conversation.take_back().unwrap();
    conversation.say("And now?");
    let read: Vec<String> = conversation.reads().iter().map(|message| message.text()).collect();
    assert_snapshot!(read[2..].join("\n---\n"), @r#"
    ---
    I am looking.
    ---
    [The background call "call_0_0" of research has ended. Its result:]
    It rains.
    ---
    And now?
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_wrapper_around_a_tool_that_looks_after_calls_is_asked() {
    let [_, _, stop] = detached_tools();
    let model = Script::new([
        Reply::call("research", say("It rains.", 10)),
        Reply::call("stop_background_calls", json!({})),
        Reply::text("Done."),
    ]);
    let research = Detached::new(tool("research"));
    let agent = Agent::builder("clerk", model).tool(research).tool(NeedsApproval::new(stop)).build().unwrap();
    let mut conversation = agent.start("Go.");
    let End::Waiting(calls) = agent.run(&mut conversation).await.unwrap() else { panic!("it waits") };
    assert_eq!(calls[0].key, "run/call_1_0");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_stops_what_goes_on_and_the_next_one_is_told_so() {
    let agent = clerk([
        Reply::call("research", say("It rains.", 100)),
        Reply::text("…").after(Duration::from_secs(50)),
        Reply::text("It was cancelled."),
        Reply::text("So be it."),
    ]);
    let (mut conversation, cancel) = (agent.start("Go."), Cancel::new());
    let run = agent.run(&mut conversation).cancelled_by(&cancel);
    let stop = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        cancel.all();
    };
    assert_eq!(tokio::join!(run, stop).0.unwrap_err(), RunError::Cancelled);
    let began = Instant::now();
    agent.run(&mut conversation).await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_snapshot!(conversation, @r#"
    user: Go.
      > call_0_0 research {"s":100,"say":"It rains."}
      < call_0_0 = This call of research goes on in the background, as "call_0_0". You will be told its result in a message of its own. You can do other work meanwhile.
    user: [The background call "call_0_0" of research has failed:]
      | cancelled
    clerk: It was cancelled.
    "#);
}

#[tokio::test(start_paused = true)]
async fn calls_in_plans_and_of_sequential_runs_are_not_detached() {
    let step = json!({"id": "a", "tool": "research", "input": say("It rains.", 10)});
    let replies = || [Reply::call("plan", json!({"steps": [step.clone()]})), Reply::text("It rains.")];
    assert_snapshot!(check(replies()).await, @r#"
    user: Go.
      > call_0_0 plan {"steps":[{"id":"a","input":{"s":10,"say":"It rains."},"tool":"research"}]}
      < call_0_0 = It rains.
    clerk: It rains.
    -> It rains.

    0ns asked
    10s call_0_0 ended
    10s asked
    10s over
    "#);
    let agent = clerk([Reply::call("research", say("It rains.", 10)), Reply::text("It rains.")]);
    let mut conversation = agent.start("Go.");
    agent.run(&mut conversation).mode(Mode::Sequential).await.unwrap();
    assert_snapshot!(conversation, @r#"
    user: Go.
      > call_0_0 research {"s":10,"say":"It rains."}
      < call_0_0 = It rains.
    clerk: It rains.
    "#);
}

#[test]
fn a_tool_whose_calls_other_calls_wait_for_can_t_be_detached() {
    let build = |change: fn(&mut agent_core::ToolSpec)| {
        struct Odd(agent_core::ToolSpec);
        #[agent_core::async_trait]
        impl agent_core::Tool for Odd {
            fn spec(&self) -> &agent_core::ToolSpec {
                &self.0
            }
            async fn call(&self, _: agent_core::Json, _: agent_core::Context) -> agent_core::Outcome {
                agent_core::Outcome::output("")
            }
        }
        let mut spec = agent_core::ToolSpec::new("odd", "", json!({"type": "object"}));
        spec.detach_after = Some(Duration::ZERO);
        change(&mut spec);
        Agent::builder("clerk", Script::new([])).tool(Odd(spec)).build().map(|_| ())
    };
    assert_eq!(build(|_| ()), Ok(()));
    let wrong = |change| matches!(build(change), Err(BuildError::Detached { .. }));
    assert!(wrong(|spec| spec.transfers = true));
    assert!(wrong(|spec| spec.runs_first = true));
}

/// The tool `long`, which may be detached after 5 s. Its results are cut at 300 bytes.
async fn check_long(
    after: u64,
    result: impl Fn(String) -> Outcome + Send + Sync + 'static,
) -> (End, Conversation) {
    let replies = [Reply::call("long", say("", 1)), Reply::text("Wait."), Reply::text("Done.")];
    let tool =
        Detached::after(Duration::from_secs(5), Long(tool("long").spec().clone(), after, Box::new(result)));
    let agent =
        Agent::builder("clerk", Script::new(replies)).tool(tool).max_result_bytes(300).build().unwrap();
    let mut conversation = agent.start("Go.");
    (agent.run(&mut conversation).await.unwrap(), conversation)
}

/// Gives 1,000 bytes after some seconds.
struct Long(ToolSpec, u64, Box<dyn Fn(String) -> Outcome + Send + Sync>);

#[agent_core::async_trait]
impl Tool for Long {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, _: Json, _: Context) -> Outcome {
        tokio::time::sleep(Duration::from_secs(self.1)).await;
        (self.2)("x".repeat(1_000))
    }
}

#[tokio::test(start_paused = true)]
async fn the_caller_gets_a_whole_answer_and_the_model_reads_what_it_may() {
    let (end, conversation) = check_long(1, Outcome::answer).await;
    let (_, read, _) = conversation.messages()[2].tool_results().next().unwrap();
    assert_eq!((end.text().len(), read.to_text().starts_with(&"x".repeat(300))), (1_000, true));
    assert!(read.to_text().len() < 400, "{conversation}");
    let outcomes: [fn(String) -> Outcome; 2] = [|text| Outcome::answer(text), |text| Outcome::output(text)];
    for outcome in outcomes {
        let (end, conversation) = check_long(10, outcome).await;
        let told = conversation.messages().iter().find(|message| message.is_background_result()).unwrap();
        assert_eq!(end.text(), "Done.");
        assert!((300..460).contains(&told.text().len()), "{conversation}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_leaves_calls_names_all_that_wait_for_a_person() {
    let replies = [Reply::call("pay", say("paid", 1)).and_call("ask", say("asked", 0))];
    let agent = Agent::builder("clerk", Script::new(replies))
        .tool(Detached::new(NeedsApproval::new(tool("pay"))))
        .tool(NeedsApproval::new(tool("ask")));
    let team = Team::new([agent.build().unwrap()]).unwrap().leave_detached(true);
    let mut conversation = Conversation::start("clerk", "Go.");
    let End::Waiting(calls) = team.run(&mut conversation).await.unwrap() else { panic!("it waits") };
    assert_eq!((calls.len(), calls), (2, conversation.waiting()));
}

#[tokio::test(start_paused = true)]
async fn a_background_result_is_known_whatever_is_added_to_its_message() {
    let replies = [
        Reply::call("research", json!({"say": "no\nway", "fail": true})),
        Reply::text("."),
        Reply::text("."),
    ];
    let agent = clerk(replies);
    let mut conversation = agent.start("Go.");
    agent.run(&mut conversation).await.unwrap();
    let told = conversation.messages().iter().find(|message| message.is_background_result()).unwrap();
    let noted = told.with_content([told.content(), &[Block::text("A note.")]].concat());
    for message in [told, &noted] {
        let (call, content, is_error) = message.background_result().unwrap();
        assert_eq!((&*call.name, is_error), ("research", true));
        assert!(content.to_text().starts_with("no\nway"), "{content:?}");
    }
}
