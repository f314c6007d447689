//! What others call the object of a conversation by, and what it answers.

/// The name of the object.
pub(crate) const SESSION: &str = "AgentSession";

/// The status of an error that says that no such call waits.
pub(crate) const NOT_WAITING: u16 = 404;
