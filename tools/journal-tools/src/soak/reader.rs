//! The agent of the soak: it reads a book page by page, and adds the numbers on its pages.

use std::sync::Arc;

use agent_compact::Compact;
use agent_core::{
    Agent, Context, Limits, Request, Team, Usage,
    budget::{Budget, Usd},
    model::{LlmError, LlmErrorKind, Priced},
    script::{Reply, Script},
};
use agent_tools::FnTool;
use drill::{Done, Log};
use program::println;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{
    TURN,
    pages::{Pages, page},
    run::ASKED,
};

/// The agent's name.
pub(crate) const READER: &str = "reader";

/// The window of the model, in tokens: about a dozen pages.
const WINDOW: u64 = 2_500;

/// The output tokens of each reply, and the most that a reply may have.
const OUTPUT: u64 = 40;
const MOST_OUTPUT: u32 = 100;

#[derive(Deserialize, JsonSchema)]
struct Turned {
    /// Which page to read.
    page: u64,
}

/// What the conversation may spend. Each turn is a request, and there is at most one summary for each four. Each kill may lose a
/// request, which counts with all that it might have used.
pub(crate) fn budget(turns: u32, kills: u32) -> Budget {
    let (turns, kills) = (u64::from(turns), u64::from(kills));
    let requests = turns + turns / 4 + kills + 1;
    let tokens = (requests - kills) * 2_400 + kills * 4_000;
    let dollars = Usd::from_micros(tokens + requests * 4 * OUTPUT + kills * 4 * u64::from(MOST_OUTPUT));
    Budget::new().requests(requests).tokens(tokens).usd(dollars)
}

/// A dollar for a million input tokens, five for a million output tokens.
fn cost(usage: &Usage) -> Usd {
    Usd::from_micros(usage.all_input_tokens() + 5 * usage.output_tokens)
}

/// The right answer about a book of so many pages.
pub(crate) fn answer(turns: u32) -> String {
    Pages::first(u64::from(turns).saturating_sub(1)).as_text()
}

/// The team: the reader alone. It has so many turns: one for each page, and one for the answer.
pub(crate) fn team(turns: u32, kills: u32, log: &Log) -> Done<Team> {
    let (said, last) = (log.clone(), u64::from(turns).saturating_sub(1));
    let model = Script::by(move |request| {
        println!("{ASKED}");
        reply(request, last, &said)
    });
    let model = Priced::new(model, READER, |_: &str, usage: &Usage| Some(cost(usage)))?;
    let agent = Agent::builder(READER, model).max_tokens(MOST_OUTPUT).tool(tool(log)).build()?;
    let limits =
        Limits::new().turns(turns).requests(None).calls(None).conversation_budget(budget(turns, kills));
    let team = Team::new([agent])?.with_limits(limits);
    Ok(team.wrap_models(|llm| Arc::new(Compact::new(llm, WINDOW)) as _))
}

/// The reply, which follows from what the model reads alone. It must be valid, and have each page once.
fn reply(request: &Request, last: u64, log: &Log) -> Reply {
    let pages = match agent_mock::check(&body(request)).map_err(|refusal| refusal.message) {
        Ok(()) => Pages::of(request),
        Err(why) => Err(why),
    };
    let Pages { count, .. } = match &pages {
        Ok(pages) => *pages,
        Err(why) => {
            log.refuse(why);
            return Reply::error(LlmError::new(LlmErrorKind::Other, why.clone()));
        }
    };
    let mut usage = Usage::new(request.estimated_input_tokens() / 2, OUTPUT);
    usage.cost = cost(&usage);
    log.read(request);
    log.answer(&usage);
    let is_for_summary = request.tools.is_empty();
    let reply = match is_for_summary || count == last {
        true => Reply::text(pages.unwrap_or_default().as_text()),
        false => Reply::call("read", json!({"page": count})),
    };
    reply.usage(usage).after(TURN)
}

/// The request as the Messages API gets it.
fn body(request: &Request) -> serde_json::Value {
    let tools: Vec<_> = request
        .tools
        .iter()
        .map(|tool| json!({"name": tool.name, "description": tool.description, "input_schema": tool.input_schema}))
        .collect();
    json!({
        "model": READER,
        "max_tokens": request.max_tokens,
        "system": request.system,
        "messages": request.messages,
        "tools": tools,
    })
}

fn tool(log: &Log) -> FnTool {
    let log = log.clone();
    let read = move |turned: Turned, context: Context| {
        let log = log.clone();
        async move {
            let key = context.key();
            log.start(&key);
            tokio::task::yield_now().await;
            log.end(&key);
            Ok::<_, String>(page(turned.page))
        }
    };
    FnTool::new("read", "Reads a page of the book.", read).idempotent()
}
