//! Requests in parallel.

use agent_core::{Message, Response};
use futures::future::try_join_all;

use super::request::ask;
use crate::conformance::{
    case::{NUMBER, asking},
    likeness::{self, same_reply},
    mismatch::{Checked, Mismatch},
    stage::Stage,
};

/// Each request gets the reply to itself. The server repeats the number in the request.
pub(super) async fn check(stage: &Stage, count: usize) -> Checked {
    let one = async |number: usize| {
        let request = asking(vec![Message::user(words(number))]);
        let expected = Response::text(words(number));
        match ask(stage, &request).await? {
            Ok(got) => same_reply(&expected, &got),
            Err(error) => Err(Mismatch::new(likeness::reply(&expected), likeness::error(&error))),
        }
    };
    try_join_all((0..count).map(one)).await.map(|_| ())
}

fn words(number: usize) -> String {
    format!("{NUMBER}{number}.")
}
