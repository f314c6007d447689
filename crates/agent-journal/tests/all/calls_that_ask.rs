//! Calls that ask models: what they have used is counted once, in memory and in the journal, wherever
//! the run is stopped.

use std::{pin::pin, sync::Arc, time::Duration};

use agent_core::{
    Agent, Context, Conversation, Json, Limits, Llm, Message, Outcome, Request, Team, Tool, ToolSpec, Usage,
    async_trait,
    budget::Budget,
    model::{Metered, fold},
    script::{Reply, Script},
};
use futures::{
    FutureExt,
    future::{Either, select},
};
use serde_json::json;

use crate::common::{Place, calls, start};

const OUTPUT: u64 = 300;
/// The most that a request can use.
const WORST: u64 = 8_000;

struct Asks(ToolSpec, Arc<dyn Llm>);

#[async_trait]
impl Tool for Asks {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, _: Json, context: Context) -> Outcome {
        let request = context.pay_for(Request::new(vec![Message::user("Well?")]));
        fold(self.1.stream(request), |_| {}).await.map(|_| "It says yes.").into()
    }
}

/// A team whose main agent makes two calls that ask this model. It has a budget.
fn team(answers: Script) -> Team {
    let model = Script::by(|request| match request.messages.len() {
        1 => calls([("asks", json!({"a": 1})), ("asks", json!({"a": 2}))]).usage(Usage::new(1, OUTPUT)),
        _ => Reply::text("Done.").usage(Usage::new(1, OUTPUT)),
    });
    let mut spec = ToolSpec::new("asks", "Asks.", json!({"type": "object"}));
    spec.idempotent = true;
    let asks = Asks(spec, Arc::new(Metered::new(answers)));
    let agent = Agent::builder("main", model).tool(asks).build().unwrap();
    let limits = Limits::new().conversation_budget(Budget::new().output_tokens(90_000));
    Team::new([agent]).unwrap().with_limits(limits)
}

fn answers(latency: Duration) -> Script {
    Script::by(move |_| Reply::text("Yes.").usage(Usage::new(1, OUTPUT)).after(latency))
}

async fn run(place: &Place) -> Conversation {
    let (journal, mut conversation) = (place.open(), start());
    let host = journal.host(team(answers(Duration::ZERO)), &mut conversation).await.unwrap();
    assert_eq!(host.run(&mut conversation).await.unwrap().text(), "Done.");
    assert_eq!(journal.conversation("s").unwrap(), conversation, "it is the fold of the journal");
    conversation
}

#[tokio::test]
async fn fault_88_what_calls_ask_for_is_counted_once_after_a_crash_at_any_entry() {
    let place = Place::new();
    let undisturbed = run(&place).await.spent();
    assert_eq!((undisturbed.output_tokens, undisturbed.requests, undisturbed.calls), (4 * OUTPUT, 4, 2));
    let entries = place.open().entries("s").unwrap().len();
    let mut most = 0;
    for keep in 1..=entries {
        let stopped = Place::new();
        std::fs::copy(&place.path, &stopped.path).unwrap();
        stopped.sql(&format!("DELETE FROM entries WHERE seq > {keep}"));
        let before = stopped.open().conversation("s").unwrap();
        let mut settled = before.clone();
        for (id, change) in before.unsettled() {
            settled.apply(&id, change).unwrap();
        }
        let lost = settled.spent().requests - before.spent().requests;
        most = most.max(lost);
        let spent = run(&stopped).await.spent();
        assert_eq!(spent.requests, undisturbed.requests + lost, "after entry {keep}");
        assert_eq!(spent.output_tokens, undisturbed.output_tokens + lost * WORST, "after entry {keep}");
    }
    assert_eq!(most, 2, "both calls have asked at the same time");
}

/// The conversation in memory and the one in the journal count the same.
#[tokio::test]
async fn the_requests_of_calls_count_when_their_run_is_dropped() {
    let place = Place::new();
    let (journal, mut conversation) = (place.open(), start());
    let slow = answers(Duration::from_secs(60));
    let host = journal.host(team(slow.clone()), &mut conversation).await.unwrap();
    for (asked, expected) in [(2, OUTPUT + 2 * WORST), (4, OUTPUT + 4 * WORST)] {
        let are_asked = pin!(async {
            while slow.requests().len() < asked {
                tokio::task::yield_now().await;
            }
        });
        let run = host.run(&mut conversation).into_future().boxed();
        assert!(matches!(select(run, are_asked).await, Either::Right(_)), "the model takes a minute");
        assert_eq!(conversation.spent().output_tokens, expected);
    }
    drop(host);
    let conversation = run(&place).await;
    assert_eq!(conversation.spent().output_tokens, 4 * OUTPUT + 4 * WORST);
}
