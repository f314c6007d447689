//! Finds the changes of a conversation that are in memory and not in the journal.

use agent_core::{Block, Conversation, Role, conversation::Change};

/// The changes that lead from `known` to `so_far`. `None` if none do.
pub(crate) fn unrecorded_changes(known: &Conversation, so_far: &Conversation) -> Option<Vec<Change>> {
    if !is_earlier_state(known, so_far) {
        return None;
    }
    let before = known.messages().len();
    if is_same(known, so_far, before) {
        return Some(Vec::new());
    }
    let (mut known, mut changes) = (known.clone(), Vec::new());
    while !is_same(&known, so_far, before) {
        let mut next = candidates(&known, so_far).into_iter().flatten();
        let (change, then) =
            next.find_map(|change| Some((change.clone(), step(&known, change, so_far, before)?)))?;
        changes.push(change);
        known = then;
    }
    Some(changes)
}

/// The changes that may come next.
fn candidates(known: &Conversation, so_far: &Conversation) -> [Option<Change>; 3] {
    let taken_back = known.omissions().len() < so_far.omissions().len();
    let returned = known.transfer_records().len() < so_far.transfer_records().len();
    let next = so_far.messages().get(known.messages().len());
    let said = next.filter(|message| message.role() != Role::Assistant).map(|message| {
        let blocks = message.content().iter().filter(|block| !block.is_tool_block());
        Change::Said { role: message.role(), content: blocks.cloned().collect::<Vec<Block>>().into() }
    });
    [taken_back.then_some(Change::TakenBack), returned.then_some(Change::Returned), said]
}

/// Applies a change to `known`. `None` if the result does not lead to `so_far`.
fn step(known: &Conversation, change: Change, so_far: &Conversation, before: usize) -> Option<Conversation> {
    let mut then = known.clone();
    then.apply(known.id(), change).ok()?;
    let new = then.messages().get(before..)?;
    let is_on_the_way = so_far.messages().get(before..)?.starts_with(new)
        && so_far.omissions().starts_with(then.omissions())
        && then.transfer_records().len() <= so_far.transfer_records().len();
    is_on_the_way.then_some(then)
}

/// Whether `later` contains everything that `earlier` contains.
pub(crate) fn is_earlier_state(earlier: &Conversation, later: &Conversation) -> bool {
    later.messages().starts_with(earlier.messages()) && later.omissions().starts_with(earlier.omissions())
}

/// Whether two conversations are the same, if their first messages are.
fn is_same(one: &Conversation, other: &Conversation, first: usize) -> bool {
    one.transfer_records().len() == other.transfer_records().len()
        && one.omissions() == other.omissions()
        && one.messages().get(first..) == other.messages().get(first..)
}
