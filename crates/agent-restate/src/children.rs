//! The conversations that one conversation has delegated.

use std::sync::{Mutex, PoisonError};

use restate_sdk::{
    context::{ContextClient, ContextReadState, ContextWriteState, ObjectContext, RequestTarget},
    errors::TerminalError,
    serde::Json,
};

use crate::names::SESSION;

/// The key of the state with their ids. It is used to find calls that wait in them.
pub(crate) const CHILDREN: &str = "children";

/// The ids of delegated conversations that have started and not ended by themselves. At a normal
/// end, they delete themselves.
#[derive(Debug, Default)]
pub(crate) struct Children(Mutex<Vec<String>>);

impl Children {
    /// The conversations that earlier runs have delegated. Those that are over were stopped, and
    /// are deleted.
    pub(crate) async fn load(
        ctx: &ObjectContext<'_>,
        is_over: impl Fn(&str) -> bool,
    ) -> Result<Self, TerminalError> {
        let known = ctx.get::<Json<Vec<String>>>(CHILDREN).await?.map(|Json(children)| children);
        let (over, there): (Vec<_>, Vec<_>) =
            known.unwrap_or_default().into_iter().partition(|child| is_over(child));
        for child in over {
            // The message is sent when it is created; nobody waits for it.
            drop(ctx.request::<(), ()>(RequestTarget::object(SESSION, child, "forget"), ()).send());
        }
        Ok(Self(Mutex::new(there)))
    }

    /// Adds conversations that start now.
    pub(crate) fn begin(&self, ctx: &ObjectContext<'_>, begin: Vec<String>) {
        if begin.is_empty() {
            return;
        }
        let mut children = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        children.retain(|child| !begin.contains(child));
        children.extend(begin);
        ctx.set(CHILDREN, Json(children.clone()));
    }

    /// Removes a conversation that has ended. The state is written when the next one starts.
    pub(crate) fn ended(&self, child: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| other != child);
    }
}
