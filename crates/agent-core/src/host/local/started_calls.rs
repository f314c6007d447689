//! Calls that began before their turn, and calls that equal calls share.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{call::Caller, call_key::CallKey, running_call::RunningCall};
use crate::{
    Call, ToolCall,
    host::cancel::{CallGuard, RunTokens},
};

/// The shortest gain of time for which an event says that a call could have started earlier.
const SHORT: Duration = Duration::from_millis(50);

/// The early and shared calls of a run, by conversation.
#[derive(Debug, Default)]
pub(super) struct StartedCalls(Mutex<HashMap<Arc<str>, ConversationCalls>>);

/// The calls of one conversation, from their reply to the end of their turn.
#[derive(Debug, Default)]
struct ConversationCalls {
    /// By number, in the order in which they began.
    running: BTreeMap<u64, RunningCall>,
    next: u64,
    equal: HashMap<CallKey, EqualCalls>,
    /// By the id of a call: which running call began for it.
    own: HashMap<String, u64>,
    /// By the id of a call: which running call it uses, once the reply is whole.
    claimed: HashMap<String, u64>,
    /// By the id of a call: when it could have started if its tool were marked.
    passed_at: HashMap<String, Instant>,
}

/// The equal calls of a reply.
#[derive(Debug, Default)]
struct EqualCalls {
    /// Running calls that no call uses yet.
    runs: BTreeSet<u64>,
    /// How many of them the reply has made so far.
    wanted: usize,
}

impl StartedCalls {
    /// Starts a call early. It is not started if a running one can serve it: a shared one, or one
    /// that began before the reply was asked again and that no other call needs. Until its turn
    /// comes, `tokens` can stop it. Returns the running call that serves it, unless that began
    /// before the reply was asked again.
    pub(super) fn start(
        &self,
        caller: &Arc<Caller>,
        tokens: Option<&Arc<RunTokens>>,
        call: Arc<Call>,
    ) -> Option<RunningCall> {
        let mut all = self.lock();
        let known = all.entry(call.conversation.clone()).or_default();
        let equal = known.equal.entry(CallKey(call.call.clone())).or_default();
        equal.wanted += 1;
        if caller.shares(&call) {
            let mut shared = equal.runs.iter().map(|run| &known.running[run]);
            if let Some(shared) = shared.find(|run| !run.is_stopped()) {
                return Some(shared.clone());
            }
        } else if equal.runs.len() >= equal.wanted {
            return None;
        }
        let running = RunningCall::start(caller.clone(), call.clone(), CallGuard::of(&call, tokens), None);
        known.add(running.clone());
        Some(running)
    }

    /// The reply starts again from the beginning.
    pub(super) fn restart(&self, conversation: &str) {
        if let Some(known) = self.lock().get_mut(conversation) {
            known.passed_at.clear();
            for equal in known.equal.values_mut() {
                // A stopped call can't serve another call.
                equal.runs.retain(|run| !known.running[run].is_stopped());
                equal.wanted = 0;
            }
        }
    }

    /// Assigns running calls to the calls of the whole reply. Each call gets the one that began for
    /// it, or an equal one from before the reply was asked again. The flag marks calls after one
    /// that runs alone, or in a reply whose calls are not made: they get only calls that may have
    /// had effects. Returns the running calls that are left.
    pub(super) fn assign<'c>(
        &self,
        conversation: &str,
        calls: impl Iterator<Item = (&'c Arc<ToolCall>, bool)> + Clone,
    ) -> Vec<RunningCall> {
        let mut all = self.lock();
        let Some(known) = all.get_mut(conversation) else { return Vec::new() };
        known.claim_own(calls.clone());
        known.claim_equal(calls);
        known.equal.clear();
        let claimed: BTreeSet<u64> = known.claimed.values().copied().collect();
        let (claimed, left) =
            mem::take(&mut known.running).into_iter().partition(|(run, _)| claimed.contains(run));
        known.running = claimed;
        let left: BTreeMap<u64, RunningCall> = left;
        left.into_values().collect()
    }

    /// Returns the running call that a call of a turn joins; `None` if the call is to be made by
    /// itself.
    pub(super) fn claim(
        &self,
        caller: &Arc<Caller>,
        call: &Arc<Call>,
        late: Option<Duration>,
    ) -> Option<RunningCall> {
        let (mut all, shares) = (self.lock(), caller.shares(call));
        if let Some(found) = all.get_mut(&call.conversation).and_then(|known| known.find(call, shares)) {
            found.claimed = true;
            return Some(found.clone());
        }
        shares.then(|| {
            let mut running = RunningCall::start(caller.clone(), call.clone(), CallGuard::default(), late);
            running.claimed = true;
            all.entry(call.conversation.clone()).or_default().add(running.clone());
            running
        })
    }

    /// Stops a cancelled call, unless an equal call still needs it.
    pub(super) fn abandon(&self, call: &Call) {
        let mut all = self.lock();
        let Some(known) = all.get_mut(&call.conversation) else { return };
        if let Some(run) = known.number(call, true).filter(|run| known.running[run].is_abandoned()) {
            known.running.remove(&run);
            if let Some(equal) = known.equal.get_mut(&CallKey(call.call.clone())) {
                equal.runs.remove(&run);
            }
        }
    }

    pub(super) fn has_any(&self, conversation: &str) -> bool {
        self.lock().get(conversation).is_some_and(|known| !known.running.is_empty())
    }

    /// Whether the end of this call was not emitted yet. The caller must then emit it.
    pub(super) fn claims_end_event(&self, call: &Call) -> bool {
        let all = self.lock();
        let own =
            all.get(&call.conversation).and_then(|known| known.running.get(known.own.get(&call.call.id)?));
        own.filter(|running| *running.call == *call).is_none_or(RunningCall::claims_end_event)
    }

    /// Forgets the calls of a turn that has ended, because a later read may give another result.
    /// Later turns of the same reply may still need the others.
    pub(super) fn forget(&self, conversation: &str) {
        let mut all = self.lock();
        if let Some(known) = all.get_mut(conversation) {
            known.running.retain(|_, running| !running.claimed);
            known.equal.clear();
            known.passed_at.clear();
            if known.running.is_empty() {
                all.remove(conversation);
            }
        }
    }

    /// Forgets all calls of a conversation whose reply leaves no tools' turn. Returns those that
    /// calls of the reply use.
    pub(super) fn take_claimed(&self, conversation: &str) -> Vec<(String, RunningCall)> {
        let mut known = self.lock().remove(conversation).unwrap_or_default();
        let claimed =
            known.claimed.into_iter().filter_map(|(id, run)| Some((id, known.running.remove(&run)?)));
        let mut made: Vec<_> = claimed.filter(|(_, running)| running.has_begun()).collect();
        made.sort_by(|(_, one), (_, other)| one.call.call.id.cmp(&other.call.call.id));
        made
    }

    /// Forgets all calls of a conversation. Returns those that calls of its reply use, by their ids.
    pub(super) fn take_all(&self, conversation: &str) -> Vec<(String, RunningCall)> {
        let ConversationCalls { claimed, running, .. } = self.lock().remove(conversation).unwrap_or_default();
        claimed.into_iter().filter_map(|(id, run)| Some((id, running.get(&run)?.clone()))).collect()
    }

    /// Forgets all calls of a conversation, and returns those that no turn used.
    pub(super) fn clear(&self, conversation: &str) -> Vec<RunningCall> {
        let mut all = self.lock();
        // Usually none has begun, and each turn asks.
        if all.is_empty() {
            return Vec::new();
        }
        let known = all.remove(conversation).unwrap_or_default();
        known.running.into_values().filter(|running| !running.claimed).collect()
    }

    /// Notes when a call could have started if its tool were marked.
    pub(super) fn note_passed(&self, conversation: &Arc<str>, id: &str) {
        let mut all = self.lock();
        let known = all.entry(conversation.clone()).or_default();
        known.passed_at.insert(id.to_owned(), Instant::now());
    }

    /// How much earlier a call that starts now could have started if its tool were marked; `None`
    /// if the time is short.
    pub(super) fn late(&self, call: &Call) -> Option<Duration> {
        let all = self.lock();
        let passed_at = all.get(&call.conversation)?.passed_at.get(&call.call.id)?;
        Some(passed_at.elapsed()).filter(|by| *by >= SHORT)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, ConversationCalls>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConversationCalls {
    fn add(&mut self, running: RunningCall) {
        let (run, call) = (self.next, running.call.call.clone());
        self.next += 1;
        self.own.insert(call.id.clone(), run);
        self.equal.entry(CallKey(call)).or_default().runs.insert(run);
        self.running.insert(run, running);
    }

    /// Done first, so that no call gets another call's result while it has its own.
    fn claim_own<'c>(&mut self, calls: impl Iterator<Item = (&'c Arc<ToolCall>, bool)>) {
        for (call, behind) in calls {
            let Some(run) = self.own.get(&call.id) else { continue };
            let Some(equal) = self.equal.get_mut(&CallKey(call.clone())) else { continue };
            if equal.runs.contains(run) && self.running[run].counts(behind) {
                self.claimed.insert(call.id.clone(), *run);
                if !self.running[run].shared {
                    equal.runs.remove(run);
                }
            }
        }
    }

    fn claim_equal<'c>(&mut self, calls: impl Iterator<Item = (&'c Arc<ToolCall>, bool)>) {
        for (call, behind) in calls {
            if self.claimed.contains_key(&call.id) {
                continue;
            }
            let Some(equal) = self.equal.get_mut(&CallKey(call.clone())) else { continue };
            // The call for which it began is gone, or already has it.
            while let Some(run) = equal.runs.first().filter(|run| self.running[run].is_stopped()).copied() {
                equal.runs.remove(&run);
            }
            let Some(run) = equal.runs.first().filter(|run| self.running[run].counts(behind)).copied() else {
                continue;
            };
            self.claimed.insert(call.id.clone(), run);
            if !self.running[&run].shared {
                equal.runs.remove(&run);
            }
        }
    }

    fn find(&mut self, call: &Call, shares: bool) -> Option<&mut RunningCall> {
        let run = self.number(call, shares)?;
        self.running.get_mut(&run)
    }

    /// The number of the running call that a call uses or shares.
    fn number(&self, call: &Call, shares: bool) -> Option<u64> {
        // A step of a plan has none assigned: only now it is known which call it is.
        let began = || self.own.get(&call.call.id);
        let key = CallKey(call.call.clone());
        let is_equal = |run: &&u64| {
            self.running.get(run).is_some_and(|running| CallKey(running.call.call.clone()) == key)
        };
        let own = self.claimed.get(&call.call.id).or_else(began).filter(is_equal);
        let shared = || {
            let equal = shares.then(|| self.equal.get(&CallKey(call.call.clone())))??;
            let is_own = |run: &u64| self.own.get(&call.call.id) == Some(run);
            equal.runs.iter().find(|run| is_own(run) || !self.running[run].is_stopped())
        };
        own.or_else(shared).copied()
    }
}
