//! The virtual object with the events of a session and of all that is delegated from it.

use agent_core::sessions::SessionEvent;
use restate_sdk::{
    context::{ContextReadState, ContextWriteState, ObjectContext, SharedObjectContext},
    errors::HandlerResult,
    object,
    serde::Json,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    clock::time,
    event_store::{Batch, Head, KeptEvent},
    keys::Keys,
};

/// The name of the object. Its key is the id of the session.
pub(crate) const EVENTS: &str = "AgentEvents";

const HEAD: &str = "head";

/// The key of the state with the offset of the newest event. Lists of sessions read it.
pub(crate) const LAST: &str = "last";

/// The keys of chunks. A chunk that was removed is far from those that are there.
static CHUNKS: Keys = Keys::new("events");
const RING: usize = 4096;

/// The most bytes in one answer, unless one chunk has more.
const PIECE_BYTES: usize = 256 << 10;

/// Some events of a session, and the offset of the newest one. It is 0 if there are none.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) events: Vec<KeptEvent>,
    pub(crate) last: u64,
}

pub(crate) struct KeptEvents;

#[object(name = "AgentEvents", lazy_state, journal_retention = "0s")]
impl KeptEvents {
    /// Adds events that a process sends, unless they were added before.
    #[handler]
    async fn append(&self, ctx: ObjectContext<'_>, Json(batch): Json<Batch>) -> HandlerResult<Json<()>> {
        let mut head = ctx.get::<Json<Head>>(HEAD).await?.map(|Json(head)| head).unwrap_or_default();
        let Some(kept) = head.accept(batch) else { return Ok(Json(())) };
        let first = kept.first().map_or(head.last, |event| event.offset);
        let new: Vec<Box<RawValue>> = kept.iter().map(as_json).collect();
        let place = head.place(first, new.iter().map(|event| event.get().len()).sum());
        let key = CHUNKS.key(place.chunk % RING);
        let known = match place.is_new {
            true => Vec::new(),
            false => {
                ctx.get::<Json<Vec<Box<RawValue>>>>(key).await?.map(|Json(known)| known).unwrap_or_default()
            }
        };
        ctx.set(key, Json(known.into_iter().chain(new).collect::<Vec<_>>()));
        place.removed.iter().for_each(|chunk| ctx.clear(CHUNKS.key(chunk % RING)));
        ctx.set(LAST, head.last);
        ctx.set(HEAD, Json(head));
        Ok(Json(()))
    }

    /// Returns some of the events after this offset.
    #[handler]
    async fn read(&self, ctx: SharedObjectContext<'_>, Json(after): Json<u64>) -> HandlerResult<Json<Page>> {
        let head = ctx.get::<Json<Head>>(HEAD).await?.map(|Json(head)| head).unwrap_or_default();
        let (mut events, mut bytes) = (Vec::new(), 0);
        for (chunk, size) in head.after(after) {
            if bytes > 0 && bytes + size > PIECE_BYTES {
                break;
            }
            bytes += size;
            let chunk = ctx.get::<Json<Vec<KeptEvent>>>(CHUNKS.key(chunk % RING)).await?;
            let chunk = chunk.map(|Json(chunk)| chunk).unwrap_or_default();
            events.extend(chunk.into_iter().filter(|event| event.offset > after));
        }
        Ok(Json(Page { events, last: head.last }))
    }

    /// Deletes the events.
    #[handler(ingress_private = true)]
    async fn forget(&self, ctx: ObjectContext<'_>) -> HandlerResult<()> {
        ctx.clear_all();
        Ok(())
    }
}

fn as_json(event: &KeptEvent) -> Box<RawValue> {
    serde_json::value::to_raw_value(event).expect("it is JSON and numbers")
}

impl KeptEvent {
    /// The error is that of JSON that is not an event.
    pub(crate) fn read(&self) -> serde_json::Result<SessionEvent> {
        let (offset, run_began) = (self.offset, time(self.run_began));
        Ok(SessionEvent { offset, run_began, event: serde_json::from_str(self.event.get())? })
    }
}
