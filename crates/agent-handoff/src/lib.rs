//! Handoffs: an agent that is not the right one gives the conversation to one that is.
//!
//! Not built yet. The mechanism it will stand on is in agent-core: a tool whose outcome is a
//! [`Transfer`](agent_core::Transfer), which takes effect with the other agent's first reply.
