//! The trait for places of sessions, as a page has one: behind a pointer, with whoever it is.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use agent_core::{
    Conversation, End, Event, async_trait,
    sessions::{
        Decision, SessionEvent, SessionEvents, SessionState, SessionSummary, Sessions, SessionsError,
    },
};
use futures::{StreamExt, stream};
use serde_json::json;

/// A place with one session, which has two events.
struct One;

fn event(offset: u64) -> SessionEvent {
    let event: Event = serde_json::from_value(json!({
        "at_ms": 1500, "conversation": "s", "depth": 0, "agent": "main",
        "kind": {"kind": "transferred", "value": {"from": offset.to_string()}},
    }))
    .unwrap();
    SessionEvent { offset, run_began: SystemTime::UNIX_EPOCH, event }
}

#[async_trait]
impl Sessions for One {
    async fn sessions(&self) -> Result<Vec<Result<SessionSummary, SessionsError>>, SessionsError> {
        Ok(vec![self.session("s").await])
    }

    async fn session(&self, id: &str) -> Result<SessionSummary, SessionsError> {
        let state = SessionState::Ended(End::Answered("Done.".to_owned()));
        Ok(SessionSummary::new(id, "main", state, SystemTime::UNIX_EPOCH))
    }

    async fn conversation(&self, id: &str) -> Result<Conversation, SessionsError> {
        Ok(Conversation::start("main", "Go.").with_id(id))
    }

    async fn events(&self, _: &str, after: u64) -> Result<SessionEvents, SessionsError> {
        let events = [1, 2].into_iter().filter(move |offset| *offset > after).map(event).map(Ok);
        Ok(stream::iter(events).boxed())
    }

    async fn decide(&self, _: &str, _: Decision) -> Result<(), SessionsError> {
        Err(SessionsError::NotPossible { what: "a decision", why: "nothing asks here" })
    }

    async fn cancel(&self, id: &str) -> Result<(), SessionsError> {
        Err(SessionsError::NotRunning { id: id.to_owned() })
    }

    async fn fork(&self, id: &str, _: Option<usize>, _: &str) -> Result<(), SessionsError> {
        Err(SessionsError::NoSuchTurn { id: id.to_owned(), turn: 3, turns: 1 })
    }
}

#[tokio::test]
async fn a_page_asks_a_place_of_sessions_that_it_does_not_know() {
    let sessions: Arc<dyn Sessions> = Arc::new(One);
    let all = sessions.sessions().await.unwrap();
    let words: Vec<_> = all.iter().map(|one| one.as_ref().unwrap().state.word()).collect();
    assert_eq!(words, ["ended"]);
    let rest: Vec<_> = sessions.events("s", 1).await.unwrap().map(Result::unwrap).collect().await;
    assert_eq!(rest, [event(2)]);
    assert_eq!(rest[0].time(), SystemTime::UNIX_EPOCH + Duration::from_millis(1500));
    assert_eq!(sessions.conversation("s").await.unwrap().id(), "s");
}

#[tokio::test]
async fn errors_name_the_session_and_say_why() {
    let approve = One.decide("s/1", Decision::Approve).await;
    let errors = [approve, One.cancel("s").await, One.fork("s", Some(3), "t").await];
    let errors = errors.map(|error| error.unwrap_err().to_string());
    assert_eq!(
        errors,
        [
            "a decision is not possible here: nothing asks here",
            "session \"s\" can't be cancelled, because no program runs it now",
            "session \"s\" can't be forked after turn 3, because its last turn is 1",
        ]
    );
}
