//! The virtual object with the permits of one limit on calls. Restate handles its requests one after
//! the other, so calls on many machines can't exceed the limit together.

use restate_sdk::{
    context::{ContextAwakeables, ContextReadState, ContextWriteState, ObjectContext},
    errors::{HandlerResult, TerminalError},
    object,
    serde::Json,
};
use serde::{Deserialize, Serialize};

use crate::permit_queue::{Asking, PermitQueue};

/// The name of the object. Its key says what is limited.
pub(crate) const PERMITS: &str = "AgentPermits";

/// The key of the state.
const QUEUE: &str = "queue";

/// A request for a permit of a limit of so many.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TakePermit {
    pub(crate) most: usize,
    pub(crate) asking: Asking,
}

pub(crate) struct Permits;

#[object(name = "AgentPermits", ingress_private = true)]
impl Permits {
    /// Takes a permit. Returns false if there is none now. Then the awakeable is resolved when the
    /// one who asks gets it.
    #[handler]
    async fn take(
        &self,
        ctx: ObjectContext<'_>,
        Json(TakePermit { most, asking }): Json<TakePermit>,
    ) -> HandlerResult<Json<bool>> {
        let mut queue = read(&ctx).await?;
        let is_free = queue.take(most, asking);
        write(&ctx, &queue, &[]);
        Ok(Json(is_free))
    }

    /// This invocation is over, whether it holds a permit, waits for one, or neither.
    #[handler]
    async fn give_back(&self, ctx: ObjectContext<'_>, Json(holder): Json<String>) -> HandlerResult<()> {
        let mut queue = read(&ctx).await?;
        let granted = queue.give_back(&holder);
        write(&ctx, &queue, &granted);
        Ok(())
    }
}

async fn read(ctx: &ObjectContext<'_>) -> Result<PermitQueue, TerminalError> {
    Ok(ctx.get::<Json<PermitQueue>>(QUEUE).await?.map(|Json(queue)| queue).unwrap_or_default())
}

/// Writes the permits, and tells those who have waited. Nothing is kept of a limit that nobody uses.
fn write(ctx: &ObjectContext<'_>, queue: &PermitQueue, granted: &[Asking]) {
    match queue.is_unused() {
        true => ctx.clear_all(),
        false => ctx.set(QUEUE, Json(queue.clone())),
    }
    granted.iter().for_each(|granted| ctx.resolve_awakeable(&granted.awakeable, Json(())));
}
