//! How each case is checked.

mod cancel;
mod parallel;
mod request;
mod run;

use super::{
    case::{Case, Expected},
    mismatch::Checked,
    stage::Stage,
};

/// Does what the case says, and compares it with what is expected.
pub(super) async fn check(case: &Case, stage: &Stage) -> Checked {
    match &case.expected {
        Expected::Reply { request, sent } => request::reply(case, stage, request, sent).await,
        Expected::Failure { request, failure } => request::failure(case, stage, request, failure).await,
        Expected::Run { calls, end } => run::check(stage, calls, end).await,
        Expected::Shown { until } => cancel::shown(case, stage, until).await,
        Expected::GivenUp => cancel::given_up(case, stage).await,
        Expected::NotAsked => cancel::not_asked(case, stage).await,
        Expected::Parallel(count) => parallel::check(stage, *count).await,
    }
}
