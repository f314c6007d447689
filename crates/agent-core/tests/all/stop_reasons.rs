//! Each stop reason, and what follows.

use std::sync::{Arc, Mutex};

use agent_core::{
    Agent, Block, BoxStream, Conversation, Delta, End, Event, EventKind, Llm, LlmError, Request, StopReason,
    model::{fold, non_streaming},
    script::{Reply, Script},
};
use serde_json::json;

use crate::common::{Act, Log, calls, run, team};

/// A backend that does not stream.
#[derive(Debug)]
struct Whole(Script);

impl Llm for Whole {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        non_streaming(fold(self.0.stream(request), |_| ()))
    }
}

/// Checks a first reply with a call of each of these tools and this stop reason, followed by the
/// reply "Done.": how the run ends, how often the model was asked, how many calls were made, and
/// which are reported as not made. Streamed or not, the result is the same.
async fn check(word: &str, expected: End, asked: usize, called: usize) {
    for is_whole in [false, true] {
        let first = calls([("act", json!({})), ("look", json!({}))]).and_text("So far.");
        let model = Script::new([first.stop(StopReason::from(word.to_owned())), Reply::text("Done.")]);
        let log = Log::default();
        let builder = match is_whole {
            true => Agent::builder("main", Whole(model.clone())),
            false => Agent::builder("main", model.clone()),
        };
        let look = Act::new("look", &log).spec(|spec| spec.read_only = true);
        let agent = builder.tool(Act::new("act", &log)).tool(look).build().unwrap();
        let (mut conversation, told) = (agent.start("Go."), Arc::new(Mutex::new(Vec::new())));
        let listener = told.clone();
        let listen = move |event: &Event| {
            if let EventKind::CallNotMade { id, .. } = &event.kind {
                listener.lock().unwrap().push(id.clone());
            }
        };
        let end = agent.run(&mut conversation).listen(listen).await.unwrap();
        let made = log.ended().len();
        assert_eq!((&end, model.requests().len(), made), (&expected, asked, called), "{word} {is_whole}");
        let not_made = if called == 0 { vec!["call_0_0", "call_0_1"] } else { vec![] };
        assert_eq!(*told.lock().unwrap(), not_made, "{word} {is_whole}");
        if asked == 1 {
            let open: Vec<&str> = conversation.open_calls().map(|call| call.id.as_str()).collect();
            assert_eq!(open, not_made, "{word} {is_whole}");
        }
        goes_on(conversation, word);
    }
}

/// Checks that each call has its result once the user has spoken.
fn goes_on(mut conversation: Conversation, word: &str) {
    conversation.say("And now?");
    let written = serde_json::to_string(&conversation).unwrap();
    assert!(serde_json::from_str::<Conversation>(&written).is_ok(), "{word}: {conversation}");
}

#[tokio::test(start_paused = true)]
async fn field_46_the_calls_of_a_whole_reply_are_made_also_where_it_does_not_end_with_tool_use() {
    let done = || End::Answered("Done.".to_owned());
    check("tool_use", done(), 2, 2).await;
    check("end_turn", done(), 2, 2).await;
    check("stop_sequence", done(), 2, 2).await;
    check("stop", done(), 2, 2).await;
    check("STOP", done(), 2, 2).await;
    check("tool_calls", done(), 2, 2).await;
    check("null", done(), 2, 2).await;
    check("max_tokens", End::Cut(StopReason::MaxTokens), 1, 0).await;
    check("model_context_window_exceeded", End::Cut(StopReason::ContextWindowExceeded), 1, 0).await;
    check("refusal", End::Refused(None), 1, 0).await;
    // An unknown reason may mean that the reply was cut, as `length` does.
    let unknown = |word: &str| End::Other(format!("{word}: 2 of its calls were not made"));
    check("solar_flare", unknown("solar_flare"), 1, 0).await;
    check("length", unknown("length"), 1, 0).await;
    // The model continues, and reads that its calls were not made.
    check("pause_turn", done(), 2, 0).await;
    check("compaction", done(), 2, 0).await;
}

#[tokio::test(start_paused = true)]
async fn field_46_what_calls_lead_to_happens_also_where_the_reply_says_that_the_turn_has_ended() {
    let ends = |input| calls([("act", input)]).stop(StopReason::EndTurn);
    let (team, _, _) = team([
        ("main", vec![ends(json!({"to": "expert"})), ends(json!({"transfer": "b"}))]),
        ("expert", vec![ends(json!({"say": "x"})), Reply::text("It is x.")]),
        ("b", vec![ends(json!({"ask": "May I?"})), Reply::text("Done.")]),
    ]);
    let mut ran = run(&team).await;
    let End::Waiting(waiting) = &ran.end else { panic!("{:?}", ran.end) };
    ran.conversation.approve(&waiting[0].key).unwrap();
    let end = team.run(&mut ran.conversation).await.unwrap();
    assert_eq!(end, End::Answered("Done.".to_owned()));
    insta::assert_snapshot!(ran.conversation.to_string(), @r#"
    user: Go.
      > call_0_0 act {"to":"expert"}
      < call_0_0 = It is x.
      > call_1_0 act {"transfer":"b"}
      < call_1_0 = Transferred to b.
    -- b takes over from main
      > call_2_0 act {"ask":"May I?"}
      < call_2_0 = done
    b: Done.
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_reply_without_calls_ends_by_its_word() {
    let check = async |word: &str, expected: End| {
        let reply = Reply::text("So far.").stop(StopReason::from(word.to_owned()));
        let (team, ..) = team([("main", vec![reply])]);
        assert_eq!(run(&team).await.end, expected, "{word}");
    };
    check("end_turn", End::Answered("So far.".to_owned())).await;
    check("stop_sequence", End::Answered("So far.".to_owned())).await;
    check("solar_flare", End::Other("solar_flare".to_owned())).await;
    check("tool_use", End::Other("tool_use without a tool call".to_owned())).await;
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
    use agent_core::{Agent, BoxStream, Delta, Json, Llm, LlmError, Request, Response, model::non_streaming};
    struct Prim;
    impl Llm for Prim {
        fn stream(&self, _: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
            let mut refusal = Response::new(vec![], StopReason::Refusal);
            refusal.stop_details = Some(Json::from(json!({"type": "refusal", "category": "cyber"})));
            non_streaming(async { Ok(refusal) })
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
