//! Calls are checked before they are made, and their results before the model reads them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use agent_core::{
    Block, Content, Context, Conversation, End, Outcome, Team, Tool,
    script::{Reply, Script},
    tool::Early,
};
use agent_guards::{BoxError, CallResult, CallVerdict, Guards, Output, OutputVerdict, ProposedCall, Verdict};
use agent_tools::{Answer, FnTool, NeedsApproval, PlanTool};
use serde_json::json;

use crate::common::{SECOND, agent, call, note, results_read, run, run_main};

fn guards() -> Guards {
    let text = |call: &ProposedCall| call.input.text().to_owned();
    Guards::new().call("calls", move |call: ProposedCall| async move {
        Ok(match &*text(&call) {
            text if text.contains("refuse") => CallVerdict::refuse("Never note that."),
            text if text.contains("replace") => CallVerdict::replace(json!({"text": "something else"})),
            text if text.contains("array") => CallVerdict::replace(json!([1])),
            text if text.contains("ask") => CallVerdict::ask(format!("Note {text}?")),
            text if text.contains("panic") => panic!("{text}"),
            _ => CallVerdict::Allow,
        })
    })
}

/// What the model reads of a call.
async fn check(guards: &Guards, text: &str, expected: &str) {
    let model = Script::new([call(text), Reply::text("Done.")]);
    assert_eq!(run_main(guards, &model, "Note it.").await.end.text(), "Done.");
    assert_eq!(results_read(&model), [expected]);
}

#[tokio::test]
async fn a_call_is_allowed_replaced_or_refused() {
    check(&guards(), "x", "noted x").await;
    check(&guards(), "replace", "noted something else").await;
    check(&guards(), "refuse", "error: Never note that.").await;
}

#[tokio::test]
async fn a_check_of_a_call_that_fails_has_refused() {
    let not_an_object =
        "error: refused, because the check \"calls\" failed: its replacement is not a JSON object";
    check(&guards(), "array", not_an_object).await;
    check(&guards(), "panic", "error: refused, because the check \"calls\" failed: it panicked").await;
    let failing = Guards::new()
        .call("down", |_: ProposedCall| async { Err::<CallVerdict, BoxError>("no\nanswer".into()) });
    check(&failing, "x", "error: refused, because the check \"down\" failed: no\\nanswer").await;
    let late = Guards::new().timeout(SECOND).result("late", |_: CallResult| std::future::pending());
    tokio::time::pause();
    check(&late, "x", "error: refused, because the check \"late\" failed: it took longer than 1s").await;
}

#[tokio::test]
async fn a_person_is_asked_and_an_approved_call_is_made() {
    for (approve, expected) in [(true, "noted ask"), (false, "error: denied: not now")] {
        let model = Script::new([call("ask"), Reply::text("Done.")]);
        let team = guards().around(Team::new([agent(&model, note()).build().unwrap()]).unwrap());
        let ran = run(&team, Conversation::start("main", "Note it.")).await;
        let End::Waiting(waiting) = ran.end else { panic!("it waits") };
        assert_eq!(waiting[0].question, r#"Note {"text":"ask"}?"#);
        let mut conversation = ran.conversation;
        match approve {
            true => conversation.approve(&waiting[0].key).unwrap(),
            false => conversation.deny(&waiting[0].key, "not now").unwrap(),
        };
        assert_eq!(run(&team, conversation).await.end.text(), "Done.");
        assert_eq!(results_read(&model), [expected]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_starts_while_the_reply_streams_is_checked_before() {
    let reply = |text: &str| call(text).and_text("And more.").per_token(SECOND);
    for (text, expected) in
        [("refuse", Some("error: Never note that.")), ("x", Some("noted x")), ("ask", None)]
    {
        let model = Script::new([reply(text), Reply::text("Done.")]);
        let agent = agent(&model, note()).early(Early::All).build().unwrap();
        let ran =
            run(&guards().around(Team::new([agent]).unwrap()), Conversation::start("main", "Note it.")).await;
        match expected {
            Some(expected) => assert_eq!(results_read(&model), [expected]),
            None => assert!(matches!(ran.end, End::Waiting(_)), "{}", ran.end),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_step_starts_before_the_plan_that_has_it_is_checked() {
    let steps = ["look", "look", "look"].map(|tool| json!({"id": "a", "tool": tool, "input": {}}));
    let [mut a, mut b, mut c] = steps;
    (a["id"], b["id"], c["id"]) = (json!("a"), json!("b"), json!("refuse"));
    let reply = Reply::call("plan", json!({"steps": [a, b, c]})).per_token(SECOND);
    for (guards, expected) in [(Guards::new(), 3), (guards(), 0)] {
        let made = Arc::new(AtomicUsize::new(0));
        let count = made.clone();
        let look = FnTool::new("look", "Looks.", move |_: ()| {
            count.fetch_add(1, Ordering::Relaxed);
            async { "Rain." }
        });
        let model = Script::new([reply.clone(), Reply::text("Done.")]);
        let agent = agent(&model, PlanTool::new()).tool(look.read_only()).build().unwrap();
        let team = guards.around(Team::new([agent]).unwrap());
        assert_eq!(run(&team, Conversation::start("main", "Look.")).await.end.text(), "Done.");
        assert_eq!(made.load(Ordering::Relaxed), expected, "{:?}", results_read(&model));
    }
}

#[tokio::test]
async fn a_refusal_wins_over_a_question_and_no_person_is_asked() {
    let guards = Guards::new()
        .call("ask", |_: ProposedCall| async { Ok(CallVerdict::ask("May it?")) })
        .call("never", |_: ProposedCall| async { Ok(CallVerdict::refuse("Never.")) });
    check(&guards, "x", "error: Never.").await;
}

#[tokio::test]
async fn each_guard_checks_what_the_one_before_it_let_through() {
    let add = |letter: &'static str| {
        move |call: ProposedCall| async move {
            let text = call.input.parse::<crate::common::Note>()?.text;
            Ok(CallVerdict::replace(json!({"text": text + letter})))
        }
    };
    check(&Guards::new().call("a", add("a")).call("b", add("b")), "x", "noted xab").await;
}

#[tokio::test]
async fn a_result_is_allowed_replaced_or_refused() {
    let guards = Guards::new().result("results", |result: CallResult| async move {
        Ok(match &*result.content.to_text() {
            "noted refuse" => Verdict::refuse("The result is not for you."),
            "noted replace" => Verdict::replace(Content::from("noted it")),
            "no paper" => Verdict::replace(Content::from(format!("{} failed", result.call.tool))),
            _ => Verdict::Allow,
        })
    });
    check(&guards, "x", "noted x").await;
    check(&guards, "replace", "noted it").await;
    check(&guards, "refuse", "error: The result is not for you.").await;
    check(&guards, "fail", "error: note failed").await;
}

#[test]
fn a_guarded_tool_keeps_its_spec() {
    let tool = |tool: std::sync::Arc<dyn Tool>| tool.spec().clone();
    let plain = || FnTool::new("note", "Notes.", |note: crate::common::Note| Ok::<_, String>(note.text));
    let flags: [fn(FnTool) -> FnTool; 3] = [FnTool::read_only, FnTool::exclusive, FnTool::idempotent];
    for flag in flags {
        let spec = flag(plain()).spec().clone();
        assert_eq!(tool(guards().tool(flag(plain()))), spec);
    }
    let asks = NeedsApproval::new(plain());
    let spec = asks.spec().clone();
    assert_eq!(tool(guards().tool(asks)), spec);
}

#[tokio::test]
async fn a_guard_around_a_tool_that_asks_asks_only_once() {
    let tool = guards().tool(NeedsApproval::new(note()));
    let outcome = tool.call(json!({"text": "replace"}).into(), Context::by_hand("a")).await;
    let question = r#"May "note" be called with {"text":"something else"}?"#.to_owned();
    assert_eq!(outcome, Outcome::Wait { question });
}

/// An agent whose tool answers with this content, guarded, with what came of the run.
async fn check_answer(guards: Guards, answer: impl Into<Content>, expected: &str, results: &[&str]) {
    let answer = answer.into();
    let give = FnTool::new("note", "Gives it.", move || Answer(answer.clone()));
    let model = Script::new([call("x"), Reply::text("Done.")]);
    let team = guards.around(Team::new([agent(&model, give).build().unwrap()]).unwrap());
    let ran = run(&team, Conversation::start("main", "Go on.")).await;
    assert_eq!(ran.end, End::Answered(expected.to_owned()));
    let read = ran.conversation.messages()[2].tool_results();
    assert_eq!(read.map(|(_, content, _)| content.to_string()).collect::<Vec<_>>(), results);
}

#[tokio::test]
async fn an_answer_that_ends_the_run_is_checked_as_a_result_and_as_output() {
    let results = || {
        Guards::new().result("results", |result: CallResult| async move {
            Ok(match &*result.content.to_text() {
                "secret" => Verdict::refuse("Not for you."),
                _ => Verdict::Allow,
            })
        })
    };
    let output = || {
        Guards::new().output("words", |output: Output| async move {
            assert_eq!((&*output.agent, &*output.conversation, output.depth), ("main", "run", 0));
            Ok(match &*output.text {
                "bomb" => OutputVerdict::refuse("I can't say that."),
                "x" => OutputVerdict::retry("Say more."),
                text => OutputVerdict::replace(text.replace("Oslo", "[city]")),
            })
        })
    };
    check_answer(results(), "Oslo", "Oslo", &["Oslo"]).await;
    check_answer(results(), "secret", "Done.", &["Not for you."]).await;
    check_answer(output(), "In Oslo", "In [city]", &["In [city]"]).await;
    check_answer(output(), "bomb", "Done.", &["I can't say that."]).await;
    check_answer(output(), "x", "Done.", &["Say more."]).await;
    let picture = vec![Block::text("Oslo"), Block::image("image/png", "AAAA")];
    check_answer(output(), picture, "[city]", &["[city][image]"]).await;
    check_answer(output(), "", "", &[""]).await;
}
