//! What a run may still use up, as far as one of its conversations has it in hand.
//!
//! The user's own conversation begins with all of it, and nobody is asked. When it first delegates, it keeps a part, and the
//! rest is a [store](crate::store) that all conversations of the run share, on any machine. A delegation is handed some of
//! what its parent has in hand and gives back what it did not use. Who has none left takes more from the store, as much at
//! once as serves for a while. So nothing is ever in two hands, and the whole never does more than it may.

use std::sync::{Mutex, MutexGuard, PoisonError};

use agent_core::{Limits, RunError};
use restate_sdk::{
    context::{ContextClient, ObjectContext, RequestTarget},
    errors::TerminalError,
    serde::Json,
};
use serde::{Deserialize, Serialize};

use crate::{
    amount::{Amount, What, some_of},
    stopped::Stopped,
    store::{STORE, Wish},
};

/// The header that says what a delegated conversation is handed.
const HANDED: &str = "agent-limits";

/// What a delegated conversation is handed.
#[derive(Debug, Serialize, Deserialize)]
struct Handed {
    most: Amount,
    hand: Amount,
    store: Shared,
}

/// What it gives back.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Back {
    hand: Amount,
    store_is_used: bool,
}

/// The store of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Shared {
    run: String,
    at_first: Amount,
}

/// What one conversation has in hand.
#[derive(Debug)]
pub(crate) struct Allowance {
    /// The limits of the run, which the user's own conversation was driven by first.
    most: Amount,
    is_delegated: bool,
    now: Mutex<Now>,
}

#[derive(Debug)]
struct Now {
    hand: Amount,
    store: Option<Shared>,
    /// Whether somebody may have taken from it.
    store_is_used: bool,
    /// How many delegations are under way, which may take from it.
    under_way: usize,
    /// What it had none of when it was asked last: nothing is ever brought back there.
    lacks: Vec<What>,
}

impl Allowance {
    /// All that a run with these limits may use up.
    pub(crate) fn of_run(limits: &Limits) -> Self {
        let most = Amount::of(limits);
        let now = Now { hand: most, store: None, store_is_used: false, under_way: 0, lacks: Vec::new() };
        Self { most, is_delegated: false, now: Mutex::new(now) }
    }

    /// What the conversation of this handler was handed. Who delegated it may know nothing of that, in older code.
    pub(crate) fn of_delegated(ctx: &ObjectContext<'_>, limits: &Limits) -> Result<Self, TerminalError> {
        let Some(handed) = ctx.headers().get(HANDED) else { return Ok(Self::of_run(limits)) };
        let Handed { most, hand, store } = serde_json::from_str(handed)
            .map_err(|error| TerminalError::new(format!("header {HANDED:?} can't be read: {error}")))?;
        let now = Now { hand, store: Some(store), store_is_used: false, under_way: 0, lacks: Vec::new() };
        Ok(Self { most, is_delegated: true, now: Mutex::new(now) })
    }

    /// Counts a request that is about to be made. If there may be none, that is the run's end.
    pub(crate) async fn request(&self, ctx: &ObjectContext<'_>) -> Result<(), Stopped> {
        self.have(ctx, What::Requests, 1).await?;
        self.use_one(What::Requests).map_err(|most| RunError::RequestLimit { most }.into())
    }

    /// Sees to it that so much is in hand, if the run may use up so much.
    pub(crate) async fn have(
        &self,
        ctx: &ObjectContext<'_>,
        what: What,
        wanted: u32,
    ) -> Result<(), TerminalError> {
        let Some((run, wish)) = self.wish(what, wanted) else { return Ok(()) };
        let target = RequestTarget::object(STORE, run, "take");
        let Json(taken) = ctx.request::<_, Json<u32>>(target, Json(wish)).call().await?;
        let mut now = self.now();
        if taken < wish.need {
            now.lacks.push(what);
        }
        if let Some(left) = now.hand.get_mut(what) {
            *left += taken;
        }
        Ok(())
    }

    /// What the store is asked for; `None` if there is no need or nothing to be had.
    fn wish(&self, what: What, wanted: u32) -> Option<(String, Wish)> {
        let mut now = self.now();
        let now = &mut *now;
        let need = wanted.saturating_sub(now.hand.get(what)?);
        let store = now.store.as_ref().filter(|_| need > 0 && !now.lacks.contains(&what))?;
        // Also if it is never heard what came of it.
        now.store_is_used = true;
        Some((store.run.clone(), Wish { at_first: store.at_first, what, need }))
    }

    /// Uses up one. The error is the run's limit, if none is in hand.
    pub(crate) fn use_one(&self, what: What) -> Result<(), u32> {
        match self.now().hand.get_mut(what) {
            Some(0) => Err(self.most.get(what).unwrap_or_default()),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// One was not used after all.
    pub(crate) fn give_back_one(&self, what: What) {
        if let Some(left) = self.now().hand.get_mut(what) {
            *left += 1;
        }
    }

    /// The header for a conversation that is delegated by this one: it is handed a part, and as many `others` may get one later.
    pub(crate) fn hand_down(&self, ctx: &ObjectContext<'_>, others: usize) -> (String, String) {
        let mut now = self.now();
        let now = &mut *now;
        now.under_way += 1;
        let store = now.store.get_or_insert_with(|| {
            let kept = now.hand.split(some_of);
            let at_first = std::mem::replace(&mut now.hand, kept);
            Shared { run: ctx.invocation_id().to_owned(), at_first }
        });
        let parts = u32::try_from(others).unwrap_or(u32::MAX).saturating_add(1);
        let handed =
            Handed { most: self.most, hand: now.hand.split(|left| left / parts), store: store.clone() };
        (HANDED.to_owned(), serde_json::to_string(&handed).expect("numbers and an id can be written"))
    }

    /// What is not used up, once the conversation is over.
    pub(crate) fn rest(&self) -> Back {
        let mut now = self.now();
        Back { hand: now.hand.split(|left| left), store_is_used: now.store_is_used }
    }

    /// What a delegated conversation gives back; `None` if nobody knows, as when it was stopped by hand.
    pub(crate) fn take_back(&self, back: Option<Back>) {
        let back = back.unwrap_or(Back { hand: Amount::NOTHING, store_is_used: true });
        let mut now = self.now();
        now.hand.add(back.hand);
        now.store_is_used |= back.store_is_used;
        now.under_way -= 1;
        if now.under_way == 0 && !now.store_is_used && !self.is_delegated {
            // Nobody has asked for it, and nobody is there who might: all is in one hand again.
            let rest = now.store.take().map_or(Amount::NOTHING, |store| store.at_first);
            now.hand.add(rest);
        }
    }

    /// The conversation is not driven any more: if it is the user's, the run is over, and its store is not needed.
    pub(crate) fn end(&self, ctx: &ObjectContext<'_>) {
        let now = self.now();
        if let Some(store) = now.store.as_ref().filter(|_| now.store_is_used && !self.is_delegated) {
            let target = RequestTarget::object(STORE, store.run.as_str(), "forget");
            // Sent when it is made; nobody waits for it.
            drop(ctx.request::<(), ()>(target, ()).send());
        }
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
