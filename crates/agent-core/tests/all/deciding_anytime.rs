//! For any calls, whenever a person decides and whenever the run is dropped: each decision that was
//! accepted counts, once, and no call is made twice.

use std::collections::BTreeMap;

use agent_core::{
    Conversation, End, EventKind, Run, Team,
    host::{Decisions, Mode},
    script::{Reply, Script},
    tool::ExclusiveBy,
};
use proptest::{collection::vec, prelude::*};
use serde_json::json;
use tokio::time::{Instant, sleep_until, timeout};

use crate::common::{Act, Log, agent, calls, ms};

/// A call, as a number: what it does, and how long it takes.
fn call(number: u8, may_delegate: bool) -> (&'static str, serde_json::Value) {
    let (ms, ask) = (u64::from(number / 16) * 3, "May I?");
    match number % 16 {
        0 | 1 => ("act", json!({"ms": ms})),
        2..=5 => ("act", json!({"ms": ms, "ask": ask})),
        6 => ("act_alone", json!({"ms": ms, "ask": ask})),
        7 => ("act_alone", json!({"ms": ms})),
        8 => ("act_first", json!({"ms": ms, "ask": ask})),
        9 => ("act_by", json!({"ms": ms, "key": "a", "ask": ask})),
        10 => ("act_by", json!({"ms": ms, "key": "a"})),
        11 => ("act_read", json!({"ms": ms, "ask": ask})),
        12 if may_delegate => ("act_by", json!({"to": "other", "key": "a"})),
        13 if may_delegate => ("act", json!({"to": "other", "ask": ask})),
        _ if may_delegate => ("act", json!({"to": "other"})),
        _ => ("act", json!({"fail": "no"})),
    }
}

/// A team in which the conversation at each depth makes these calls, and then ends.
fn team(by_depth: [Vec<u8>; 3]) -> (Team, Log) {
    let log = Log::default();
    let model = Script::by(move |request| {
        let depth = request.depth as usize;
        match request.messages.iter().any(|message| message.tool_results().next().is_some()) {
            true => Reply::text("Done."),
            false => calls(by_depth[depth].iter().map(|number| call(*number, depth < 2))),
        }
    });
    let by_key = || Act::new("act_by", &log).spec(|spec| spec.exclusive_by = Some(ExclusiveBy::field("key")));
    let read = || Act::new("act_read", &log).spec(|spec| spec.read_only = true);
    let all = ["main", "other"];
    let agents = all.map(|name| agent(name, &model, &log).tool(by_key()).tool(read()).build().unwrap());
    (Team::new(agents).unwrap(), log)
}

/// A person who decides about most calls some time after they are asked.
struct Person<R> {
    rolls: R,
    /// What they will decide, and when.
    due: Vec<(Instant, String, bool)>,
    /// Whether they have approved the call with each key.
    decided: BTreeMap<String, bool>,
    /// The ends that were told of each call.
    told: BTreeMap<String, Vec<String>>,
}

impl<R: Iterator<Item = u64>> Person<R> {
    fn roll(&mut self) -> u64 {
        self.rolls.next().unwrap()
    }

    fn asked(&mut self, key: &str) {
        let roll = self.roll();
        if roll % 8 < 6 {
            self.due.push((Instant::now() + ms(roll / 2), key.to_owned(), roll % 2 == 0));
            self.due.sort();
        }
    }

    fn decide(&mut self, decisions: &Decisions) {
        let (_, key, approves) = self.due.remove(0);
        let decided = if approves { decisions.approve(&key) } else { decisions.deny(&key, "no") };
        decided.expect("it waits, and its run goes on");
        assert_eq!(self.decided.insert(key, approves), None);
    }

    /// Reads the events of the run, and decides meanwhile.
    async fn attend(&mut self, mut run: Run<'_>) -> End {
        let decisions = run.decisions();
        loop {
            let next = self.due.first().map(|due| due.0);
            tokio::select! {
                biased;
                event = run.next() => match event {
                    None => return run.await.unwrap(),
                    Some(event) => match &event.kind {
                        EventKind::CallWaiting { key, .. } => self.asked(key),
                        EventKind::CallEnded { id, result, .. } => {
                            let key = format!("{}/{id}", event.conversation);
                            self.told.entry(key).or_default().push(result.to_string());
                        }
                        _ => {}
                    },
                },
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                    self.decide(&decisions);
                }
            }
        }
    }

    /// Decides about the first of the calls that wait, and about some of the others.
    fn decide_after(&mut self, conversation: &mut Conversation) {
        for (place, call) in conversation.waiting().into_iter().enumerate() {
            if place > 0 && self.roll() % 2 == 0 {
                continue;
            }
            let approves = self.roll() % 2 == 0;
            match approves {
                true => conversation.approve(&call.key).unwrap(),
                false => conversation.deny(&call.key, "no").unwrap(),
            }
            assert_eq!(self.decided.insert(call.key, approves), None);
        }
    }
}

async fn check(by_depth: [Vec<u8>; 3], rolls: Vec<u64>, drops: Vec<u64>, mode: Mode) {
    let (team, log) = team(by_depth);
    let mut conversation = Conversation::start("main", "Go.");
    let (due, decided, told) = Default::default();
    let mut person = Person { rolls: rolls.into_iter().cycle(), due, decided, told };
    let mut drops = drops.into_iter();
    loop {
        person.due.clear();
        conversation.waiting().iter().for_each(|waiting| person.asked(&waiting.key));
        let until = drops.next().map_or(ms(1_000_000), ms);
        match timeout(until, person.attend(team.run(&mut conversation).mode(mode))).await {
            Ok(End::Waiting(_)) => person.decide_after(&mut conversation),
            Ok(end) => break assert_eq!(end.text(), "Done.", "{conversation}"),
            Err(_) => {}
        }
        let lost = conversation.waiting().into_iter().find(|call| person.decided.contains_key(&call.key));
        assert_eq!(lost, None);
    }
    for (key, ended) in log.ended() {
        let is_approved = person.decided.get(&key) == Some(&true);
        assert_eq!(ended, if is_approved { 2 } else { 1 }, "{key} in {conversation}");
    }
    for (key, told) in person.told {
        let is_denied = person.decided.get(&key) == Some(&false);
        assert_eq!((told.len(), told[0] == "denied: no"), (1, is_denied), "{key}: {told:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_decision_counts_once_whenever_it_comes(
        main in vec(0..128u8, 1..5),
        other in vec(0..128u8, 1..4),
        last in vec(0..128u8, 1..4),
        rolls in vec(0..64u64, 1..20),
        drops in vec(1..60u64, 0..4),
        is_sequential in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let mode = if is_sequential { Mode::Sequential } else { Mode::Concurrent };
        runtime.unwrap().block_on(check([main, other, last], rolls, drops, mode));
    }
}
