//! Cases of one request.

use agent_core::Request;

use crate::conformance::{
    case::{Case, Failure},
    likeness::{self, same_failure, same_reply},
    mismatch::{Checked, Mismatch, must},
    reading::{Answer, Reading},
    stage::Stage,
};

/// The request gets the first reply, and the server receives these words.
pub(super) async fn reply(case: &Case, stage: &Stage, request: &Request, sent: &[&str]) -> Checked {
    let answer = ask(stage, request).await?;
    is_reply(case, &answer)?;
    let requests = stage.requests();
    let text = requests.last().map(|request| request.text.as_str()).unwrap_or_default();
    sent.iter().try_for_each(|words| {
        let expected = || format!("a request that contains {words:?}");
        must(text.contains(words), || Mismatch::new(expected(), "a request without it"))
    })?;
    let foreign =
        foreign(requests.last().is_some_and(|request| request.header("anthropic-version").is_some()));
    foreign.iter().try_for_each(|words| {
        let expected = "a request without what only another API can read";
        must(!text.contains(words), || Mismatch::new(expected, format!("a request with {words:?}")))
    })
}

/// Words of blocks that only another API can read: OpenAI's for the Messages API, and those of the
/// Messages API for all others.
fn foreign(is_messages_api: bool) -> &'static [&'static str] {
    if is_messages_api {
        &["openai:", "only-openai-reads-this"]
    } else {
        &["openai:", "srvtoolu_", "c2lnbmF0dXJl"]
    }
}

/// The request fails as expected, or it gets the reply after more than one attempt.
pub(super) async fn failure(case: &Case, stage: &Stage, request: &Request, failure: &Failure) -> Checked {
    let answer = ask(stage, request).await?;
    let attempts = stage.count();
    match &answer {
        // Without a server nobody knows how often the backend asked.
        Ok(_) if failure.is_retryable && attempts.is_none_or(|attempts| attempts > 1) => {
            is_reply(case, &answer)
        }
        Ok(reply) => Err(Mismatch::new(likeness::failure(failure), likeness::reply(reply))),
        Err(error) => {
            same_failure(failure, error)?;
            let once = failure.is_retryable || attempts.is_none_or(|attempts| attempts == 1);
            let again = || Mismatch::new("one attempt", format!("{} attempts", attempts.unwrap_or(1)));
            must(once, again)
        }
    }
}

/// Reads the answer to a request to its end.
pub(super) async fn ask(stage: &Stage, request: &Request) -> Result<Answer, Mismatch> {
    Reading::new(stage.llm.stream(request.clone())).read_to_end().await
}

/// The answer is the first reply of the case.
pub(super) fn is_reply(case: &Case, answer: &Answer) -> Checked {
    let expected = case.replies[0].response(0);
    match answer {
        Ok(got) => same_reply(&expected, got),
        Err(error) => Err(Mismatch::new(likeness::reply(&expected), likeness::error(error))),
    }
}
