//! The virtual object of what a run may still use up and none of its conversations has in hand.

use restate_sdk::{
    context::{ContextReadState, ContextWriteState, ObjectContext},
    errors::HandlerResult,
    object,
    serde::Json,
};
use serde::{Deserialize, Serialize};

use crate::amount::{Amount, What, some_of};

/// The name of the object. Its key is the invocation of the run.
pub(crate) const STORE: &str = "AgentLimits";

/// The key of the state that says what is left.
const LEFT: &str = "left";

/// A wish to have more.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Wish {
    /// What there was before anybody took any: nobody has to say so before.
    pub(crate) at_first: Amount,
    pub(crate) what: What,
    pub(crate) need: u32,
}

pub(crate) struct Store;

#[object(name = "AgentLimits", ingress_private = true)]
impl Store {
    /// Takes as much as is needed, or somewhat more; what there is, if that is less.
    #[handler]
    async fn take(&self, ctx: ObjectContext<'_>, Json(wish): Json<Wish>) -> HandlerResult<Json<u32>> {
        let known = ctx.get::<Json<Amount>>(LEFT).await?;
        let mut left = known.map_or(wish.at_first, |Json(left)| left);
        let taken = taken(&mut left, &wish);
        ctx.set(LEFT, Json(left));
        Ok(Json(taken))
    }

    /// Forgets it: the run is over.
    #[handler]
    async fn forget(&self, ctx: ObjectContext<'_>) -> HandlerResult<()> {
        ctx.clear_all();
        Ok(())
    }
}

fn taken(left: &mut Amount, wish: &Wish) -> u32 {
    match left.get_mut(wish.what) {
        // Nobody asks for what is not bounded.
        None => wish.need,
        Some(left) => {
            let taken = some_of(*left).max(wish.need).min(*left);
            *left -= taken;
            taken
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Amount, What, Wish, taken};

    #[test]
    fn what_is_taken_is_what_is_needed_or_an_eighth_until_there_is_none() {
        let at_first = Amount { requests: Some(20), calls: None };
        let mut left = at_first;
        let mut take = |what, need| taken(&mut left, &Wish { at_first, what, need });
        assert_eq!([1, 1, 9, 1, 1, 9, 1].map(|need| take(What::Requests, need)), [2, 2, 9, 1, 1, 5, 0]);
        assert_eq!(take(What::Calls, 7), 7, "it is not bounded");
        assert_eq!(left, Amount { requests: Some(0), calls: None });
    }
}
