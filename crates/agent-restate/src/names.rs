//! The name of the object of a conversation, and a status that it answers with.

/// The name of the object.
pub(crate) const SESSION: &str = "AgentSession";

/// The status of the error for a call that does not wait.
pub(crate) const NOT_WAITING: u16 = 404;
