//! What happens to connections and requests.

use agent_core::{Message, model::LlmErrorKind::*, script::Reply};

use crate::{
    Fault,
    conformance::case::{Case, Expected, Failure, asking},
};

/// More than fits into the context of the server, which is 2,000 tokens in that case.
const LONG: usize = 20_000;

pub(super) fn cases() -> Vec<Case> {
    let words = || Reply::text("All is well.");
    let long = asking(vec![Message::user("weather ".repeat(LONG / 8))]);
    let failure = Failure::for_good([PromptTooLong, InvalidRequest]).status(400);
    vec![
        Case::other(
            "prompt too long",
            "A request that is longer than the context is an error, and nobody asks again.",
            words(),
            Expected::Failure { request: long, failure },
        )
        .context(2_000),
        Case::other(
            "cancel",
            "Dropping the stream gives up the request, and the next request works.",
            words(),
            Expected::GivenUp,
        )
        .with(Fault::silence(0)),
        Case::other(
            "asked when read",
            "The request is made when the stream is first polled, not before.",
            words(),
            Expected::NotAsked,
        ),
        Case::other(
            "ten requests in parallel",
            "One backend serves many agents, and each gets its own reply.",
            words(),
            Expected::Parallel(10),
        ),
    ]
}
