//! Models and conversations that the tests share.

use std::sync::{Arc, Mutex};

use agent_compact::Compact;
use agent_core::{
    Agent, Conversation, Delta, Event, EventKind, Message, Request, Team,
    model::Notice,
    script::{Reply, Script},
};
use agent_tools::FnTool;

/// Whether this is the request for a summary.
pub(crate) fn is_for_summary(request: &Request) -> bool {
    request.system_text().starts_with("You summarise conversations")
}

/// A model that gives `summary` when it is asked for one, and else answers with the number of
/// messages that it reads.
pub(crate) fn model(summary: Reply) -> Script {
    Script::by(move |request| match is_for_summary(request) {
        true => summary.clone(),
        false => Reply::text(format!("I read {} messages.", request.messages.len())),
    })
}

/// An agent with this model, without a system prompt.
pub(crate) fn agent(model: &Script) -> Agent {
    Agent::builder("main", model.clone()).base_prompt("").build().unwrap()
}

/// A team of one with summaries. Each text of [`long`] is about 1,000 tokens.
pub(crate) fn team(model: &Script, change: impl Fn(Compact) -> Compact) -> Team {
    let team = Team::new([agent(model)]).unwrap();
    team.wrap_models(|llm| Arc::new(change(Compact::new(llm, 5_000).at(0.9))))
}

/// A text of about 1,000 tokens.
pub(crate) fn long(text: &str) -> String {
    format!("{text} {}", "word ".repeat(700 - text.len() / 5))
}

/// Says each text, and runs the conversation after each. Returns the notices.
pub(crate) async fn talk(team: &Team, conversation: &mut Conversation, texts: &[String]) -> Vec<Notice> {
    let notices = Arc::new(Mutex::new(Vec::new()));
    for text in texts {
        conversation.say(text.as_str());
        let heard = notices.clone();
        let listen = move |event: &Event| {
            if let EventKind::Delta(Delta::Notice(notice)) = &event.kind {
                heard.lock().unwrap().push(notice.clone());
            }
        };
        team.run(conversation).listen(listen).await.unwrap();
    }
    let heard = notices.lock().unwrap();
    heard.to_vec()
}

/// The role and the first words of each message of a request.
pub(crate) fn outline(messages: &[Message]) -> Vec<String> {
    let words = |message: &Message| {
        let text = message.text();
        let text = text.strip_prefix("[A summary").map_or(text.clone(), |_| "(summary)".to_owned());
        let start: Vec<&str> = text.split_whitespace().take(2).collect();
        let calls = message.tool_calls().count();
        let results = message.tool_results().count();
        let blocks = match (calls, results) {
            (0, 0) => start.join(" "),
            (calls, 0) => format!("{calls} calls"),
            (_, results) => format!("{results} results"),
        };
        format!("{:?}: {blocks}", message.role())
    };
    messages.iter().map(words).collect()
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Topic {
    topic: String,
}

/// A tool with long results.
pub(crate) fn look_up() -> FnTool {
    FnTool::new("look_up", "Looks up a topic.", async |Topic { topic }: Topic| long(&topic))
}
