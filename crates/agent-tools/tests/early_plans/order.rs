//! The order of the events of plans whose steps start early.

use std::collections::BTreeSet;

use agent_core::{Delta, Event, EventKind};

/// Checks that each call is announced before it is used, that the steps of a plan come after an event
/// of the plan's call, and that each call starts at most once and ends once.
pub(crate) fn check(events: &[Event]) {
    let mut seen = Seen::default();
    for event in events {
        seen.see(event);
    }
    // The call of a plan waits if a step of it does.
    let waits = |key: &&String| seen.waiting.iter().any(|waiting| waiting.starts_with(&**key));
    let open: Vec<&String> = seen.started.difference(&seen.ended).filter(|key| !waits(key)).collect();
    assert!(open.is_empty(), "these have no end: {open:?}");
}

/// The keys of calls, and the ids of conversations.
#[derive(Default)]
struct Seen {
    announced: BTreeSet<String>,
    /// Conversations that have begun: the user's own, and those of plans.
    begun: BTreeSet<String>,
    started: BTreeSet<String>,
    ended: BTreeSet<String>,
    /// Calls that wait for a person.
    waiting: Vec<String>,
}

impl Seen {
    fn see(&mut self, event: &Event) {
        let key = |id: &str| format!("{}/{id}", event.conversation);
        match &event.kind {
            EventKind::Delta(Delta::Block { block, .. }) => {
                block.as_tool_use().into_iter().for_each(|call| self.announce(key(&call.id)));
            }
            EventKind::PlanStarted { id, .. } => {
                assert!(self.announced.contains(&key(id)), "{id} was not announced");
                self.started.insert(key(id));
                self.begun.insert(key(id));
            }
            EventKind::CallStarted { id, .. } => {
                match event.depth {
                    0 => assert!(self.announced.contains(&key(id)), "{id} was not announced"),
                    _ => assert!(self.begun.contains(&*event.conversation), "{} has not begun", key(id)),
                }
                let is_new = self.started.insert(key(id));
                assert!(is_new || self.begun.contains(&key(id)), "{} starts twice", key(id));
                assert!(!self.ended.contains(&key(id)), "{} starts after its end", key(id));
            }
            EventKind::Delegated { id, conversation, .. } => {
                assert!(self.started.contains(&key(id)), "{id} has not started");
                self.begun.insert(conversation.as_str().to_owned());
            }
            EventKind::CallWaiting { id, key: told, .. } => {
                assert_eq!(*told, *key(id));
                self.waiting.push(key(id));
            }
            EventKind::CallEnded { id, .. } => {
                assert!(self.ended.insert(key(id)), "{} ends twice", key(id));
            }
            _ => {}
        }
    }

    /// A call begins, perhaps in a reply that was asked again.
    fn announce(&mut self, key: String) {
        let within = format!("{key}/");
        for keys in [&mut self.started, &mut self.ended, &mut self.begun] {
            keys.retain(|known| *known != key && !known.starts_with(&within));
        }
        self.announced.insert(key);
    }
}
