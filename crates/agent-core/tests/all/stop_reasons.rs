//! Why a reply ended, value by value, and what follows.

use std::sync::{Arc, Mutex};

use agent_core::{Block, Conversation, End, Event, EventKind, StopReason, script::Reply};
use serde_json::json;

use crate::common::{Log, calls, run, team};

/// The first reply has a call and this stop reason, the second one is "Done."; then how the run ends,
/// how often the model was asked, and how many calls were made.
async fn check(word: &str, expected: End, asked: usize, called: usize) {
    let reason = StopReason::from(word.to_owned());
    let first = calls([("act", json!({}))]).and_text("So far.").stop(reason);
    let (team, model, log) = team([("main", vec![first, Reply::text("Done.")])]);
    let ran = run(&team).await;
    assert_eq!((&ran.end, model.requests().len(), log.begun().len()), (&expected, asked, called), "{word}");
    goes_on(ran.conversation, word, &log).await;
}

/// Whatever has happened, each call has its result once the user goes on.
async fn goes_on(mut conversation: Conversation, word: &str, _: &Log) {
    conversation.say("And now?");
    let written = serde_json::to_string(&conversation).unwrap();
    assert!(serde_json::from_str::<Conversation>(&written).is_ok(), "{word}: {conversation}");
}

#[tokio::test(start_paused = true)]
async fn each_stop_reason_has_its_end_and_only_tool_use_runs_tools() {
    let done = || End::Answered("Done.".to_owned());
    check("tool_use", done(), 2, 1).await;
    check("end_turn", End::Answered("So far.".to_owned()), 1, 0).await;
    check("stop_sequence", End::Answered("So far.".to_owned()), 1, 0).await;
    check("max_tokens", End::Cut(StopReason::MaxTokens), 1, 0).await;
    check("model_context_window_exceeded", End::Cut(StopReason::ContextWindowExceeded), 1, 0).await;
    check("refusal", End::Refused(None), 1, 0).await;
    check("solar_flare", End::Other("solar_flare".to_owned()), 1, 0).await;
    // The model goes on, and reads that its calls were not made.
    check("pause_turn", done(), 2, 0).await;
    check("compaction", done(), 2, 0).await;
}

#[tokio::test(start_paused = true)]
async fn fault_14_max_tokens_inside_tool_use_runs_nothing_and_says_so() {
    let cut = calls([("act", json!({}))]).stop(StopReason::MaxTokens);
    let (team, _, log) = team([("main", vec![cut, Reply::text("Done.")])]);
    let mut ran = run(&team).await;
    assert_eq!((ran.end, log.begun().len()), (End::Cut(StopReason::MaxTokens), 0));
    ran.conversation.say("Go on.");
    insta::assert_snapshot!(ran.conversation.to_string(), @"
    user: Go.
      > call_0_0 act {}
      < call_0_0 failed: not run: the reply ended with max_tokens
    user: Go on.
    ");
}

#[tokio::test(start_paused = true)]
async fn fault_15_pause_turn_is_re_sent_unchanged_and_bounded() {
    let paused = || Reply::text("Searching.").stop(StopReason::PauseTurn);
    let (team, model, _) = team([("main", (0..20).map(|_| paused()).collect())]);
    let ran = run(&team).await;
    assert_eq!((ran.end, model.requests().len()), (End::TurnLimit(10), 10));
    let second = &model.requests()[1].messages;
    assert_eq!(second.last().unwrap().content(), [Block::text("Searching.")]);
}

#[tokio::test(start_paused = true)]
async fn a_paused_reply_goes_on_where_it_was() {
    let paused = Reply::text("So far.").stop(StopReason::PauseTurn);
    let (team, _, _) = team([("main", vec![paused, Reply::text("Done.")])]);
    assert_eq!(run(&team).await.end, End::Answered("So far.Done.".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_paused_reply_is_sent_back_without_the_space_at_its_end() {
    let block = |text: &str| {
        let cited = json!({"type": "text", "text": text, "citations": [{"cited_text": "1"}]});
        Block::from_json(cited.into()).unwrap()
    };
    let paused = Reply::default().and_block(block("Well, \n")).stop(StopReason::PauseTurn);
    let (team, model, _) = team([("main", vec![paused, Reply::text("done.")])]);
    let ran = run(&team).await;
    assert_eq!(model.requests()[1].messages.last().unwrap().content(), [block("Well,")]);
    assert_eq!(ran.end, End::Answered("Well, \ndone.".to_owned()), "the record has it as it was said");
}

#[tokio::test(start_paused = true)]
async fn a_paused_reply_with_calls_is_not_sent_back_without_their_results() {
    let paused = calls([("act", json!({}))]).stop(StopReason::PauseTurn);
    let (team, _, _) = team([("main", vec![paused, Reply::text("Done.")])]);
    insta::assert_snapshot!(run(&team).await.conversation.to_string(), @"
    user: Go.
      > call_0_0 act {}
      < call_0_0 failed: not run: the reply ended with pause_turn
    main: Done.
    ");
}

#[tokio::test(start_paused = true)]
async fn fault_16_a_refusal_is_an_outcome_of_its_own_and_keeps_its_details() {
    use agent_core::{Agent, BoxStream, Delta, Json, Llm, LlmError, Request, Response, whole};
    struct Prim;
    impl Llm for Prim {
        fn stream(&self, _: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
            let mut refusal = Response::new(vec![], StopReason::Refusal);
            refusal.stop_details = Some(Json::from(json!({"type": "refusal", "category": "cyber"})));
            whole(async { Ok(refusal) })
        }
    }
    let agent = Agent::builder("main", Prim).build().unwrap();
    let end = agent.run(&mut Conversation::start("main", "Go.")).await.unwrap();
    let End::Refused(Some(details)) = end else { panic!("{end:?}") };
    assert_eq!(details.text(), r#"{"category":"cyber","type":"refusal"}"#);
}

#[tokio::test(start_paused = true)]
async fn tool_use_without_a_call_does_not_go_round_for_ever() {
    let (team, _, _) = team([("main", vec![Reply::text("Hm.").stop(StopReason::ToolUse)])]);
    assert_eq!(run(&team).await.end, End::Other("tool_use without a tool call".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn the_turn_limit_ends_the_run_and_counts_anew_when_the_user_speaks() {
    let (team, model, _) = team([("main", (0..12).map(|_| calls([("act", json!({}))])).collect())]);
    let mut ran = run(&team).await;
    assert_eq!((ran.end, model.requests().len()), (End::TurnLimit(10), 10));
    ran.conversation.say("Go on.");
    assert!(team.run(&mut ran.conversation).await.is_err(), "the script ran out");
    assert_eq!(model.requests().len(), 13);
}

#[tokio::test(start_paused = true)]
async fn fault_11_duplicate_and_empty_ids_are_replaced_the_same_way_every_time() {
    let with_ids = |ids: [&str; 3]| {
        ids.into_iter()
            .fold(Reply::default(), |reply, id| reply.and_block(Block::tool_use(id, "act", json!({}))))
    };
    let replies = || vec![with_ids(["0", "0", "1"]), with_ids(["0", "x y", "0_2"]), Reply::text("Done.")];
    let mut transcripts = Vec::new();
    for _ in 0..2 {
        let (team, _, _) = team([("main", replies())]);
        let (mut conversation, told) = (Conversation::start("main", "Go."), Arc::new(Mutex::new(Vec::new())));
        let listener = told.clone();
        let listen = move |event: &Event| {
            if let EventKind::IdReplaced { was, id, .. } = &event.kind {
                listener.lock().unwrap().push(format!("{was:?} is {id:?}"));
            }
        };
        team.run(&mut conversation).listen(listen).await.unwrap();
        transcripts.push(conversation.to_string());
        let told = told.lock().unwrap().join(", ");
        assert_eq!(told, r#""0" is "0_2", "0" is "0_3", "x y" is "call_2", "0_2" is "0_2_2""#);
    }
    assert_eq!(transcripts[0], transcripts[1]);
    insta::assert_snapshot!(transcripts[0], @"
    user: Go.
      > 0 act {}
      > 0_2 act {}
      > 1 act {}
      < 0 = done
      < 0_2 = done
      < 1 = done
      > 0_3 act {}
      > call_2 act {}
      > 0_2_2 act {}
      < 0_3 = done
      < call_2 = done
      < 0_2_2 = done
    main: Done.
    ");
}
