//! What a conversation in memory was told beyond what the journal has.

use agent_core::{Block, Conversation, Role, Told};

/// What makes `so_far` of what is known, if that can be told.
pub(crate) fn news(known: &Conversation, so_far: &Conversation) -> Option<Vec<Told>> {
    if !goes_on(known, so_far) {
        return None;
    }
    let before = known.messages().len();
    if is_same(known, so_far, before) {
        return Some(Vec::new());
    }
    let (mut known, mut news) = (known.clone(), Vec::new());
    let id = known.id().to_owned();
    while known.passages().len() < so_far.passages().len() {
        tell(&mut known, &id, Told::Returned, &mut news)?;
    }
    while let Some(message) = so_far.messages().get(known.messages().len()) {
        let content: Vec<Block> =
            message.content().iter().filter(|block| !block.is_tool_block()).cloned().collect();
        let role = message.role();
        if role == Role::Assistant {
            return None;
        }
        tell(&mut known, &id, Told::Said { role, content: content.into() }, &mut news)?;
    }
    is_same(&known, so_far, before).then_some(news)
}

fn tell(known: &mut Conversation, id: &str, told: Told, news: &mut Vec<Told>) -> Option<()> {
    known.tell(id, told.clone()).ok()?;
    news.push(told);
    Some(())
}

/// Whether nothing that is known is missing.
pub(crate) fn goes_on(known: &Conversation, so_far: &Conversation) -> bool {
    so_far.messages().starts_with(known.messages())
}

/// Whether two conversations whose first messages are the same are so in the others, too.
fn is_same(one: &Conversation, other: &Conversation, first: usize) -> bool {
    one.passages().len() == other.passages().len()
        && one.messages().get(first..) == other.messages().get(first..)
}
