//! What of a request is long that is not cut.

use std::fmt;

use agent_core::{Block, Message, Request, Role, message::BlockKind};

use crate::wrappers::bounds::edits::At;

/// Who said it, how many bytes it has, and where the longest of it stands.
#[derive(Default)]
struct Part {
    name: &'static str,
    bytes: usize,
    longest: Option<(usize, At)>,
}

impl Part {
    fn of<'a>(name: &'static str, blocks: impl Iterator<Item = (At, &'a Block)>) -> Self {
        blocks.fold(Self { name, ..Self::default() }, |mut part, (at, block)| {
            let bytes = block.json().text().len();
            part.bytes += bytes;
            if part.longest.is_none_or(|(longest, _)| bytes > longest) {
                part.longest = Some((bytes, at));
            }
            part
        })
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes", self.name, self.bytes)?;
        match &self.longest {
            Some((bytes, at)) if *bytes < self.bytes => write!(f, ", {bytes} of them in {at})"),
            Some((_, at)) => write!(f, " in {at})"),
            None => write!(f, ")"),
        }
    }
}

/// What to say of a request that is too long however much of it is left out: what has the most
/// bytes, and is not cut.
pub(super) fn said(request: &Request) -> String {
    if request.extra.contains_key("messages") {
        return "; the program's own `messages` are not cut".to_owned();
    }
    let is_result = |block: &Block| matches!(block.kind(), BlockKind::ToolResult { .. });
    let tools: usize =
        request.tools.iter().map(|tool| tool.input_schema.text().len() + tool.description.len()).sum();
    let server: usize = request.server_tools.iter().map(|tool| tool.text().len()).sum();
    let system = request.system.iter().map(|block| block.json().text().len()).sum();
    let mut parts = vec![
        Part::of(
            "what the user said",
            blocks(request, |role, block| role != Role::Assistant && !is_result(block)),
        ),
        Part::of("what tools brought", blocks(request, |_, block| is_result(block))),
        Part::of("what the model said", blocks(request, |role, _| role == Role::Assistant)),
        Part { name: "the tools", bytes: tools + server, longest: None },
        Part { name: "the system prompt", bytes: system, longest: None },
    ];
    let all: usize = parts.iter().map(|part| part.bytes).sum();
    parts.retain(|part| part.bytes > all / 10);
    parts.sort_by_key(|part| std::cmp::Reverse(part.bytes));
    let parts: Vec<String> = parts.iter().map(Part::to_string).collect();
    format!("; shorten this yourself, since it is not cut: {}", parts.join(", and "))
}

fn blocks(request: &Request, of: impl Fn(Role, &Block) -> bool) -> impl Iterator<Item = (At, &Block)> {
    let messages = request.messages.iter().enumerate();
    let all = messages.flat_map(|(message, said)| {
        let at = move |block| At { message, block, inner: None };
        let role = said.role();
        Message::content(said).iter().enumerate().map(move |(block, of)| (role, at(block), of))
    });
    all.filter(move |(role, _, block)| of(*role, block)).map(|(_, at, block)| (at, block))
}
