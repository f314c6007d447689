//! A request that waits.

use std::{pin::pin, sync::Arc, time::Duration};

use agent_core::model::Notice;
use futures::future::{Either, select};
use tokio::sync::{oneshot, watch};

use super::{Shared, place::Place};

/// How much later than was said a hold has to end for that to be worth another word.
const WORTH_SAYING: Duration = Duration::from_secs(1);

/// A request in the queue.
pub(super) struct Waiting {
    pub(super) gate: Arc<Shared>,
    /// Its place, once it may go.
    pub(super) turn: oneshot::Receiver<Place>,
    /// Until when all are held.
    pub(super) held: watch::Receiver<Duration>,
    /// How long it waits, as far as is known, and why; to be said first.
    pub(super) outlook: Option<(Duration, String)>,
    /// Until when it waits, as was said.
    pub(super) told: Duration,
}

impl Waiting {
    /// Its place, or what it should know meanwhile: that it waits, and if that turns out to take
    /// longer.
    pub(super) async fn next(&mut self) -> Result<Place, Notice> {
        loop {
            if let Some((wait, reason)) = self.outlook.take() {
                self.told = self.gate.now().saturating_add(wait);
                return Err(Notice::Wait { wait, reason });
            }
            let place = match select(&mut self.turn, pin!(self.held.changed())).await {
                Either::Left((place, _)) => Some(place),
                Either::Right(_) => None,
            };
            match place {
                Some(place) => return Ok(place.expect("the gate keeps all who wait until it lets them out")),
                None => {
                    self.gate.attend();
                    self.outlook = self.longer();
                }
            }
        }
    }

    /// How long it waits and why, if all are held for longer than it was told.
    fn longer(&mut self) -> Option<(Duration, String)> {
        let until = *self.held.borrow_and_update();
        let longer = until > self.told.saturating_add(WORTH_SAYING);
        longer.then(|| self.gate.state().flow.held(self.gate.now())).flatten()
    }
}
