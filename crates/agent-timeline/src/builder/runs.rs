//! The runs of a log, and the conversations of each.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use agent_core::{Event, EventKind};

use super::drafts::Drafts;
use crate::bar::{Bar, BarKind};

/// How much earlier than the last event an event must be to belong to a new run. Events of one run
/// may be a little out of order, because they come from several threads.
const EARLIER: Duration = Duration::from_millis(10);

/// The runs so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs {
    runs: Vec<OneRun>,
    /// The latest run of each conversation.
    run_of: HashMap<Arc<str>, usize>,
    chats: Vec<Chat>,
    /// When the run of the next event began, if that is known.
    stamp: Option<SystemTime>,
}

#[derive(Clone, Debug, Default)]
struct OneRun {
    /// When it began, by the clock on the wall, and its last event since then.
    stamp: Option<SystemTime>,
    last_at: Duration,
    /// When it began: 0, or when the run before it had ended.
    began: Duration,
    /// Its last event.
    last: Duration,
    has_ended: bool,
    /// It ended because a person is waited for.
    waits: bool,
    /// The run before it, and the one that followed it.
    before: Option<usize>,
    next: Option<usize>,
    chats: HashMap<Arc<str>, usize>,
}

/// A conversation in one run.
#[derive(Clone, Debug)]
struct Chat {
    /// The bar of the run, or of the call that delegated to it.
    whole: usize,
    turns: usize,
    last_turn: Option<usize>,
    calls: HashMap<String, usize>,
    /// The calls since the last turn.
    since: Vec<usize>,
}

/// Where an event belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) at: Duration,
    pub(super) run: usize,
    /// The bar of the whole conversation.
    pub(super) whole: usize,
    chat: usize,
}

impl Runs {
    /// Says when the run of the next event began.
    pub(super) fn begun(&mut self, stamp: Option<SystemTime>) {
        self.stamp = stamp;
    }

    /// Where an event belongs. Adds the bar of its run if it is the first of it.
    pub(super) fn place(&mut self, event: &Event, drafts: &mut Drafts) -> Place {
        let run = self.run(event);
        let chat = self.chat(run, event, drafts);
        let one = &mut self.runs[run];
        one.last = one.last.max(one.began + event.at);
        one.last_at = one.last_at.max(event.at);
        Place { at: one.last, run, whole: self.chats[chat].whole, chat }
    }

    /// The time of the last event of a run.
    pub(super) fn last_of(&self, run: usize) -> Duration {
        self.runs[run].last
    }

    pub(super) fn end(&mut self, place: &Place, waits: bool) {
        let run = &mut self.runs[place.run];
        (run.has_ended, run.waits) = (true, waits);
    }

    /// The bar of this call in the latest earlier run that has it.
    pub(super) fn earlier_call(&self, place: &Place, conversation: &str, id: &str) -> Option<usize> {
        let mut run = &self.runs[place.run];
        while let Some(before) = run.before {
            run = &self.runs[before];
            let chat = run.chats.get(conversation).map(|&chat| &self.chats[chat]);
            if let Some(&call) = chat.and_then(|chat| chat.calls.get(id)) {
                return Some(call);
            }
        }
        None
    }

    pub(super) fn last_turn(&self, place: &Place) -> Option<usize> {
        self.chats[place.chat].last_turn
    }

    /// Adds a turn to the conversation, and returns its number, from 1.
    pub(super) fn add_turn(&mut self, place: &Place, bar: usize) -> usize {
        let chat = &mut self.chats[place.chat];
        chat.turns += 1;
        chat.last_turn = Some(bar);
        chat.turns
    }

    /// The bar of a call.
    pub(super) fn call(&self, place: &Place, id: &str) -> Option<usize> {
        self.chats[place.chat].calls.get(id).copied()
    }

    /// Sets the bar of a call.
    pub(super) fn add_call(&mut self, place: &Place, id: &str, bar: usize) {
        let chat = &mut self.chats[place.chat];
        chat.calls.insert(id.to_owned(), bar);
        chat.since.push(bar);
    }

    /// The calls since the last turn. The next time they are not among them.
    pub(super) fn take_calls(&mut self, place: &Place) -> Vec<usize> {
        std::mem::take(&mut self.chats[place.chat].since)
    }

    /// The run of an event: that of its conversation, or of the conversation that delegated to it.
    fn run(&mut self, event: &Event) -> usize {
        let known = self.run_of.get(&event.conversation).copied();
        let above = || parent(event).and_then(|(above, _)| self.run_of.get(above).copied());
        let Some(mut run) = known.or_else(above) else {
            return self.add_run(&event.conversation, Duration::ZERO);
        };
        while let Some(next) = self.runs[run].next {
            run = next;
        }
        let one = &self.runs[run];
        let (at, last) = (one.began + event.at, one.last);
        let is_tail = matches!(
            event.kind,
            EventKind::CallEnded { .. } | EventKind::CallGoesOn { .. } | EventKind::CallProgress { .. }
        );
        let is_one_clock = one.stamp.zip(self.stamp).is_some_and(|(of_run, now)| of_run == now);
        let is_other_clock = one.stamp.zip(self.stamp).is_some_and(|(of_run, now)| of_run != now);
        // Several processes may tell of one run, each a little late.
        let is_back = at + EARLIER < last && !is_one_clock;
        if is_back || is_other_clock || (one.has_ended && (at < last || !is_tail)) {
            let began = self.beginning_after(run, event);
            let next = self.add_run(&event.conversation, began);
            self.runs[next].before = Some(run);
            self.runs[run].next = Some(next);
            return next;
        }
        self.run_of.insert(event.conversation.clone(), run);
        run
    }

    /// When the run of this event begins, which follows another one.
    fn beginning_after(&self, run: usize, event: &Event) -> Duration {
        let OneRun { began, last, has_ended, waits, stamp, last_at, .. } = self.runs[run];
        let ended = stamp.map(|stamp| stamp + last_at);
        let begins = self.stamp.map(|stamp| stamp + event.at);
        match begins.zip(ended) {
            // It was not over: a person was waited for, or its process was killed.
            Some((begins, ended)) if self.stamp != stamp && (waits || !has_ended) => {
                (last + begins.duration_since(ended).unwrap_or_default()).saturating_sub(event.at)
            }
            // A host that makes several runs has one clock for all of them. Otherwise the clock of
            // each run begins at 0. How long the user took to say more is left out.
            _ if began + event.at >= last && (self.stamp == stamp) => began,
            _ => last,
        }
    }

    fn add_run(&mut self, conversation: &Arc<str>, began: Duration) -> usize {
        self.runs.push(OneRun { began, last: began, stamp: self.stamp, ..OneRun::default() });
        self.run_of.insert(conversation.clone(), self.runs.len() - 1);
        self.runs.len() - 1
    }

    /// The conversation of an event in its run. A later run may begin within a delegated
    /// conversation: then those above it are added first.
    fn chat(&mut self, run: usize, event: &Event, drafts: &mut Drafts) -> usize {
        let mut missing = vec![event.conversation.clone()];
        let mut depth = event.depth;
        let found = loop {
            let id = missing.last().expect("it begins with one").clone();
            if let Some(&chat) = self.runs[run].chats.get(&id) {
                missing.pop();
                break Some(chat);
            }
            let above = id.rsplit_once('/').filter(|_| depth > 0);
            match above.filter(|(above, _)| self.run_of.contains_key(*above)) {
                Some((above, _)) => missing.push(above.into()),
                None => break None,
            }
            depth -= 1;
        };
        let mut above = found;
        while let Some(id) = missing.pop() {
            above = Some(self.add_chat(run, above, id, event, drafts));
        }
        above.expect("either it was there or it was added")
    }

    fn add_chat(
        &mut self,
        run: usize,
        above: Option<usize>,
        id: Arc<str>,
        event: &Event,
        drafts: &mut Drafts,
    ) -> usize {
        let one = &self.runs[run];
        let at = one.last.max(one.began + event.at);
        let call = above.zip(id.rsplit_once('/').map(|(_, call)| call));
        let whole = call.and_then(|(above, call)| self.chats[above].calls.get(call).copied());
        let whole = whole.unwrap_or_else(|| {
            // An earlier run knows the name of the agent.
            let agent: Arc<str> = match id == event.conversation {
                true => event.agent.clone(),
                false => self.name_of(&id, drafts).unwrap_or_else(|| id.clone()),
            };
            let parent = above.map(|above| self.chats[above].whole);
            let kind = if parent.is_none() { BarKind::Run } else { BarKind::Call };
            let bar = Bar::new(kind, id.to_string(), parent, (id.clone(), agent), at);
            let whole = drafts.add(bar, run);
            if let Some((above, call)) = call {
                self.chats[above].calls.insert(call.to_owned(), whole);
            }
            whole
        });
        self.chats.push(Chat { whole, turns: 0, last_turn: None, calls: HashMap::new(), since: Vec::new() });
        self.runs[run].chats.insert(id, self.chats.len() - 1);
        self.chats.len() - 1
    }

    fn name_of(&self, id: &Arc<str>, drafts: &Drafts) -> Option<Arc<str>> {
        let chat = *self.runs[*self.run_of.get(id)?].chats.get(id)?;
        Some(drafts[self.chats[chat].whole].bar.label.as_str().into())
    }
}

/// The conversation that delegated to the one of this event, and the id of the call.
fn parent(event: &Event) -> Option<(&str, &str)> {
    event.conversation.rsplit_once('/').filter(|_| event.depth > 0)
}
