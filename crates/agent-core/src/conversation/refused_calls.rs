//! The note about an exchange that was refused and is no longer sent: it names the calls that were
//! made.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    mem::take,
};

use super::{
    Conversation, OmissionReason,
    summary::{excerpt, tally},
};
use crate::{Block, Message, Role};

/// The most bytes of the list of calls in a note. A longer list becomes counts.
const LONGEST: usize = 300;

/// The notes, by the indexes of their messages. They follow from the record alone, so all requests
/// have the same notes.
#[derive(Default)]
pub(super) struct Notes(BTreeMap<usize, Block>);

impl Notes {
    /// Makes a note for each refused exchange with calls that have results. It goes into the next
    /// message with the user's words. `sent` returns what is sent of a message.
    pub(super) fn of<'c>(
        conversation: &'c Conversation,
        sent: impl Fn(usize) -> Option<Cow<'c, Message>>,
    ) -> Self {
        let calls = refused_calls(conversation);
        if calls.is_empty() {
            return Self::default();
        }
        let (mut notes, mut made) = (BTreeMap::new(), Vec::<(&str, bool)>::new());
        for (place, message) in conversation.messages.iter().enumerate() {
            let results = message.tool_results();
            made.extend(results.filter_map(|(id, _, failed)| Some((*calls.get(id)?, failed))));
            let has_words =
                || sent(place).is_some_and(|sent| !sent.content().iter().all(Block::is_tool_result));
            if !made.is_empty() && message.role() == Role::User && has_words() {
                notes.insert(place, Block::text(note(&take(&mut made))));
            }
        }
        Self(notes)
    }

    /// The message that is sent at this index, with its note if there is one. The note comes before
    /// the user's words, but after results of calls, which must come first.
    pub(super) fn put_into(&self, place: usize, message: Message) -> Message {
        let Some(note) = self.0.get(&place) else { return message };
        let mut content = message.content().to_vec();
        let results = content.iter().take_while(|block| block.is_tool_result()).count();
        content.insert(results, note.clone());
        message.with_content(content)
    }
}

/// The calls that were made in refused exchanges, as names by ids. Calls that the user took back
/// are left out.
fn refused_calls(conversation: &Conversation) -> HashMap<&str, &str> {
    let refused = conversation.omissions.iter().filter(|part| part.why == OmissionReason::Refused);
    let is_named =
        |place: &usize| !conversation.is_refused_reply(*place) && !conversation.is_taken_back(*place);
    let places = refused.flat_map(|part| part.places()).filter(is_named);
    let calls = places.flat_map(|place| conversation.messages[place].tool_calls());
    calls.map(|call| (&*call.id, &*call.name)).collect()
}

fn note(made: &[(&str, bool)]) -> String {
    let each =
        made.iter().map(|(tool, failed)| format!("{tool} = {}", if *failed { "failed" } else { "ok" }));
    let mut calls = each.collect::<Vec<_>>().join("; ");
    if calls.len() > LONGEST {
        calls = excerpt(&format!("{} in all: {}", made.len(), tally(made.iter().copied())), LONGEST);
    }
    format!("[left out: what was refused. Calls made in it: {calls}]")
}
