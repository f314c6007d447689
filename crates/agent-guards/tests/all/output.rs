//! What a model says is held back until it is checked.

use std::sync::Arc;

use agent_core::{
    Block, BoxStream, Delta, End, Json, Llm, LlmError, Request, Response, StopReason, Usage,
    budget::Usd,
    model::fold,
    script::{Reply, Script},
};
use agent_guards::{Breaker, GuardRefusal, Guards, Output, OutputVerdict, Redact, Refused};
use futures::StreamExt;
use serde_json::json;

use crate::common::{Ran, SECOND, call, results_read, run_main};

/// Replaces "Oslo", and refuses "bomb".
fn guards() -> Guards {
    Guards::new().output("words", |output: Output| async move {
        Ok(match output.text {
            text if text.contains("bomb") => OutputVerdict::refuse("I can't say that."),
            text if text.contains("Oslo") => OutputVerdict::replace(text.replace("Oslo", "[city]")),
            _ => OutputVerdict::Allow,
        })
    })
}

async fn check(replies: Vec<Reply>) -> Ran {
    run_main(&guards(), &Script::new(replies), "Go on.").await
}

#[tokio::test(start_paused = true)]
async fn fault_97_a_streamed_reply_is_not_shown_before_it_is_checked() {
    let ran = check(vec![Reply::text("It rains a lot.").per_token(SECOND)]).await;
    assert_eq!((ran.shown, ran.took), (vec!["It rains a lot.".to_owned()], 4 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_replacement_is_what_is_recorded_and_shown() {
    let blocks = Reply::text("It rains ").and_text("in Oslo.");
    let ran = check(vec![blocks]).await;
    assert_eq!(ran.end, End::Answered("It rains in [city].".to_owned()));
    assert_eq!(ran.shown, ["It rains in [city]."]);
    assert_eq!(ran.told, ["words replaced the reply's text"]);
    assert_eq!(ran.conversation.messages()[1].content(), [Block::text("It rains in [city].")]);
}

#[tokio::test(start_paused = true)]
async fn calls_of_a_refused_reply_are_not_made() {
    let ran = check(vec![call("x").and_text("For the bomb.")]).await;
    let refusal = GuardRefusal::of(&ran.end).unwrap();
    assert_eq!((refusal.refused, &*refusal.explanation), (Refused::Output, "I can't say that."));
    assert_eq!(ran.shown, ["I can't say that."]);
    assert_eq!(ran.conversation.messages().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn thinking_calls_and_cut_replies_pass() {
    let thinking = json!({"type": "thinking", "thinking": "Of a bomb.", "signature": "c2ln"});
    let thinking = Block::from_json(thinking.into()).unwrap();
    let model = Script::new([
        Reply::default().and_block(thinking.clone()).and_block(call("Oslo").content[0].clone()),
        Reply::text("In Oslo it").stop(StopReason::MaxTokens),
    ]);
    let ran = run_main(&guards(), &model, "Go on.").await;
    assert_eq!(ran.end, End::Cut(StopReason::MaxTokens));
    assert_eq!(ran.conversation.text(), "In [city] it");
    assert_eq!(ran.conversation.messages()[1].content()[0], thinking);
    assert_eq!(results_read(&model), ["noted Oslo"]);
}

/// A backend that yields these pieces.
struct Pieces(Vec<Result<Delta, LlmError>>);

impl Llm for Pieces {
    fn stream(&self, _: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        futures::stream::iter(self.0.clone()).boxed()
    }

    fn supports_answer_schema(&self, _: &Json) -> bool {
        true
    }

    fn max_cost(&self, usage: &Usage) -> Option<Usd> {
        Some(Usd::from_micros(usage.output_tokens))
    }
}

async fn pieces(pieces: Vec<Delta>) -> Vec<Delta> {
    let model = guards().model(Pieces(pieces.into_iter().map(Ok).collect()));
    model.stream(Request::new(Vec::new())).map(Result::unwrap).collect().await
}

#[tokio::test]
async fn what_an_attempt_said_that_broke_off_is_never_shown() {
    let again = Delta::Restarted { reason: "cut".to_owned() };
    let said =
        vec![Delta::words(0, "A bo"), again, Delta::words(0, "Rain."), Delta::stop(StopReason::EndTurn)];
    let said = pieces(said).await;
    let [Delta::Complete(reply)] = &said[..] else { panic!("{said:?}") };
    assert_eq!(reply.content, Response::text("Rain.").content);
}

#[tokio::test]
async fn a_replaced_reply_has_no_id_of_the_server() {
    let reply = |text: &str| {
        let mut reply = Response::text(text);
        reply.id = Some("msg_1".into());
        Delta::complete(reply)
    };
    let ids = |pieces: Vec<Delta>| match pieces.into_iter().last() {
        Some(Delta::Complete(reply)) => reply.id.clone(),
        _ => panic!("no reply"),
    };
    assert_eq!(ids(pieces(vec![reply("Rain.")]).await).as_deref(), Some("msg_1"));
    assert_eq!(ids(pieces(vec![reply("Oslo.")]).await), None);
}

#[tokio::test]
async fn an_error_of_the_model_is_handed_on_and_what_came_before_is_not() {
    let error = LlmError::new(agent_core::model::LlmErrorKind::Overloaded, "later");
    let model = guards().model(Pieces(vec![Ok(Delta::words(0, "It")), Err(error.clone())]));
    let came: Vec<_> = model.stream(Request::new(Vec::new())).collect().await;
    assert_eq!(came, [Err(error)]);
    let broken = guards().model(Pieces(vec![Ok(Delta::words(0, "It"))]));
    assert!(fold(broken.stream(Request::new(Vec::new())), |_| ()).await.is_err());
}

#[test]
fn wrappers_say_what_the_model_inside_supports_and_costs() {
    let all = guards()
        .input("a", |_: agent_guards::Input| async { Ok(agent_guards::Judgement::Allow) })
        .rewrite_input("b", |_: agent_guards::UserText| async { Ok(agent_guards::Verdict::Allow) });
    let around = |model: Arc<dyn Llm>| Breaker::new().model(all.model(Redact::new().model(model)));
    let (schema, usage) = (json!({}).into(), Usage::new(1, 7));
    let model = around(Arc::new(Pieces(Vec::new())));
    assert!(model.supports_answer_schema(&schema));
    assert_eq!(model.max_cost(&usage), Some(Usd::from_micros(7)));
    let model = around(Arc::new(Script::new([])));
    assert_eq!((model.supports_answer_schema(&schema), model.max_cost(&usage)), (false, None));
}
