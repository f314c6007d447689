//! Calls that began before their turn, and those that equal calls of a turn share.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::{Hash, Hasher},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{call::Caller, running::Running};
use crate::{
    Call, ToolCall,
    host::cancel::{Entered, Tokens},
};

/// What is too little to tell of: a call that could have begun so much earlier.
const SHORT: Duration = Duration::from_millis(50);

/// The calls of a run that began early or are shared, by conversation.
#[derive(Debug, Default)]
pub(super) struct BegunCalls(Mutex<HashMap<Arc<str>, Begun>>);

/// Those of one conversation, from the reply that makes them to the end of their turn.
#[derive(Debug, Default)]
struct Begun {
    /// By their numbers: in the order in which they began.
    running: BTreeMap<u64, Running>,
    next: u64,
    alike: HashMap<What, Alike>,
    /// Which one began for the call of this id.
    own: HashMap<String, u64>,
    /// Which one the call of this id has, once the reply is whole.
    taken: HashMap<String, u64>,
    /// When the model had moved on from a call that only its missing mark kept from starting then.
    moved_on: HashMap<String, Instant>,
}

/// The equal calls of a reply.
#[derive(Debug, Default)]
struct Alike {
    /// Those that run and nobody has yet.
    runs: BTreeSet<u64>,
    /// How many the reply makes so far.
    wanted: usize,
}

/// A call without its id.
#[derive(Debug)]
struct What(Arc<ToolCall>);

impl BegunCalls {
    /// The model has moved on from a call that may start now. It starts, unless the reply began an equal one before it was
    /// asked again that no other call of it wants. Until its turn comes it is stopped by `tokens`.
    pub(super) fn start(&self, caller: &Arc<Caller>, tokens: Option<&Arc<Tokens>>, call: Call) {
        let call = Arc::new(call);
        let mut all = self.lock();
        let begun = all.entry(call.conversation.clone()).or_default();
        let alike = begun.alike.entry(What(call.call.clone())).or_default();
        alike.wanted += 1;
        let is_there = match caller.shares(&call) {
            true => alike.runs.iter().any(|run| !begun.running[run].is_stopped()),
            false => alike.runs.len() >= alike.wanted,
        };
        if !is_there {
            let entered = Entered::of(&call, tokens);
            begun.add(Running::start(caller.clone(), call, entered, None));
        }
    }

    /// The reply is asked again from its beginning.
    pub(super) fn restart(&self, conversation: &str) {
        if let Some(begun) = self.lock().get_mut(conversation) {
            begun.moved_on.clear();
            for alike in begun.alike.values_mut() {
                // What was stopped is no other call's.
                alike.runs.retain(|run| !begun.running[run].is_stopped());
                alike.wanted = 0;
            }
        }
    }

    /// The reply makes these calls, as the conversation will record them, some behind one that runs alone, or in a reply
    /// whose calls do not count: they have only what has effects. Each has what
    /// began for it, or for an equal one before the reply was asked again. The rest is given back.
    pub(super) fn settle<'c>(
        &self,
        conversation: &str,
        calls: impl Iterator<Item = (&'c Arc<ToolCall>, bool)> + Clone,
    ) -> Vec<Running> {
        let mut all = self.lock();
        let Some(begun) = all.get_mut(conversation) else { return Vec::new() };
        begun.take_own(calls.clone());
        begun.take_alike(calls);
        begun.alike.clear();
        let taken: BTreeSet<u64> = begun.taken.values().copied().collect();
        let (taken, left) =
            mem::take(&mut begun.running).into_iter().partition(|(run, _)| taken.contains(run));
        begun.running = taken;
        let left: BTreeMap<u64, Running> = left;
        left.into_values().collect()
    }

    /// What a call whose turn it is takes part in; `None` if it is to be made for itself.
    pub(super) fn take(
        &self,
        caller: &Arc<Caller>,
        call: &Arc<Call>,
        late: Option<Duration>,
    ) -> Option<Running> {
        let (mut all, shares) = (self.lock(), caller.shares(call));
        if let Some(found) = all.get_mut(&call.conversation).and_then(|begun| begun.find(call, shares)) {
            found.made = true;
            return Some(found.clone());
        }
        shares.then(|| {
            let mut running = Running::start(caller.clone(), call.clone(), Entered::default(), late);
            running.made = true;
            all.entry(call.conversation.clone()).or_default().add(running.clone());
            running
        })
    }

    /// Stops a call that was cancelled, unless a twin still wants it.
    pub(super) fn leave(&self, call: &Call) {
        let mut all = self.lock();
        let Some(begun) = all.get_mut(&call.conversation) else { return };
        if let Some(run) = begun.number(call, true).filter(|run| begun.running[run].is_left()) {
            begun.running.remove(&run);
            if let Some(alike) = begun.alike.get_mut(&What(call.call.clone())) {
                alike.runs.remove(&run);
            }
        }
    }

    pub(super) fn has_any(&self, conversation: &str) -> bool {
        self.lock().get(conversation).is_some_and(|begun| !begun.running.is_empty())
    }

    /// Whether the end of this call is still to be told; whoever asks tells it.
    pub(super) fn is_end_untold(&self, call: &Call) -> bool {
        let all = self.lock();
        let own =
            all.get(&call.conversation).and_then(|begun| begun.running.get(begun.own.get(&call.call.id)?));
        own.filter(|running| *running.call == *call).is_none_or(Running::is_end_untold)
    }

    /// Forgets the calls of a turn that has ended: what is read from here on may be different. A later turn of the same
    /// reply may still want others.
    pub(super) fn forget(&self, conversation: &str) {
        let mut all = self.lock();
        if let Some(begun) = all.get_mut(conversation) {
            begun.running.retain(|_, running| !running.made);
            begun.alike.clear();
            begun.moved_on.clear();
            if begun.running.is_empty() {
                all.remove(conversation);
            }
        }
    }

    /// Forgets all calls of a conversation, whose reply leaves them no turn, and gives those that its calls have.
    pub(super) fn take_made(&self, conversation: &str) -> Vec<(String, Running)> {
        let mut begun = self.lock().remove(conversation).unwrap_or_default();
        let taken = begun.taken.into_iter().filter_map(|(id, run)| Some((id, begun.running.remove(&run)?)));
        let mut made: Vec<_> = taken.filter(|(_, running)| running.has_begun()).collect();
        made.sort_by(|(_, one), (_, other)| one.call.call.id.cmp(&other.call.call.id));
        made
    }

    /// Forgets all calls of a conversation, and gives those that no turn wanted.
    pub(super) fn clear(&self, conversation: &str) -> Vec<Running> {
        let mut all = self.lock();
        // As a rule none has begun, and each turn asks.
        if all.is_empty() {
            return Vec::new();
        }
        let begun = all.remove(conversation).unwrap_or_default();
        begun.running.into_values().filter(|running| !running.made).collect()
    }

    /// The model has moved on from a call that would start now, were it marked.
    pub(super) fn move_on(&self, conversation: &Arc<str>, id: &str) {
        let mut all = self.lock();
        let begun = all.entry(conversation.clone()).or_default();
        begun.moved_on.insert(id.to_owned(), Instant::now());
    }

    /// How much earlier a call that starts now could have started, were it marked; `None` if that is next to nothing.
    pub(super) fn late(&self, call: &Call) -> Option<Duration> {
        let all = self.lock();
        let moved_on = all.get(&call.conversation)?.moved_on.get(&call.call.id)?;
        Some(moved_on.elapsed()).filter(|by| *by >= SHORT)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Begun>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Begun {
    fn add(&mut self, running: Running) {
        let (run, call) = (self.next, running.call.call.clone());
        self.next += 1;
        self.own.insert(call.id.clone(), run);
        self.alike.entry(What(call)).or_default().runs.insert(run);
        self.running.insert(run, running);
    }

    /// First, so that no call gets the result of one that began for another while its own is there.
    fn take_own<'c>(&mut self, calls: impl Iterator<Item = (&'c Arc<ToolCall>, bool)>) {
        for (call, behind) in calls {
            let Some(run) = self.own.get(&call.id) else { continue };
            let Some(alike) = self.alike.get_mut(&What(call.clone())) else { continue };
            if alike.runs.contains(run) && self.running[run].counts(behind) {
                self.taken.insert(call.id.clone(), *run);
                if !self.running[run].shared {
                    alike.runs.remove(run);
                }
            }
        }
    }

    fn take_alike<'c>(&mut self, calls: impl Iterator<Item = (&'c Arc<ToolCall>, bool)>) {
        for (call, behind) in calls {
            if self.taken.contains_key(&call.id) {
                continue;
            }
            let Some(alike) = self.alike.get_mut(&What(call.clone())) else { continue };
            // The call it began for is not there any more, or has it.
            while let Some(run) = alike.runs.first().filter(|run| self.running[run].is_stopped()).copied() {
                alike.runs.remove(&run);
            }
            let Some(run) = alike.runs.first().filter(|run| self.running[run].counts(behind)).copied() else {
                continue;
            };
            self.taken.insert(call.id.clone(), run);
            if !self.running[&run].shared {
                alike.runs.remove(&run);
            }
        }
    }

    fn find(&mut self, call: &Call, shares: bool) -> Option<&mut Running> {
        let run = self.number(call, shares)?;
        self.running.get_mut(&run)
    }

    /// What a call has, or shares.
    fn number(&self, call: &Call, shares: bool) -> Option<u64> {
        let own = self.taken.get(&call.call.id).filter(|run| self.running.contains_key(run));
        let shared = || {
            let alike = shares.then(|| self.alike.get(&What(call.call.clone())))??;
            let is_own = |run: &u64| self.own.get(&call.call.id) == Some(run);
            alike.runs.iter().find(|run| is_own(run) || !self.running[run].is_stopped())
        };
        own.or_else(shared).copied()
    }
}

impl PartialEq for What {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name && self.0.input == other.0.input
    }
}

impl Eq for What {}

impl Hash for What {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name.hash(state);
        self.0.input.text().hash(state);
    }
}
