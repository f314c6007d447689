//! Blocks that were refused before.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use agent_core::{Block, Request, Role};
use lru::LruCache;

/// How many are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(1_000).expect("it is not 0");

/// What takes the place of blocks that were refused, so that none is sent and refused again with
/// each request of its conversation. Clones remember the same.
#[derive(Clone)]
pub(super) struct Refused {
    blocks: Arc<Mutex<LruCache<u64, Block>>>,
    hasher: RandomState,
}

impl Default for Refused {
    fn default() -> Self {
        Self { blocks: Arc::new(LruCache::new(REMEMBERED).into()), hasher: RandomState::new() }
    }
}

impl Refused {
    /// Remembers what was changed in a request that was refused for one of its blocks.
    pub(super) fn remember(&self, refused: &Request, mended: &Request) {
        let messages = refused.messages.iter().zip(&mended.messages);
        for (old, new) in messages.filter(|(old, new)| old.role() != Role::Assistant && old != new) {
            let blocks = old.content().iter().zip(new.content()).filter(|(old, new)| old != new);
            // What stands elsewhere may be there the next time.
            for (old, new) in blocks.filter(|(old, _)| old.json().text().contains("\"base64\"")) {
                self.blocks().put(self.key(old), new.clone());
            }
        }
    }

    /// The request without those, and where they stood.
    pub(super) fn without(&self, mut request: Request) -> (Request, Vec<String>) {
        let mut parts = Vec::new();
        if self.blocks().is_empty() || request.extra.contains_key("messages") {
            return (request, parts);
        }
        for place in 0..request.messages.len() {
            let message = &request.messages[place];
            if message.role() == Role::Assistant {
                continue;
            }
            let new: Vec<Option<Block>> = message.content().iter().map(|block| self.instead(block)).collect();
            let changed = new.iter().enumerate().filter(|(_, new)| new.is_some());
            let said =
                changed.map(|(block, _)| format!("messages.{place}.content.{block}: it was refused before"));
            let before = parts.len();
            parts.extend(said);
            if parts.len() > before {
                let blocks = message.content().iter().zip(new);
                let blocks: Vec<Block> =
                    blocks.map(|(old, new)| new.unwrap_or_else(|| old.clone())).collect();
                request.messages[place] = message.with_content(blocks);
            }
        }
        (request, parts)
    }

    /// What takes the place of this block; of what took it, if that was refused for another part of
    /// it.
    fn instead(&self, block: &Block) -> Option<Block> {
        let mut last = None;
        while let Some(next) = self.next(last.as_ref().unwrap_or(block)) {
            last = Some(next);
        }
        last
    }

    fn next(&self, block: &Block) -> Option<Block> {
        block.json().text().contains("\"base64\"").then(|| self.blocks().get(&self.key(block)).cloned())?
    }

    fn key(&self, block: &Block) -> u64 {
        self.hasher.hash_one(block.json().text())
    }

    fn blocks(&self) -> MutexGuard<'_, LruCache<u64, Block>> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows no block.
impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("blocks", &self.blocks().len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use agent_core::Message;

    use super::*;

    #[test]
    fn field_44_a_block_that_was_refused_is_not_sent_again() {
        let image = |data: &str| Block::image("image/png", data);
        let note = Block::text("[left out]");
        let refused = Refused::default();
        let result = |blocks: Vec<Block>| Block::tool_result("a", blocks.into(), false);
        let request =
            |blocks: Vec<Block>| Request::new(vec![Message::user(blocks), Message::assistant("So.")]);
        let whole = request(vec![image("A"), result(vec![image("B"), image("C")]), image("D")]);
        assert_eq!(refused.without(whole.clone()), (whole.clone(), Vec::new()));
        // One after the other, as they are refused.
        let first = request(vec![image("A"), result(vec![note.clone(), image("C")]), image("D")]);
        let second = request(vec![image("A"), result(vec![note.clone(), note.clone()]), image("D")]);
        refused.remember(&whole, &first);
        refused.remember(&first, &second);
        let place = "messages.0.content.1: it was refused before".to_owned();
        assert_eq!(refused.without(whole.clone()), (second.clone(), vec![place]));
        assert_eq!(refused.clone().without(second.clone()), (second, Vec::new()));
        // A server may bring tomorrow what it does not bring today.
        let url = r#"{"type":"image","source":{"type":"url","url":"https://x.test"}}"#;
        let elsewhere = request(vec![serde_json::from_str(url).unwrap()]);
        refused.remember(&elsewhere, &request(vec![note]));
        assert_eq!(refused.without(elsewhere.clone()).0, elsewhere);
    }
}
