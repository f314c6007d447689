//! The virtual object with the rest of the limits of a run, which its conversations share.

use restate_sdk::{
    context::{ContextReadState, ContextWriteState, ObjectContext},
    errors::HandlerResult,
    object,
    serde::Json,
};
use serde::{Deserialize, Serialize};

use crate::amount::{Amount, Resource, share_of};

/// The name of the object. Its key is the id of the invocation of the run.
pub(crate) const STORE: &str = "AgentLimits";

/// The key of the state with what is left.
const LEFT: &str = "left";

/// A request for more.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct TakeRequest {
    /// The amount at the start. It is needed for the first request, because nothing is stored
    /// before that.
    #[serde(rename = "at_first")]
    pub(crate) initial: Amount,
    #[serde(rename = "what")]
    pub(crate) resource: Resource,
    pub(crate) need: u32,
}

pub(crate) struct Store;

#[object(name = "AgentLimits", ingress_private = true)]
impl Store {
    /// Takes as much as needed, or somewhat more. Takes less if less is left.
    #[handler]
    async fn take(
        &self,
        ctx: ObjectContext<'_>,
        Json(request): Json<TakeRequest>,
    ) -> HandlerResult<Json<u32>> {
        let known = ctx.get::<Json<Amount>>(LEFT).await?;
        let mut left = known.map_or(request.initial, |Json(left)| left);
        let taken = taken(&mut left, &request);
        ctx.set(LEFT, Json(left));
        Ok(Json(taken))
    }

    /// Deletes the object when the run is over.
    #[handler]
    async fn forget(&self, ctx: ObjectContext<'_>) -> HandlerResult<()> {
        ctx.clear_all();
        Ok(())
    }
}

fn taken(left: &mut Amount, request: &TakeRequest) -> u32 {
    match left.get_mut(request.resource) {
        // Nobody asks for something without a limit.
        None => request.need,
        Some(left) => {
            let taken = share_of(*left).max(request.need).min(*left);
            *left -= taken;
            taken
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Amount, Resource, TakeRequest, taken};

    #[test]
    fn the_need_or_an_eighth_is_taken_until_nothing_is_left() {
        let initial = Amount { requests: Some(20), calls: None };
        let mut left = initial;
        let mut take = |resource, need| taken(&mut left, &TakeRequest { initial, resource, need });
        assert_eq!([1, 1, 9, 1, 1, 9, 1].map(|need| take(Resource::Requests, need)), [2, 2, 9, 1, 1, 5, 0]);
        assert_eq!(take(Resource::Calls, 7), 7, "it is not bounded");
        assert_eq!(left, Amount { requests: Some(0), calls: None });
    }
}
