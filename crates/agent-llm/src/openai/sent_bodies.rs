//! What was sent before, so that it is not written again.

use std::{
    mem,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use agent_core::{Json, Message, Request, ToolSpec};
use bytes::Bytes;
use lru::LruCache;

use crate::json_text::List;

/// The most bytes that are kept for a client. The messages, which are kept with their bodies, have
/// about as many again.
const MOST: usize = 8 * 1024 * 1024;

/// How many of the bodies that were sent longest ago are looked at when one is kept.
const LOOKED_AT: usize = 4;

/// The last body of each conversation; those sent last.
///
/// OpenAI's APIs have their own form of a history, so each message must be translated. The next
/// request of a conversation has the same messages and a few more. What it repeats is copied from
/// the body before it. Messages that share their blocks are the same, so few are compared.
pub(super) struct SentBodies(Mutex<Kept>);

struct Kept {
    /// By the address of the first message. It is kept with the body, so no other gets its address.
    bodies: LruCache<usize, SentBody>,
    bytes: usize,
}

struct SentBody {
    text: Bytes,
    messages: Vec<Message>,
    tools: Arc<[ToolSpec]>,
    server_tools: Arc<[Json]>,
    outline: Outline,
}

/// Where parts of a body are.
#[derive(Default)]
struct Outline {
    tools: Range<usize>,
    /// Where the history begins.
    begin: usize,
    /// Behind which messages the history could go on with others, in order.
    marks: Vec<Mark>,
}

/// A place in a history where what follows does not depend on what was written.
#[derive(Clone, Copy, Default)]
pub(super) struct Mark {
    /// How many messages there are before it.
    pub(super) messages: usize,
    /// How many items were written of them.
    pub(super) items: usize,
    /// How many bytes these are.
    bytes: usize,
}

impl Default for SentBodies {
    fn default() -> Self {
        Self(Kept { bodies: LruCache::unbounded(), bytes: 0 }.into())
    }
}

impl SentBodies {
    /// What the body of this request may repeat. It is taken out, until the next one is kept.
    pub(super) fn repeated(&self, request: &Request) -> Repeated {
        let before = key(request).and_then(|key| self.kept(|kept| kept.take(&key)));
        Repeated { before, ..Repeated::default() }
    }

    /// Keeps the body of a request for the next one.
    pub(super) fn keep(&self, request: &Request, text: &Bytes, repeated: Repeated) {
        let Repeated { before, same, outline } = repeated;
        let Some(key) = key(request).filter(|_| !outline.marks.is_empty()) else { return };
        // The messages that are the same stay where they are.
        let mut messages = before.map(|before| before.messages).unwrap_or_default();
        messages.truncate(same);
        messages.extend_from_slice(&request.messages[same..]);
        let (tools, server_tools) = (request.tools.clone(), request.server_tools.clone());
        let body = SentBody { text: text.clone(), messages, tools, server_tools, outline };
        // What is dropped is dropped when nobody waits for it.
        let dropped = self.kept(|kept| kept.put(key, body));
        drop(dropped);
    }

    fn kept<T>(&self, see: impl FnOnce(&mut Kept) -> T) -> T {
        see(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Kept {
    /// Keeps a body. Returns those that give way.
    fn put(&mut self, key: usize, body: SentBody) -> Vec<SentBody> {
        let mut dropped = Vec::from_iter(self.take(&key));
        self.bytes += body.text.len();
        self.bodies.put(key, body);
        for key in self.over() {
            dropped.extend(self.take(&key));
        }
        while self.bytes > MOST {
            let Some((_, body)) = self.bodies.pop_lru() else { break };
            self.bytes -= body.text.len();
            dropped.push(body);
        }
        dropped
    }

    fn take(&mut self, key: &usize) -> Option<SentBody> {
        self.bodies.pop(key).inspect(|body| self.bytes -= body.text.len())
    }

    /// Old bodies whose conversation is over: nobody else has its first message, so nobody can ask
    /// for them. Without them, new bodies use memory that is in the caches of the processor.
    fn over(&self) -> Vec<usize> {
        let oldest = self.bodies.iter().rev().take(LOOKED_AT);
        let over = oldest.filter(|(_, body)| !body.messages[0].has_clones());
        over.map(|(key, _)| *key).collect()
    }
}

fn key(request: &Request) -> Option<usize> {
    request.messages.first().map(|message| message.content().as_ptr() as usize)
}

/// What a body repeats of the one before it. The default repeats nothing.
#[derive(Default)]
pub(super) struct Repeated {
    before: Option<SentBody>,
    /// How many messages the two begin with.
    same: usize,
    /// Of the body that is written now.
    outline: Outline,
}

impl Repeated {
    /// The tools, copied if they are the same, and else as `write` writes them.
    pub(super) fn tools(&mut self, text: &mut Vec<u8>, request: &Request, write: impl FnOnce(&mut Vec<u8>)) {
        let begin = text.len();
        let is_same = |before: &&SentBody| {
            !before.outline.tools.is_empty()
                && Arc::ptr_eq(&before.tools, &request.tools)
                && Arc::ptr_eq(&before.server_tools, &request.server_tools)
        };
        match self.before.as_ref().filter(is_same) {
            Some(before) => text.extend_from_slice(&before.text[before.outline.tools.clone()]),
            None => write(text),
        }
        self.outline.tools = begin..text.len();
    }

    /// The history begins here. Copies what is the same of it. Returns up to where that is.
    pub(super) fn begin(&mut self, list: &mut List<'_>, messages: &[Message]) -> Mark {
        self.outline.begin = list.next_place();
        let Some(before) = &mut self.before else { return Mark::default() };
        self.outline.marks = mem::take(&mut before.outline.marks);
        self.same = before.messages.iter().zip(messages).take_while(|(old, new)| old == new).count();
        let same = self.outline.marks.partition_point(|mark| mark.messages <= self.same);
        self.outline.marks.truncate(same);
        let mark = self.outline.marks.last().copied().unwrap_or_default();
        if mark.bytes > 0 {
            let begin = before.outline.begin;
            list.item().extend_from_slice(&before.text[begin..begin + mark.bytes]);
        }
        mark
    }

    /// So much of the history is written, and what follows does not depend on it.
    pub(super) fn mark(&mut self, list: &List<'_>, messages: usize, items: usize) {
        let bytes = list.place().saturating_sub(self.outline.begin);
        self.outline.marks.push(Mark { messages, items, bytes });
    }

    /// What was written is no whole history, so that the next body can't repeat it.
    pub(super) fn forget_history(&mut self) {
        self.outline.marks.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What of the body of these messages is copied: how many messages. Each has so many bytes.
    fn copied(sent: &SentBodies, messages: &[Message], bytes: usize) -> usize {
        let request = Request::new(messages.to_vec());
        let mut repeated = sent.repeated(&request);
        let mut text = Vec::new();
        let mut list = List::begin(&mut text);
        let copied = repeated.begin(&mut list, messages);
        for place in copied.messages..messages.len() {
            list.item().extend(vec![b'7'; bytes]);
            repeated.mark(&list, place + 1, place + 1);
        }
        list.end();
        assert_eq!(text.len(), 1 + messages.len() * (bytes + 1));
        sent.keep(&request, &text.into(), repeated);
        copied.messages
    }

    fn said(words: &[&str]) -> Vec<Message> {
        words.iter().map(|words| Message::user(*words)).collect()
    }

    #[test]
    fn what_two_bodies_begin_with_is_copied() {
        let (sent, all) = (SentBodies::default(), said(&["a", "b", "c"]));
        assert_eq!(copied(&sent, &all[..1], 1), 0);
        assert_eq!(copied(&sent, &all, 1), 1);
        assert_eq!(copied(&sent, &all, 1), 3);
        let other = [all[0].clone(), Message::user("b"), Message::user("d")];
        assert_eq!(copied(&sent, &other, 1), 2);
        // Another conversation may begin with the same words.
        assert_eq!(copied(&sent, &said(&["a", "b"]), 1), 0);
        assert_eq!(copied(&sent, &all, 1), 2);
        assert!(sent.repeated(&Request::new(Vec::new())).before.is_none());
    }

    #[test]
    fn a_body_is_dropped_when_its_conversation_is_over() {
        let (sent, open) = (SentBodies::default(), said(&["a"]));
        assert_eq!(copied(&sent, &open, 1), 0);
        for words in ["b", "c", "d"] {
            assert_eq!(copied(&sent, &said(&[words]), 1), 0);
        }
        // The last one is found to be over when the next one is kept.
        sent.kept(|kept| assert_eq!((kept.bodies.len(), kept.bytes), (2, 2 * 3)));
        assert_eq!(copied(&sent, &open, 1), 1);
        sent.kept(|kept| assert_eq!((kept.bodies.len(), kept.bytes), (1, 3)));
    }

    #[test]
    fn the_bodies_that_were_sent_last_are_kept_up_to_a_limit() {
        let (sent, size) = (SentBodies::default(), MOST / 4);
        let conversations: Vec<Vec<Message>> = ["a", "b", "c", "d"].map(|words| said(&[words])).into();
        for conversation in &conversations {
            assert_eq!(copied(&sent, conversation, size), 0);
        }
        sent.kept(|kept| assert_eq!((kept.bodies.len(), kept.bytes), (3, 3 * (size + 2))));
        assert_eq!(copied(&sent, &conversations[1], size), 1);
        assert_eq!(copied(&sent, &conversations[0], size), 0);
        // The one that was not asked for longest gave way.
        assert_eq!(copied(&sent, &conversations[1], size), 1);
        assert_eq!(copied(&sent, &conversations[2], size), 0);
        // One that is too long for all is not kept.
        assert_eq!(copied(&sent, &conversations[3], MOST), 0);
        sent.kept(|kept| assert_eq!((kept.bodies.len(), kept.bytes), (0, 0)));
    }
}
