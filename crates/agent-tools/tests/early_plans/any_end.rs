//! Whatever comes of a plan and its reply, nothing of it runs on, and each call has its events.

use agent_core::{Block, Cancel, Conversation, Delta, StopReason, tool::Early};
use agent_tools::PlanTool;
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::{
    Count, Paused,
    any_split::{any_step, streamed, written_steps},
    builder, ending, model, ms, team, told,
};

/// What comes after the text of a plan.
#[derive(Clone, Debug)]
enum After {
    Nothing,
    Words,
    /// The call is cut at this place, and made again in a reply that is asked again.
    Again(Index),
    /// The call is cut at this place.
    Cut(Index),
}

fn after() -> impl Strategy<Value = After> {
    prop_oneof![
        Just(After::Nothing),
        Just(After::Words),
        any::<Index>().prop_map(After::Again),
        any::<Index>().prop_map(After::Cut),
    ]
}

fn reply(mut call: Vec<Paused>, after: &After, reason: StopReason) -> Vec<Paused> {
    let whole = call.clone();
    match after {
        After::Nothing => {}
        After::Words => {
            call.push((0, Ok(Delta::Block { index: 1, block: Block::text("and") })));
            call.push((300, Ok(Delta::words(1, " more"))));
        }
        After::Again(place) => {
            call.truncate(place.index(whole.len()).max(1));
            call.push((0, Ok(Delta::Restarted { reason: "it broke off".to_owned() })));
            call.extend(whole);
        }
        After::Cut(place) => call.truncate(place.index(whole.len()).max(1)),
    }
    ending(call, reason)
}

/// Runs the reply. After 350 ms the call with this key is stopped.
fn run(reply: Vec<Paused>, early: Early, stopped: Option<&'static str>) -> (String, Conversation) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let (count, cancel) = (Count::default(), Cancel::new());
        let team = team(builder(model([reply]), &count).early(early).tool(PlanTool::new()));
        if let Some(key) = stopped {
            let cancel = cancel.clone();
            tokio::spawn(async move {
                tokio::time::sleep(ms(350)).await;
                cancel.call(key);
            });
        }
        let (lines, conversation) = told(&team, &cancel).await;
        // An aborted task ends when it is polled next.
        tokio::task::yield_now().await;
        let ended = count.ended();
        tokio::time::sleep(ms(60_000)).await;
        assert_eq!(count.ended(), ended, "nothing runs on\n{lines}\n{conversation}");
        assert!(!lines.contains("panicked"), "{lines}");
        (lines, conversation)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]
    #[test]
    fn nothing_of_a_plan_runs_on_whatever_comes_of_it(
        steps in vec(any_step(), 1..7),
        names_later_ones in prop::bool::weighted(0.3),
        ids in prop::sample::select(vec![2, 3, usize::MAX, usize::MAX]),
        ends in prop::sample::select(vec!["", r#""enough": 1, "#, r#""stop_on_failure": true, "#]),
        places in vec((any::<Index>(), 0_u64..300), 0..12),
        after in after(),
        reason in prop::sample::select(vec![StopReason::ToolUse, StopReason::ToolUse, StopReason::MaxTokens, StopReason::Refusal]),
        stopped in prop::option::weighted(0.3, prop::sample::select(vec!["run/p", "run/p/s0", "run/p/s1", "run/p/s1/0"])),
        early in prop::sample::select(vec![Early::ReadOnly, Early::All]),
    ) {
        let text = format!("{{{ends}{}}}", written_steps(&steps, names_later_ones, ids));
        let reply = reply(streamed(&text, &places), &after, reason);
        let (lines, conversation) = run(reply.clone(), early, stopped);
        if ends.is_empty() && stopped.is_none() {
            let (_, late) = run(reply, Early::Never, None);
            prop_assert_eq!(&conversation, &late, "{}", lines);
        }
    }
}
