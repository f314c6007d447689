//! Random teams, random models, random plans: a history that is always valid, and nothing done twice.
//!
//! `PROPTEST_CASES=50000 cargo test --release -p agent-handoff --test property` plays so many cases of each.

#![allow(clippy::unwrap_used)]

mod checks;
mod plan;
mod says;
mod tools;
mod world;

use std::{panic::PanicHookInfo, sync::Once};

use agent_core::{Conversation, host::Mode};
use plan::{Step, anything, check, interrupted_runs, runs, states};
use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestCaseError},
};
use world::{World, world};

/// So many cases, unless the environment asks for another number; without the output of the panics on purpose.
fn cases(cases: u32) -> ProptestConfig {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if words(panic) != Some(tools::ON_PURPOSE) {
                loud(panic);
            }
        }));
    });
    // Quick chance will do.
    let rng_algorithm = RngAlgorithm::XorShift;
    let default = ProptestConfig { failure_persistence: None, rng_algorithm, ..ProptestConfig::default() };
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => default,
        None => ProptestConfig { cases, ..default },
    }
}

fn words<'a>(panic: &'a PanicHookInfo<'_>) -> Option<&'a str> {
    let payload = panic.payload();
    payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

proptest! {
    #![proptest_config(cases(2_500))]

    #[test]
    fn invariants_3_and_4_whatever_happens_the_history_is_valid_and_nothing_is_lost_or_repeated(
        world in prop::bool::ANY.prop_flat_map(world),
        plan in anything(),
    ) {
        std::fs::write("/tmp/case.txt", format!("{world:#?}\n{plan:#?}")).unwrap();
        check(&world, &plan, Mode::Concurrent).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn invariants_3_and_4_hold_too_where_calls_go_one_by_one(world in prop::bool::ANY.prop_flat_map(world), plan in anything()) {
        check(&world, &plan, Mode::Sequential).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn invariant_5_calls_at_once_and_one_by_one_give_the_same_conversation(
        world in world(false),
        plan in runs(),
    ) {
        same(&world, (&plan, Mode::Concurrent), (&plan, Mode::Sequential))?;
    }

    #[test]
    fn invariant_4_a_run_that_is_dropped_and_gone_on_with_comes_to_the_same_as_one_that_never_was(
        world in world(false),
        plan in interrupted_runs(),
    ) {
        let whole: Vec<Step> = plan.iter().filter(|step| !step.is_interruption()).cloned().collect();
        same(&world, (&plan, Mode::Concurrent), (&whole, Mode::Concurrent))?;
    }
}

/// Both ways lead to the same conversations.
fn same(world: &World, one: (&[Step], Mode), other: (&[Step], Mode)) -> Result<(), TestCaseError> {
    let states = |(plan, mode)| states(world, plan, mode).map_err(TestCaseError::fail);
    let show = |conversation: &Conversation| format!("{conversation}{:?}\n", conversation.usage());
    let (one, other) = (states(one)?, states(other)?);
    prop_assert_eq!(one.len(), other.len());
    for (step, (one, other)) in one.iter().zip(&other).enumerate() {
        prop_assert!(one == other, "after step {}:\n{}---\n{}", step, show(one), show(other));
    }
    Ok(())
}
