//! Functions of tools that share something between their calls.

use std::{future::Future, marker::PhantomData};

use agent_core::{Context, Outcome};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{
    Body, IntoOutcome,
    body::{Async, AsyncWithContext, AsyncWithoutInput, Plain, WithContext, WithoutInput},
};

/// A function that can be a tool with state: `Fn(State, Input) -> Output`, sync or async. The
/// function may also take the call's [`Context`] as a third argument, or only the state.
/// [`FnTool::with_state`](crate::FnTool::with_state) makes the tool and has an example.
///
/// Each call gets a clone of the state. So the state should be cheap to clone, and its clones must
/// share what they hold: an `Arc`, an HTTP client, a pool of connections. `Input` and `Output` are
/// as in [`Body`].
///
/// `Shape` is for the compiler, to tell these kinds of functions apart. It is always inferred.
#[diagnostic::on_unimplemented(
    message = "this function can't be a tool with this state",
    label = "not `Fn({S}, Input) -> Output`, sync or async; a `Context` may follow `Input`, or both be left out",
    note = "the first argument is the state, of the type that `with_state` was given: `{S}`",
    note = "`Input` needs `#[derive(serde::Deserialize, schemars::JsonSchema)]` with schemars 1; a closure says its types: `|state: {S}, input: Input|`",
    note = "`Output` is a `Result<T, E>` (T: `serde::Serialize`, E: `Display`), a string, number, list or map; any other type that can't fail is returned as `Ok::<_, String>(…)`"
)]
pub trait StateBody<S, Shape>: Send + Sync + 'static {
    /// The type of the function's input.
    type Input: DeserializeOwned + JsonSchema + Send + 'static;

    /// Whether the function is sync. A call of a sync function holds its thread until it returns.
    const IS_SYNC: bool;

    /// Makes one call.
    fn call(&self, state: S, input: Self::Input, context: Context) -> impl Future<Output = Outcome> + Send;
}

/// A function together with its state, which is a function without state.
pub(crate) struct Bound<S, F> {
    pub(crate) state: S,
    pub(crate) function: F,
}

/// The kind of [`Bound`].
pub(crate) struct OfState<K>(PhantomData<K>);

impl<S, F, K> Body<OfState<K>> for Bound<S, F>
where
    S: Clone + Send + Sync + 'static,
    F: StateBody<S, K>,
{
    type Input = F::Input;
    const IS_SYNC: bool = F::IS_SYNC;

    fn call(&self, input: F::Input, context: Context) -> impl Future<Output = Outcome> + Send {
        self.function.call(self.state.clone(), input, context)
    }
}

impl<F, S, I, R> StateBody<S, Plain<(I, R)>> for F
where
    F: Fn(S, I) -> R + Send + Sync + 'static,
    S: Send,
    I: DeserializeOwned + JsonSchema + Send + 'static,
    R: IntoOutcome,
{
    type Input = I;
    const IS_SYNC: bool = true;

    async fn call(&self, state: S, input: I, _: Context) -> Outcome {
        self(state, input).into_outcome()
    }
}

impl<F, S, I, R> StateBody<S, WithContext<(I, R)>> for F
where
    F: Fn(S, I, Context) -> R + Send + Sync + 'static,
    S: Send,
    I: DeserializeOwned + JsonSchema + Send + 'static,
    R: IntoOutcome,
{
    type Input = I;
    const IS_SYNC: bool = true;

    async fn call(&self, state: S, input: I, context: Context) -> Outcome {
        self(state, input, context).into_outcome()
    }
}

impl<F, S, R> StateBody<S, WithoutInput<R>> for F
where
    F: Fn(S) -> R + Send + Sync + 'static,
    S: Send,
    R: IntoOutcome,
{
    type Input = ();
    const IS_SYNC: bool = true;

    async fn call(&self, state: S, (): (), _: Context) -> Outcome {
        self(state).into_outcome()
    }
}

impl<F, S, I, R> StateBody<S, Async<(I, R)>> for F
where
    F: Fn(S, I) -> R + Send + Sync + 'static,
    S: Send,
    I: DeserializeOwned + JsonSchema + Send + 'static,
    R: Future<Output: IntoOutcome> + Send,
{
    type Input = I;
    const IS_SYNC: bool = false;

    async fn call(&self, state: S, input: I, _: Context) -> Outcome {
        self(state, input).await.into_outcome()
    }
}

impl<F, S, I, R> StateBody<S, AsyncWithContext<(I, R)>> for F
where
    F: Fn(S, I, Context) -> R + Send + Sync + 'static,
    S: Send,
    I: DeserializeOwned + JsonSchema + Send + 'static,
    R: Future<Output: IntoOutcome> + Send,
{
    type Input = I;
    const IS_SYNC: bool = false;

    async fn call(&self, state: S, input: I, context: Context) -> Outcome {
        self(state, input, context).await.into_outcome()
    }
}

impl<F, S, R> StateBody<S, AsyncWithoutInput<R>> for F
where
    F: Fn(S) -> R + Send + Sync + 'static,
    S: Send,
    R: Future<Output: IntoOutcome> + Send,
{
    type Input = ();
    const IS_SYNC: bool = false;

    async fn call(&self, state: S, (): (), _: Context) -> Outcome {
        self(state).await.into_outcome()
    }
}
