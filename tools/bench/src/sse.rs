//! The floor's reading of a stream.

use serde::Deserialize;
use serde_json::Value;

use crate::{
    Done,
    reply::{Block, Reply},
};

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    ContentBlockStart {
        content_block: Block,
    },
    ContentBlockDelta {
        delta: Delta,
    },
    ContentBlockStop,
    MessageDelta {
        delta: Stop,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Delta {
    TextDelta { text: String },
    InputJsonDelta { partial_json: String },
}

#[derive(Deserialize)]
struct Stop {
    stop_reason: Option<String>,
}

/// Reads a reply to its end, line by line.
pub(crate) async fn read(mut answer: reqwest::Response) -> Done<Reply> {
    let (mut reply, mut input, mut rest) = (Reply::default(), String::new(), Vec::new());
    while let Some(bytes) = answer.chunk().await? {
        rest.extend_from_slice(&bytes);
        let mut read = 0;
        while let Some(end) = memchr::memchr(b'\n', &rest[read..]) {
            if let Some(data) = rest[read..read + end].strip_prefix(b"data: ") {
                take_in(serde_json::from_slice(data)?, &mut reply, &mut input)?;
            }
            read += end + 1;
        }
        rest.drain(..read);
    }
    match reply.stop_reason {
        Some(_) => Ok(reply),
        None => Err("the stream broke off".into()),
    }
}

fn take_in(event: Event, reply: &mut Reply, json: &mut String) -> Done {
    match event {
        Event::ContentBlockStart { content_block } => reply.content.push(content_block),
        Event::ContentBlockDelta { delta: Delta::InputJsonDelta { partial_json } } => {
            json.push_str(&partial_json)
        }
        Event::ContentBlockDelta { delta: Delta::TextDelta { text: more } } => {
            if let Some(Block::Text { text }) = reply.content.last_mut() {
                text.push_str(&more);
            }
        }
        Event::ContentBlockStop => {
            if let Some(Block::ToolUse { input, .. }) = reply.content.last_mut() {
                *input = serde_json::from_str::<Value>(json)?;
                json.clear();
            }
        }
        Event::MessageDelta { delta } => reply.stop_reason = delta.stop_reason,
        Event::Other => {}
    }
    Ok(())
}
