//! Answers that are no replies.

use std::time::Duration;

use agent_core::model::LlmErrorKind::{self, *};

use crate::{
    Answer, Fault,
    conformance::case::{Case, Failure},
};

pub(super) fn cases() -> Vec<Case> {
    [for_good(), passing()].concat()
}

/// Statuses after which the same request fails again.
fn for_good() -> Vec<Case> {
    let status = |name, status, kinds: &[LlmErrorKind]| {
        let purpose = "The error has the right kind, and nobody asks again.";
        Case::failure(name, purpose, Fault::status(status), Failure::for_good(kinds).status(status))
    };
    vec![
        status("status 400", 400, &[InvalidRequest]),
        status("status 401", 401, &[Authentication]),
        status("status 403", 403, &[Permission]),
        status("status 404", 404, &[NotFound]),
        status("status 413", 413, &[InvalidRequest, PromptTooLong]),
    ]
}

/// Answers after which the same request may succeed.
fn passing() -> Vec<Case> {
    let status = |name, status, kinds: &[LlmErrorKind]| {
        let purpose = "The error has the right kind, and says that it may pass.";
        Case::failure(name, purpose, Fault::status(status), Failure::that_passes(kinds).status(status))
    };
    let answer =
        |name, purpose, answer, failure| Case::failure(name, purpose, Fault::answer(answer), failure);
    let html = "<html>Bad gateway</html>";
    vec![
        answer(
            "status 429 with retry-after",
            "The time to wait that the server says is kept.",
            Answer::new(429).header("retry-after", "2"),
            Failure::that_passes([RateLimit]).status(429).after(Duration::from_secs(2)),
        ),
        status("status 500", 500, &[Server]),
        status("status 503", 503, &[Server, Overloaded]),
        status("status 529", 529, &[Overloaded, Server]),
        answer(
            "status 502 with HTML",
            "An error page of a proxy is an error of the server.",
            Answer::new(502).header("content-type", "text/html").body(html),
            Failure::that_passes([Server]).status(502),
        ),
        answer(
            "HTML in the place of a reply",
            "A page with status 200 is no reply.",
            Answer::new(200).header("content-type", "text/html").body("<html>Sign in</html>"),
            Failure::that_passes([Malformed, Incomplete]),
        ),
    ]
}
