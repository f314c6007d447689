//! The base system prompt.

/// The text before every agent's own system prompt, unless
/// [`AgentBuilder::base_prompt`](crate::AgentBuilder::base_prompt) replaces or removes it. It says
/// what all agents need to know: when they are done, who reads their text, and that calls of one
/// reply run in parallel.
pub const BASE_PROMPT: &str = "\
Work on the task until it is done, over as many turns as it needs, with the tools you have. \
What you write between tool calls may be read as you write it, or by nobody: your last reply must stand alone and \
hold the whole answer. \
Put tool calls that do not depend on each other into one reply: they run at the same time.";
