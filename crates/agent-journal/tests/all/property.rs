//! For any team and any sequence of steps: memory and journal agree, and finished work is not
//! repeated.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use agent_core::{
    Conversation, End, Limits, LlmError, Outcome, RunError, Team, conversation::Change, host::drive,
    model::LlmErrorKind, script::Reply,
};
use agent_journal::{Entry, Journal, JournalError, JournalHost, JournalHostError};
use proptest::{collection::vec, prelude::*};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::common::{Log, Place, calls, start, team};

/// The reply of a model: a number of calls, text, or a failure.
#[derive(Clone, Debug)]
enum Says {
    Calls(Vec<(u8, u64)>),
    Words,
    Fails,
}

/// One step of a test.
#[derive(Clone, Debug)]
enum Step {
    Run,
    /// A run while a person decides about what waits, with two bits for each call.
    RunDeciding(u8),
    /// A run that is dropped.
    Drop(u64),
    /// A run that is dropped while a person decides.
    DropDeciding(u64, u8),
    Say,
    TakeBack,
    /// Decides about waiting calls, in memory or in the journal, with two bits for each.
    Decide(bool, u8),
    /// Another process continues, from its memory or from the journal.
    Reopen(bool),
}

fn says() -> impl Strategy<Value = Says> {
    prop_oneof![
        6 => vec((0..11u8, 0..25u64), 1..4).prop_map(Says::Calls),
        3 => Just(Says::Words),
        1 => Just(Says::Fails),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Run),
        4 => any::<u8>().prop_map(Step::RunDeciding),
        4 => (0..60u64).prop_map(Step::Drop),
        4 => (0..60u64, any::<u8>()).prop_map(|(ms, bits)| Step::DropDeciding(ms, bits)),
        2 => Just(Step::Say),
        1 => Just(Step::TakeBack),
        3 => (any::<bool>(), any::<u8>()).prop_map(|(in_memory, bits)| Step::Decide(in_memory, bits)),
        2 => any::<bool>().prop_map(Step::Reopen),
    ]
}

fn reply(says: &Says) -> Reply {
    let call = |&(number, ms): &(u8, u64)| match number {
        0 => ("act", json!({"ms": ms})),
        1 => ("act_once", json!({"ms": ms})),
        2 => ("act", json!({"ms": ms, "fail": "broken"})),
        3 => ("act", json!({"to": "other"})),
        4 => ("act", json!({"ms": ms, "transfer": "other"})),
        5 => ("act_first", json!({"transfer": "other"})),
        6 => ("act_once", json!({"ms": ms, "ask": "May I?"})),
        7 => ("act", json!({"ask": "May I?"})),
        8 => ("act", json!({"ms": ms, "answer": "Yes."})),
        9 => ("act_once", json!({"answer": "Yes.", "ask": "May I?"})),
        _ => ("unknown", json!({})),
    };
    match says {
        Says::Calls(numbers) => calls(numbers.iter().map(call)),
        Says::Words => Reply::text("Done."),
        Says::Fails => Reply::error(LlmError::new(LlmErrorKind::Server, "down")),
    }
    .after(Duration::from_millis(2))
}

struct Stage {
    place: Place,
    team: Team,
    log: Log,
    journal: Journal,
    host: Option<JournalHost>,
    conversation: Conversation,
    /// The calls with a result in the journal, and how often each was made by then.
    finished: BTreeMap<String, usize>,
}

impl Stage {
    async fn begin(says: Vec<Says>) -> Self {
        let model = move |agent: &str, turn: usize| reply(&says[(turn + agent.len()) % says.len()]);
        let (team, log) = team(&["main", "other"], model);
        let team = team.with_limits(Limits::new().turns(3).depth(1).requests(u32::MAX).calls(u32::MAX));
        let place = Place::new();
        let mut stage = Self {
            journal: place.open(),
            place,
            team,
            log,
            host: None,
            conversation: start(),
            finished: BTreeMap::new(),
        };
        stage.open().await;
        stage
    }

    async fn open(&mut self) {
        let host = self.journal.host(self.team.clone(), &mut self.conversation).await.unwrap();
        // A call that may have been made is made again. So results do not depend on when a run was
        // stopped.
        self.host = Some(host.on_unknown(|_| None));
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::Run => self.run().await,
            Step::RunDeciding(bits) => {
                let host = self.host.as_ref().unwrap();
                let deciding = decide_while_it_runs(self.journal.clone(), *bits);
                tokio::select! { _ = host.run(&mut self.conversation) => {}, () = deciding => {} }
                // The next run takes up what was decided when this one had ended.
                self.flush().await;
                self.run().await;
            }
            Step::Drop(ms) => {
                let host = self.host.as_ref().unwrap();
                drop(timeout(Duration::from_millis(*ms), drive(&mut self.conversation, host)).await);
            }
            Step::DropDeciding(ms, bits) => {
                let host = self.host.as_ref().unwrap();
                let deciding = decide_while_it_runs(self.journal.clone(), *bits);
                let run = timeout(Duration::from_millis(*ms), drive(&mut self.conversation, host));
                tokio::select! { _ = run => {}, () = deciding => {} }
            }
            Step::Say => self.conversation.say("Go on."),
            // There may be nothing to take back.
            Step::TakeBack => drop(self.conversation.take_back()),
            Step::Decide(in_memory, bits) => self.decide(*in_memory, *bits).await,
            Step::Reopen(from_start) => {
                self.host = None;
                self.journal = self.place.open();
                // Others do not know what was said only in memory.
                let known = self.journal.conversation("s").unwrap();
                if *from_start || !self.conversation.messages().starts_with(known.messages()) {
                    self.conversation = start();
                }
                self.open().await;
            }
        }
        self.flush().await;
        self.check();
    }

    async fn run(&mut self) {
        let host = self.host.as_ref().unwrap();
        let mut end = host.run(&mut self.conversation).await;
        if let Err(JournalHostError::Journal(JournalError::Diverged { .. })) = end {
            // It was said to a run that was dropped, after results that are in the journal and were
            // not handed over.
            self.conversation = self.journal.conversation("s").unwrap();
            end = host.run(&mut self.conversation).await;
        }
        match end {
            Ok(_) | Err(JournalHostError::Run(RunError::Model(_))) => {}
            Err(error) => panic!("{error}"),
        }
        self.flush().await;
        let kept = self.journal.conversation("s").unwrap();
        assert_eq!(kept, self.conversation, "{kept}\n\n{}", self.conversation);
    }

    async fn decide(&mut self, in_memory: bool, mut bits: u8) {
        let Some(End::Waiting(waiting)) = self.conversation.turn(&self.team).into_end() else { return };
        for call in waiting {
            let key = &call.key;
            match (in_memory, bits % 4) {
                (_, 0) => {}
                (true, 1) => self.conversation.deny(key, "no").unwrap(),
                (true, _) => self.conversation.approve(key).unwrap(),
                // Somebody may have decided before.
                (false, 1) => drop(self.journal.deny(key, "no").await),
                (false, _) => drop(self.journal.approve(key).await),
            }
            bits /= 4;
        }
    }

    /// Everything that was sent is written once a later write is acknowledged.
    async fn flush(&self) {
        let error = self.journal.deny("s/none", "").await.unwrap_err();
        assert!(matches!(error, JournalError::NotWaiting(_)));
    }

    /// Calls with a result in the journal are not made again.
    fn check(&mut self) {
        let made = self.log.made();
        for (key, times) in &self.finished {
            assert_eq!(made.get(key).unwrap_or(&0), times, "{key} had its result, and was made again");
        }
        let entries = self.journal.entries("s").unwrap();
        let finished: BTreeSet<String> = entries.into_iter().filter_map(finished).collect();
        self.finished =
            finished.into_iter().map(|key| (key.clone(), *made.get(&key).unwrap_or(&0))).collect();
    }
}

/// Decides about each call as soon as it waits. It never ends.
async fn decide_while_it_runs(journal: Journal, bits: u8) {
    for place in 0.. {
        sleep(Duration::from_millis(2)).await;
        for call in journal.conversation("s").unwrap().waiting() {
            // Somebody may have decided before.
            match bits >> (2 * (place % 4)) & 3 {
                0 => {}
                1 => drop(journal.deny(&call.key, "no").await),
                _ => drop(journal.approve(&call.key).await),
            }
        }
    }
}

fn finished((id, entry): (String, Entry)) -> Option<String> {
    match entry {
        Entry::Change(Change::Recorded { call, done }) if !matches!(done.outcome, Outcome::Wait { .. }) => {
            Some(format!("{id}/{call}"))
        }
        _ => None,
    }
}

/// This many cases, unless the environment sets another number.
fn cases(cases: u32) -> ProptestConfig {
    let default = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => default,
        None => ProptestConfig { cases, ..default },
    }
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn whatever_happens_memory_and_journal_agree_and_nothing_that_is_written_is_done_again(
        says in vec(says(), 1..6),
        plan in vec(step(), 1..7),
    ) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().build().unwrap();
        runtime.block_on(async {
            let mut stage = Stage::begin(says).await;
            for step in plan.iter().chain([&Step::Run]) {
                stage.take(step).await;
            }
        });
    }
}
