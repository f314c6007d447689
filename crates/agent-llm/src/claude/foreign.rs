//! Blocks that another API's client keeps in a record, and only that API can read.

use agent_core::{Block, Request, message::BlockKind};

use crate::without_blocks::without_blocks;

/// The request without such blocks, and without messages of which nothing is left.
///
/// They are those of a type, and thinking with a signature, that begins with the name of an API and
/// a colon: `openai:item`. No type of the Messages API has a colon, and no signature, which is
/// base64.
pub(super) fn without_foreign(request: Request) -> Request {
    without_blocks(request, is_foreign)
}

fn is_foreign(block: &Block) -> bool {
    match block.kind() {
        BlockKind::Other(kind) => kind.contains(':'),
        BlockKind::Thinking { signature, .. } => signature.contains(':'),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use agent_core::{Message, model::PreviousReply};

    use super::*;

    fn block(json: &str) -> Block {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_another_api_keeps_is_left_out_and_the_rest_stays() {
        let item = || block(r#"{"type":"openai:item","item":{"type":"reasoning"}}"#);
        let thinking = block(r#"{"type":"thinking","thinking":"hm","signature":"openai:reasoning"}"#);
        let own = block(r#"{"type":"thinking","thinking":"hm","signature":"a+/="}"#);
        let reply = Message::assistant(vec![own.clone(), Block::text("b")]);
        let mut request = Request::new(vec![
            Message::user("a"),
            Message::assistant(vec![item(), thinking]),
            reply.clone(),
            Message::user("c"),
        ]);
        request.previous_reply =
            Some(PreviousReply { response: "msg_1".into(), messages: 3, reply: reply.clone() });
        let left = without_foreign(request.clone());
        assert_eq!(left.messages, [Message::user("a"), reply, Message::user("c")]);
        assert_eq!(left.previous_reply.as_ref().unwrap().messages, 2);
        request.messages[2] = Message::assistant(vec![Block::text("b"), item()]);
        assert_eq!(without_foreign(request).messages[1], Message::assistant("b"));
        let plain = Request::new(vec![Message::assistant(vec![own])]);
        assert_eq!(without_foreign(plain.clone()), plain);
    }
}
