//! Tool results of bounded size.

use std::sync::Arc;

use tokio::time::Instant;

use crate::{
    Block, Content, Context, Conversation, DelegationLimits, Json, Outcome, Request, Rules, Tool, ToolSpec,
    async_trait,
};

/// The most bytes of words one tool result may have, if nothing else is said.
pub(crate) const LONGEST_RESULT: usize = 400_000;

/// A tool whose results are cut where they are too long, with a word about it. It is asked once what it is: that is
/// foreign code, which runs when an agent is built and never in a run.
pub(crate) struct Bounded {
    tool: Arc<dyn Tool>,
    spec: ToolSpec,
    most: usize,
}

impl Bounded {
    pub(crate) fn new(tool: Arc<dyn Tool>, spec: ToolSpec, most: usize) -> Self {
        Self { tool, spec, most }
    }
}

impl Bounded {
    /// What a spec promises holds for the whole call, or the call is refused.
    fn delegated(&self, to: String, task: Content, began: Instant) -> Outcome {
        let ToolSpec { name, permits, timeout, .. } = &self.spec;
        if permits.is_some() {
            // Held by agents that wait for agents, they could be what these wait for.
            return Outcome::error(format!(
                "not delegated to {to:?}: the tool {name:?} has permits, which only calls without another agent may hold"
            ));
        }
        let promised = DelegationLimits {
            max_result_bytes: Some(self.most),
            timeout: *timeout,
            time_left: timeout.map(|limit| limit.saturating_sub(began.elapsed())),
        };
        Outcome::Delegate { to, task, limits: promised.into() }
    }
}

#[async_trait]
impl Tool for Bounded {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, input: Json, context: Context) -> Outcome {
        let began = Instant::now();
        match (*self.tool).call(input, context).await {
            Outcome::Delegate { to, task, .. } => self.delegated(to, task, began),
            Outcome::Output(content) => Outcome::Output(bounded(content, self.most)),
            Outcome::Error(content) => Outcome::Error(bounded(content, self.most)),
            other => other,
        }
    }

    fn introduce(&self, conversation: &Conversation, request: Request, rules: &dyn Rules) -> Request {
        self.tool.introduce(conversation, request, rules)
    }
}

/// The content, cut where it is too long, with a word about it.
pub(crate) fn bounded(content: Content, most: usize) -> Content {
    match content {
        Content::Text(text) => cut(text, most).into(),
        Content::Blocks(blocks) => cut_blocks(blocks, most).into(),
    }
}

fn cut(mut text: String, most: usize) -> String {
    let bytes = text.len();
    if bytes > most {
        // Where a character begins.
        let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push_str(&format!("\n[cut: the result has {bytes} bytes, and {end} of them are shown]"));
    }
    text
}

/// Words are cut as if they were one text; pictures and the like are kept. Texts without a letter, and those behind the cut,
/// are left out: there may be very many.
fn cut_blocks(blocks: Vec<Block>, most: usize) -> Vec<Block> {
    let mut left = Some(most);
    let bounded = blocks.into_iter().filter_map(|block| match (block.as_text(), left) {
        (None, _) => Some(block),
        (Some(""), _) | (Some(_), None) => None,
        (Some(text), Some(room)) if text.len() > room => {
            left = None;
            Some(Block::text(cut(text.to_owned(), room)))
        }
        (Some(text), Some(room)) => {
            left = Some(room - text.len());
            Some(block)
        }
    });
    bounded.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_38_huge_or_non_utf_8_results_are_bounded_and_valid() {
        assert_eq!(cut("short".to_owned(), 5), "short");
        assert_eq!(cut("äöü".to_owned(), 3), "ä\n[cut: the result has 6 bytes, and 2 of them are shown]");
        let blocks = ["ab", "cd", "ef"].map(Block::text).to_vec();
        let texts: Vec<String> =
            cut_blocks(blocks, 3).iter().filter_map(Block::as_text).map(str::to_owned).collect();
        assert_eq!(texts[..2], ["ab", "c\n[cut: the result has 2 bytes, and 1 of them are shown]"]);
        assert_eq!(Content::from_bytes(b"caf\xe9").to_text(), "caf\u{fffd}");
    }
}
