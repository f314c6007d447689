//! Which server wrote what only it can read.

use std::sync::Arc;

use agent_core::{Block, Delta, Message, Request, Response, message::BlockKind};
use reqwest::Url;

use super::{api::Protocol, openai_blocks};
use crate::without_blocks::without_blocks;

/// A server and the API that it speaks, as a record names them: `api.openai.com/responses`.
///
/// Encrypted reasoning can be read by the server that wrote it, and by no other. Ids of items and
/// replies are known only there, and other fields of calls and messages are often refused
/// elsewhere. So each block that only OpenAI's APIs can read says who wrote it, and goes back
/// nowhere else. A block of an older record does not say that, and is sent as before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin(Arc<str>);

impl Origin {
    /// Of a server with a name of its own, or at this address. The path of an address is no part of
    /// it: it may hold a key.
    pub(super) fn of(name: Option<&str>, url: &Url, protocol: Protocol) -> Self {
        let host = url.host_str().unwrap_or_default();
        let address = || url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let server = name.map_or_else(address, str::to_owned);
        Self(format!("{server}/{}", protocol.path()).into())
    }

    /// The request without what others wrote for themselves. It goes on from a reply only if that
    /// was written here.
    pub(super) fn readable(&self, request: Request) -> Request {
        let is_foreign = |block: &Block| openai_blocks::from(block).is_some_and(|from| from != *self.0);
        let mut request = without_blocks(request, is_foreign);
        if request.previous_reply.as_ref().is_some_and(|previous| !self.wrote(&previous.reply)) {
            request.previous_reply = None;
        }
        request
    }

    fn wrote(&self, reply: &Message) -> bool {
        reply.content().iter().any(|block| openai_blocks::from(block).is_some_and(|from| from == *self.0))
    }

    fn signed(&self, block: Block) -> Block {
        openai_blocks::signed(&block, &self.0).unwrap_or(block)
    }
}

/// Signs the blocks of a reply.
#[derive(Debug)]
pub(super) struct Signing {
    origin: Origin,
    /// A later request may go on from this reply, so it is signed even if none of its blocks can be.
    is_kept: bool,
    is_signed: bool,
    /// The place behind the last block.
    next: usize,
}

impl Signing {
    pub(super) fn new(origin: Origin, is_kept: bool) -> Self {
        Self { origin, is_kept, is_signed: false, next: 0 }
    }

    /// A piece of the reply, and what goes before it.
    pub(super) fn sign(&mut self, delta: Delta) -> (Vec<Delta>, Delta) {
        match delta {
            Delta::Block { index, block } => {
                self.next = index + 1;
                (Vec::new(), Delta::Block { index, block: self.signed(block) })
            }
            Delta::Stop { .. } if self.is_kept && !self.is_signed => {
                let index = self.next;
                (vec![Delta::Block { index, block: self.mark() }, Delta::BlockEnd { index }], delta)
            }
            Delta::Complete(reply) => {
                (Vec::new(), Delta::complete(self.signed_reply(Arc::unwrap_or_clone(reply))))
            }
            other => (Vec::new(), other),
        }
    }

    fn signed_reply(&mut self, mut reply: Response) -> Response {
        reply.content = reply.content.into_iter().map(|block| self.signed(block)).collect();
        if self.is_kept && !self.is_signed {
            reply.content.push(self.mark());
        }
        reply
    }

    fn signed(&mut self, block: Block) -> Block {
        let is_ours = matches!(block.kind(), BlockKind::Other(_) | BlockKind::Thinking { .. });
        let signed = if is_ours { self.origin.signed(block) } else { block };
        self.is_signed |= is_ours && openai_blocks::from(&signed).is_some();
        signed
    }

    fn mark(&self) -> Block {
        openai_blocks::mark(&self.origin.0)
    }
}

#[cfg(test)]
mod tests {
    use agent_core::{StopReason, model::PreviousReply};

    use super::*;

    fn origin(name: &str) -> Origin {
        let url = Url::parse("https://host.test:8080/key/v1").unwrap();
        Origin::of(Some(name), &url, Protocol::Responses)
    }

    fn block(json: &str) -> Block {
        serde_json::from_str(json).unwrap()
    }

    const ITEM: &str = r#"{"type":"openai:item","item":{"type":"reasoning", "encrypted_content":"gA"}}"#;

    fn reply(origin: &Origin, is_kept: bool, content: Vec<Block>) -> Vec<Block> {
        let whole = Delta::complete(Response::new(content, StopReason::EndTurn));
        let (before, Delta::Complete(reply)) = Signing::new(origin.clone(), is_kept).sign(whole) else {
            panic!("it is one piece")
        };
        assert!(before.is_empty());
        Arc::unwrap_or_clone(reply).content
    }

    #[test]
    fn a_server_is_named_by_its_host_and_the_api_and_never_by_what_may_be_a_key() {
        let check = |name: Option<&str>, url: &str, expected: &str| {
            let origin = Origin::of(name, &Url::parse(url).unwrap(), Protocol::Chat);
            assert_eq!(&*origin.0, expected);
        };
        check(None, "https://api.openai.com/v1/chat/completions?key=k", "api.openai.com/chat/completions");
        check(None, "http://localhost:11434/k3y/chat/completions", "localhost:11434/chat/completions");
        check(Some("azure-eu"), "https://x.openai.azure.com/v1", "azure-eu/chat/completions");
    }

    #[test]
    fn fault_35_reasoning_goes_back_to_the_server_that_wrote_it_and_to_no_other() {
        let (own, other) = (origin("own"), origin("other"));
        let thinking = r#"{"type":"thinking","thinking":"hm","signature":"openai:reasoning"}"#;
        let claudes = block(r#"{"type":"thinking","thinking":"hm","signature":"c2ln"}"#);
        let wrote = reply(&own, false, vec![block(ITEM), block(thinking), claudes.clone(), Block::text("a")]);
        insta::assert_snapshot!(serde_json::to_string(&wrote).unwrap(), @r#"[{"type":"openai:item","item":{"type":"reasoning", "encrypted_content":"gA"},"from":"own/responses"},{"type":"thinking","thinking":"hm","signature":"openai:reasoning@own/responses"},{"type":"thinking","thinking":"hm","signature":"c2ln"},{"type":"text","text":"a"}]"#);
        let request = Request::new(vec![
            Message::user("hi"),
            Message::assistant(wrote),
            Message::assistant(reply(&own, false, vec![block(ITEM)])),
            Message::assistant(vec![block(ITEM)]),
        ]);
        assert_eq!(own.readable(request.clone()), request);
        let left =
            [Message::assistant(vec![claudes, Block::text("a")]), Message::assistant(vec![block(ITEM)])];
        assert_eq!(other.readable(request).messages[1..], left);
    }

    #[test]
    fn fault_35_a_request_goes_on_from_a_reply_only_at_the_server_that_wrote_it() {
        let check = |is_kept: bool, content: Vec<Block>, goes_on: bool| {
            let said = Message::assistant(reply(&origin("own"), is_kept, content));
            let mut request = Request::new(vec![Message::user("hi"), said.clone(), Message::user("And?")]);
            request.previous_reply =
                Some(PreviousReply { response: "resp_1".into(), messages: 2, reply: said });
            let goes_on_at = |name: &str| origin(name).readable(request.clone()).previous_reply.is_some();
            assert_eq!((goes_on_at("own"), goes_on_at("other")), (goes_on, false));
        };
        check(true, vec![Block::text("a")], true);
        check(true, vec![block(ITEM), Block::text("a")], true);
        check(false, vec![Block::text("a")], false);
    }

    #[test]
    fn a_streamed_reply_is_signed_as_one_in_one_piece() {
        for content in [vec![Block::text("a")], vec![block(ITEM), Block::text("a")]] {
            let mut signing = Signing::new(origin("own"), true);
            let mut deltas = Vec::new();
            let blocks = content.iter().cloned().enumerate();
            let blocks = blocks.map(|(index, block)| Delta::Block { index, block });
            for delta in blocks.chain([Delta::stop(StopReason::EndTurn)]) {
                let (before, delta) = signing.sign(delta);
                deltas.extend(before.into_iter().chain([delta]));
            }
            let mut fold = agent_core::model::Fold::default();
            deltas.into_iter().for_each(|delta| fold.push(delta).unwrap());
            assert_eq!(fold.finish().unwrap().content, reply(&origin("own"), true, content));
        }
    }
}
