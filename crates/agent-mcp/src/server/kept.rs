//! Conversations that clients may continue, in memory.

use std::num::NonZeroUsize;

use agent_core::{Conversation, Message};
use lru::LruCache;

/// How many conversations are kept.
pub(crate) const MOST: NonZeroUsize = NonZeroUsize::new(256).expect("it is not 0");

/// How many bytes their messages may have together.
const MOST_BYTES: usize = 64 << 20;

/// The conversations that were used last, up to a number and a size. So clients can't make a server
/// keep more than that.
pub(crate) struct Kept {
    conversations: LruCache<String, (Conversation, usize)>,
    bytes: usize,
    most_bytes: usize,
}

impl Default for Kept {
    fn default() -> Self {
        Self { conversations: LruCache::new(MOST), bytes: 0, most_bytes: MOST_BYTES }
    }
}

impl Kept {
    pub(crate) fn put(&mut self, conversation: Conversation) {
        let bytes = conversation.messages().iter().map(Message::json_bytes).sum();
        let id = conversation.id().to_owned();
        // What this replaces, or what was used longest ago.
        let gone = self.conversations.push(id, (conversation, bytes));
        self.bytes = self.bytes + bytes - gone.map_or(0, |(_, (_, bytes))| bytes);
        while self.bytes > self.most_bytes {
            let Some((_, (_, bytes))) = self.conversations.pop_lru() else { return };
            self.bytes -= bytes;
        }
    }

    /// Takes a conversation out; `None` if it is not kept any more.
    pub(crate) fn take(&mut self, id: &str) -> Option<Conversation> {
        let (conversation, bytes) = self.conversations.pop(id)?;
        self.bytes -= bytes;
        Some(conversation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_conversations_make_room() {
        let mut kept = Kept { most_bytes: 2_000, ..Kept::default() };
        let put = |kept: &mut Kept, id: &str, bytes: usize| {
            kept.put(Conversation::start("agent", "a".repeat(bytes)).with_id(id));
        };
        for id in ["a", "b", "b", "c"] {
            put(&mut kept, id, 800);
        }
        assert!(kept.take("a").is_none());
        assert!(kept.take("b").is_some());
        put(&mut kept, "d", 2_000);
        assert!(kept.take("c").is_none() && kept.take("d").is_none(), "one that is too large is not kept");
        assert_eq!(kept.bytes, 0);
        let mut kept = Kept::default();
        (0..300).for_each(|id| put(&mut kept, &id.to_string(), 1));
        assert_eq!(kept.conversations.len(), MOST.get());
    }
}
