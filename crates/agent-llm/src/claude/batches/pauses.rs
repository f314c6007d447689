//! Waiting for the end of a batch.

use std::{future::Future, time::Duration};

use agent_core::LlmError;
use backon::{BackoffBuilder, ExponentialBuilder};

use super::batch::Batch;

/// The pause after the first question.
const FIRST: Duration = Duration::from_secs(1);

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);

/// Asks how far a batch is until it has ended.
pub(super) async fn until_ended<F>(ask: impl Fn() -> F) -> Result<Batch, LlmError>
where
    F: Future<Output = Result<Batch, LlmError>>,
{
    let builder = ExponentialBuilder::new().with_factor(2.0).without_max_times();
    let mut pauses = builder.with_min_delay(FIRST).with_max_delay(LONGEST).build();
    loop {
        let batch = ask().await?;
        if batch.is_ended() {
            return Ok(batch);
        }
        tokio::time::sleep(pauses.next().unwrap_or(LONGEST)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use agent_core::{Json, model::LlmErrorKind};
    use tokio::time::Instant;

    use super::*;

    fn batch(status: &str) -> Batch {
        let json = serde_json::json!({"id": "msgbatch_1", "processing_status": status});
        Batch::read(Json::from(json)).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_to_a_minute() {
        let begun = Instant::now();
        let asked = Mutex::new(Vec::new());
        let ended = until_ended(|| async {
            let mut asked = asked.lock().unwrap();
            asked.push(begun.elapsed().as_secs());
            Ok(batch(if asked.len() < 10 { "in_progress" } else { "ended" }))
        });
        assert!(ended.await.unwrap().is_ended());
        assert_eq!(*asked.lock().unwrap(), [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_is_being_cancelled_is_waited_for_and_an_error_ends_the_wait() {
        let states =
            Mutex::new(vec![Err(LlmError::new(LlmErrorKind::Server, "down")), Ok(batch("canceling"))]);
        let error = until_ended(|| async { states.lock().unwrap().pop().unwrap() }).await.unwrap_err();
        assert_eq!((error.message.as_str(), states.lock().unwrap().len()), ("down", 0));
    }
}
