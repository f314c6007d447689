//! What a conversation in memory was told beyond what the journal has.

use agent_core::{Block, Conversation, Role, conversation::Change};

/// What makes `so_far` of what is known, if that can be told.
pub(crate) fn news(known: &Conversation, so_far: &Conversation) -> Option<Vec<Change>> {
    if !goes_on(known, so_far) {
        return None;
    }
    let before = known.messages().len();
    if is_same(known, so_far, before) {
        return Some(Vec::new());
    }
    let (mut known, mut news) = (known.clone(), Vec::new());
    while !is_same(&known, so_far, before) {
        let mut next = candidates(&known, so_far).into_iter().flatten();
        let (told, then) = next.find_map(|told| Some((told.clone(), step(&known, told, so_far, before)?)))?;
        news.push(told);
        known = then;
    }
    Some(news)
}

/// What it may have been told next.
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

/// What is known, told this, if that is on the way to `so_far`.
fn step(known: &Conversation, told: Change, so_far: &Conversation, before: usize) -> Option<Conversation> {
    let mut then = known.clone();
    then.apply(known.id(), told).ok()?;
    let new = then.messages().get(before..)?;
    let is_on_the_way = so_far.messages().get(before..)?.starts_with(new)
        && so_far.omissions().starts_with(then.omissions())
        && then.transfer_records().len() <= so_far.transfer_records().len();
    is_on_the_way.then_some(then)
}

/// Whether nothing that `known` was told is missing in `so_far`.
pub(crate) fn goes_on(known: &Conversation, so_far: &Conversation) -> bool {
    so_far.messages().starts_with(known.messages()) && so_far.omissions().starts_with(known.omissions())
}

/// Whether two conversations whose first messages are the same are so in the others, too.
fn is_same(one: &Conversation, other: &Conversation, first: usize) -> bool {
    one.transfer_records().len() == other.transfer_records().len()
        && one.omissions() == other.omissions()
        && one.messages().get(first..) == other.messages().get(first..)
}
