//! Backends that never end.

use agent_core::{
    Agent, BoxStream, Conversation, Delta, Llm, LlmError, Request, RunError, StopReason, Team,
    model::{Fold, LlmErrorKind, Notice},
};
use futures::{StreamExt, stream};

/// Yields this piece again and again. Other tasks can run in between.
struct Endless(fn() -> Delta);

impl Llm for Endless {
    fn stream(&self, _: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        stream::repeat_with(self.0).then(async |delta| (tokio::task::yield_now().await, Ok(delta)).1).boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn field_79_a_backend_without_end_is_an_error_that_is_not_retried() {
    let megabyte = || Delta::words(0, "x".repeat(1024 * 1024));
    let team = Team::new([Agent::builder("main", Endless(megabyte)).build().unwrap()]).unwrap();
    let mut conversation = Conversation::start("main", "Go.");
    let RunError::Model(failure) = team.run(&mut conversation).await.unwrap_err() else {
        panic!("it failed")
    };
    let error = failure.error;
    assert_eq!((error.kind, error.is_retryable()), (LlmErrorKind::TooLong, false), "{error}");
}

#[test]
fn field_79_a_reply_that_says_nothing_has_an_end_too() {
    let wait = || Delta::Notice(Notice::Wait { wait: Default::default(), reason: String::new() });
    let restarted = || Delta::Restarted { reason: String::new() };
    for nothing in [|| Delta::words(0, ""), wait as fn() -> Delta, restarted] {
        let mut fold = Fold::default();
        let taken = (0..2_000_000).take_while(|_| fold.push(nothing()).is_ok()).count();
        assert_eq!(taken, 1024 * 1024, "{:?}", nothing());
    }
}

#[test]
fn field_79_what_a_reply_says_is_bounded_also_over_attempts() {
    let megabyte = || Delta::words(0, "x".repeat(1024 * 1024));
    let mut fold = Fold::default();
    let taken = (0..100).take_while(|_| fold.push(megabyte()).is_ok()).count();
    assert_eq!(taken, 63);
    let mut fold = Fold::default();
    for _ in 0..3 {
        (0..20).for_each(|_| fold.push(megabyte()).unwrap());
        fold.push(Delta::Restarted { reason: String::new() }).unwrap();
    }
    fold.push(Delta::words(0, "Done.")).unwrap();
    fold.push(Delta::stop(StopReason::EndTurn)).unwrap();
    assert_eq!(fold.finish().unwrap().content[0].as_text(), Some("Done."));
}
