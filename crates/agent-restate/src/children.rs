//! The conversations that are delegated from one.

use std::sync::{Mutex, PoisonError};

use restate_sdk::{
    context::{ContextClient, ContextReadState, ContextWriteState, ObjectContext, RequestTarget},
    errors::TerminalError,
    serde::Json,
};

use crate::names::SESSION;

/// The key of the state that says which they are: what waits in them waits in the session.
pub(crate) const CHILDREN: &str = "children";

/// The ids of those that were begun and have not come to their own end, which is where they forget themselves.
#[derive(Debug, Default)]
pub(crate) struct Children(Mutex<Vec<String>>);

impl Children {
    /// Those of earlier runs, without those that are over: these were stopped, and are forgotten.
    pub(crate) async fn of(
        ctx: &ObjectContext<'_>,
        is_over: impl Fn(&str) -> bool,
    ) -> Result<Self, TerminalError> {
        let known = ctx.get::<Json<Vec<String>>>(CHILDREN).await?.map(|Json(children)| children);
        let (over, there): (Vec<_>, Vec<_>) =
            known.unwrap_or_default().into_iter().partition(|child| is_over(child));
        for child in over {
            // Sent when it is made; nobody waits for it.
            drop(ctx.request::<(), ()>(RequestTarget::object(SESSION, child, "forget"), ()).send());
        }
        Ok(Self(Mutex::new(there)))
    }

    /// Says that these begin, beside those that are under way.
    pub(crate) fn begin(&self, ctx: &ObjectContext<'_>, begin: Vec<String>) {
        if begin.is_empty() {
            return;
        }
        let mut children = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        children.retain(|child| !begin.contains(child));
        children.extend(begin);
        ctx.set(CHILDREN, Json(children.clone()));
    }

    /// One that has come to its end is left out when the next begins.
    pub(crate) fn ended(&self, child: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| other != child);
    }
}
