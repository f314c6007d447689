//! The name of the object of a conversation, one of its keys, and statuses that it answers with.

/// The name of the object.
pub(crate) const SESSION: &str = "AgentSession";

/// The status of the error for a call that does not wait.
pub(crate) const NOT_WAITING: u16 = 404;

/// The status of the error for a new session with an id that is taken.
pub(crate) const EXISTS: u16 = 422;

/// The key of the state with the id of the invocation that runs the conversation.
pub(crate) const RUNNING: &str = "running";
