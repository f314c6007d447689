//! The client against scripted servers, which are processes.

#![allow(clippy::unwrap_used)]

mod calls;
mod deaths;
mod elicitation;
mod faults;
mod http;
mod lists;
mod many;
mod odd;
mod scripted;
mod secrets;
mod web;

/// The results that the model of the conversation has read.
fn results(conversation: &agent_core::Conversation) -> Vec<String> {
    let results = conversation.messages().iter().flat_map(|message| message.tool_results());
    results.map(|(_, content, _)| content.to_text()).collect()
}
