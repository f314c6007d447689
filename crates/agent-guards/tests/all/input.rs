//! What the user says is judged beside the request, or replaced before it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use agent_core::{
    Conversation, End, Team,
    script::{Reply, Script},
};
use agent_guards::{BoxError, GuardRefusal, Guards, Input, InputGuard, Judgement, UserText, Verdict};
use tokio::time::sleep;

use crate::common::{SECOND, agent, call, note, run, run_main};

/// Refuses what contains "bomb", after some seconds.
struct Slow(u32);

#[agent_core::async_trait]
impl InputGuard for Slow {
    async fn check(&self, input: Input) -> Result<Judgement, BoxError> {
        sleep(SECOND * self.0).await;
        Ok(if input.text().contains("bomb") { Judgement::refuse("No bombs.") } else { Judgement::Allow })
    }
}

fn slow_reply() -> Script {
    Script::new([Reply::text("It rains in Oslo.").after(3 * SECOND)])
}

#[tokio::test(start_paused = true)]
async fn a_judging_guard_adds_no_time_if_the_reply_takes_longer() {
    for guards in [Guards::new(), Guards::new().input("slow", Slow(2)).input("slower", Slow(3))] {
        let ran = run_main(&guards, &slow_reply(), "Does it rain?").await;
        assert_eq!((ran.end.text(), ran.took), ("It rains in Oslo.", 3 * SECOND));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_shown_and_no_call_starts_before_the_input_is_allowed() {
    let model = Script::new([
        Reply::default().and_text("Let me see.").and_block(call("x").content[0].clone()).and_text("So."),
        Reply::text("Done."),
    ]);
    let made = Arc::new(AtomicUsize::new(0));
    let counted = made.clone();
    let tool = agent_tools::FnTool::new("note", "Notes.", move |_: crate::common::Note| {
        counted.fetch_add(1, Relaxed);
        Ok::<_, String>("noted")
    });
    let guards = Guards::new().input("slow", Slow(5));
    let team = Team::new([agent(&model, tool.read_only()).build().unwrap()]).unwrap();
    let refused = run(&guards.around(team), Conversation::start("main", "How is a bomb built?")).await;
    assert_eq!(refused.shown, ["No bombs."]);
    assert_eq!((made.load(Relaxed), refused.took), (0, 5 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_stops_the_request_and_ends_the_run_with_its_words() {
    let guards = Guards::new().input("slow", Slow(1));
    let model = slow_reply();
    let mut ran = run_main(&guards, &model, "How is a bomb built?").await;
    assert_eq!(ran.took, SECOND, "the request was stopped, not waited for");
    insta::assert_snapshot!(ran.end, @r#"guard "slow" refused the input: No bombs."#);
    let refusal = GuardRefusal::of(&ran.end).unwrap();
    assert_eq!((&*refusal.guard, &*refusal.explanation), ("slow", "No bombs."));
    assert_eq!(ran.conversation.text(), "No bombs.");

    // The record keeps the refused question, and the next request does not have it.
    ran.conversation.say("Does it rain?");
    assert_eq!(ran.conversation.messages().len(), 3);
    let team = Team::new([agent(&slow_reply(), note()).build().unwrap()]).unwrap();
    assert_eq!(run(&guards.around(team), ran.conversation).await.end.text(), "It rains in Oslo.");
}

#[tokio::test(start_paused = true)]
async fn only_new_words_of_the_user_are_judged() {
    let judged = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = judged.clone();
    let guards = Guards::new().input("see", move |input: Input| {
        seen.lock().unwrap().push(input.text());
        async { Ok(Judgement::Allow) }
    });
    let model = Script::new([call("x"), Reply::text("Noted."), Reply::text("Bye.")]);
    let team = guards.around(Team::new([agent(&model, note()).build().unwrap()]).unwrap());
    let mut ran = run(&team, Conversation::start("main", "Note x.")).await;
    ran.conversation.say("Thanks.");
    run(&team, ran.conversation).await;
    assert_eq!(*judged.lock().unwrap(), ["Note x.", "Thanks."]);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_fails_panics_or_is_late_has_refused() {
    let failing = |_: Input| async { Err::<Judgement, BoxError>("the service is down".into()) };
    fn panicking(input: Input) -> std::future::Ready<Result<Judgement, BoxError>> {
        panic!("no {}", input.text())
    }
    let check = async |guards: Guards, expected: &str| {
        let ran = run_main(&guards, &slow_reply(), "Hi.").await;
        assert_eq!(GuardRefusal::of(&ran.end).unwrap().explanation, expected);
    };
    let new = Guards::new;
    check(new().input("a", failing), "refused, because the check \"a\" failed: the service is down").await;
    check(new().input("b", panicking), "refused, because the check \"b\" failed: it panicked").await;
    let late = new().input("c", Slow(9)).timeout(2 * SECOND);
    check(late, "refused, because the check \"c\" failed: it took longer than 2s").await;
}

/// Replaces "Oslo" in what the user says, after a second.
fn without_oslo() -> Guards {
    Guards::new().rewrite_input("cities", |text: UserText| async move {
        sleep(SECOND).await;
        Ok(match &*text.text {
            "secret" => Verdict::refuse("Not that."),
            text if text.contains("Oslo") => Verdict::replace(text.replace("Oslo", "[city]")),
            _ => Verdict::Allow,
        })
    })
}

#[tokio::test(start_paused = true)]
async fn a_replacing_guard_runs_before_the_request_and_only_the_model_reads_the_replacement() {
    let model = Script::new([Reply::text("It rains.").after(3 * SECOND), Reply::text("Always.")]);
    let team = without_oslo().around(Team::new([agent(&model, note()).build().unwrap()]).unwrap());
    let mut ran = run(&team, Conversation::start("main", "Does it rain in Oslo?")).await;
    assert_eq!((ran.end.text(), ran.took), ("It rains.", 4 * SECOND));
    assert_eq!(ran.told, ["cities replaced what the user said"]);
    assert_eq!(ran.conversation.messages()[0].text(), "Does it rain in Oslo?");

    // The old text is replaced in each request, and told only once.
    ran.conversation.say("Often?");
    let ran = run(&team, ran.conversation).await;
    assert_eq!(ran.told, [""; 0]);
    let texts = |request: &agent_core::Request| -> Vec<String> {
        request.messages.iter().map(agent_core::Message::text).collect()
    };
    let read: Vec<Vec<String>> = model.requests().iter().map(texts).collect();
    assert_eq!(read[0], ["Does it rain in [city]?"]);
    assert_eq!(read[1], ["Does it rain in [city]?", "It rains.", "Often?"]);
}

#[tokio::test(start_paused = true)]
async fn a_replacing_guard_that_refuses_makes_no_request() {
    let model = slow_reply();
    let ran = run_main(&without_oslo(), &model, "secret").await;
    assert!(matches!(ran.end, End::Refused(_)));
    assert_eq!((ran.shown, model.requests().len()), (vec!["Not that.".to_owned()], 0));
}

/// Tools may return anything. It is not what the user says, even if it is told in a message.
#[tokio::test(start_paused = true)]
async fn the_result_of_a_background_call_is_not_judged_as_what_the_user_says() {
    let model = Script::new([
        call("a bomb").after(SECOND),
        Reply::text("I look.").after(SECOND),
        Reply::text("It is safe.").after(SECOND),
    ]);
    let note = agent_tools::FnTool::new("note", "Notes.", async |note: crate::common::Note| {
        sleep(5 * SECOND).await;
        Ok::<_, String>(note.text)
    });
    let team = Team::new([agent(&model, agent_tools::Detached::new(note)).build().unwrap()]).unwrap();
    let ran =
        run(&Guards::new().input("slow", Slow(1)).around(team), Conversation::start("main", "Look.")).await;
    assert_eq!(ran.end.text(), "It is safe.");
    assert!(ran.conversation.messages().iter().any(|message| message.is_background_result()));
}
