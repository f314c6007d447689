//! What can be the body of a tool: sync and async functions, with and without an input and the
//! call's context.

use std::{future::Future, marker::PhantomData};

use agent_core::{Context, Outcome};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::IntoOutcome;

/// A function that can be a tool: `Fn(Input) -> Output`, sync or async. The function may also take
/// the call's [`Context`] as a second argument, or no argument at all.
///
/// - `Input` is a struct with `#[derive(serde::Deserialize, schemars::JsonSchema)]`, or `()` for a
///   tool without an input. The input is read from the call's JSON, which is an object. So a
///   `String`, a number, a list or an enum must be a field of a struct. With such a type as the
///   `Input`, the agent can't be built.
/// - `Output` is a `Result`, a string, a number, or another type that is [`IntoOutcome`]. An
///   [`Answer`](crate::Answer) ends the run.
///
/// `Shape` is for the compiler, to tell these kinds of functions apart. It is always inferred.
///
/// ```
/// use agent_tools::FnTool;
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct City { name: String }
///
/// // It can fail: the model reads the error.
/// FnTool::new("population", "How many people live in a city.", |city: City| match city.name.as_str() {
///     "Oslo" => Ok(709_000),
///     other => Err(format!("there is no city named {other}")),
/// });
/// // It can't fail, and has no input.
/// FnTool::new("coin", "Throws a coin.", || "heads");
/// // It takes the call's context, and no input.
/// FnTool::new("key", "The key of this call.", |_: (), context: agent_core::Context| context.key());
/// ```
///
/// # A tool with state
///
/// [`FnTool::with_state`](crate::FnTool::with_state) gives each call a clone of a state that all
/// calls share, such as an HTTP client.
///
/// A closure may also capture the state. Several calls may run in parallel, so an async closure
/// must give each call its own clone: write `clone` inside of `move |input|` and before `async
/// move`. (An `async move |input|` that uses a captured value is not an `Fn`, so it can't be a
/// tool.)
#[diagnostic::on_unimplemented(
    message = "this function can't be a tool",
    label = "not `Fn(Input) -> Output`, sync or async; a `Context` may follow `Input`, or both be left out",
    note = "`Input` needs `#[derive(serde::Deserialize, schemars::JsonSchema)]` with schemars 1, or is `()`; a closure says its type: `|input: Input|`",
    note = "`Output` is a `Result<T, E>` (T: `serde::Serialize`, E: `Display`), a string, number, list or map; any other type that can't fail is returned as `Ok::<_, String>(…)`",
    note = "async code that shares something between calls: `FnTool::with_state(name, description, db, |db: Db, input: Input| async move {{ … }})`"
)]
pub trait Body<Shape>: Send + Sync + 'static {
    /// The type of the function's input.
    type Input: DeserializeOwned + JsonSchema + Send + 'static;

    /// Whether the function is sync. A call of a sync function holds its thread until it returns.
    const IS_SYNC: bool;

    /// Makes one call.
    fn call(&self, input: Self::Input, context: Context) -> impl Future<Output = Outcome> + Send;
}

/// A mark of a kind of function, for the parameter `Shape`. You never write it.
#[doc(hidden)]
pub struct Plain<T>(PhantomData<T>);
#[doc(hidden)]
pub struct WithContext<T>(PhantomData<T>);
#[doc(hidden)]
pub struct WithoutInput<T>(PhantomData<T>);
#[doc(hidden)]
pub struct Async<T>(PhantomData<T>);
#[doc(hidden)]
pub struct AsyncWithContext<T>(PhantomData<T>);
#[doc(hidden)]
pub struct AsyncWithoutInput<T>(PhantomData<T>);

impl<F, I, R> Body<Plain<(I, R)>> for F
where
    F: Fn(I) -> R + Send + Sync + 'static,
    I: DeserializeOwned + JsonSchema + Send + 'static,
    R: IntoOutcome,
{
    type Input = I;
    const IS_SYNC: bool = true;

    async fn call(&self, input: I, _: Context) -> Outcome {
        self(input).into_outcome()
    }
}

impl<F, I, R> Body<WithContext<(I, R)>> for F
where
    F: Fn(I, Context) -> R + Send + Sync + 'static,
    I: DeserializeOwned + JsonSchema + Send + 'static,
    R: IntoOutcome,
{
    type Input = I;
    const IS_SYNC: bool = true;

    async fn call(&self, input: I, context: Context) -> Outcome {
        self(input, context).into_outcome()
    }
}

impl<F, R> Body<WithoutInput<R>> for F
where
    F: Fn() -> R + Send + Sync + 'static,
    R: IntoOutcome,
{
    type Input = ();
    const IS_SYNC: bool = true;

    async fn call(&self, (): (), _: Context) -> Outcome {
        self().into_outcome()
    }
}

impl<F, I, R> Body<Async<(I, R)>> for F
where
    F: Fn(I) -> R + Send + Sync + 'static,
    I: DeserializeOwned + JsonSchema + Send + 'static,
    R: Future<Output: IntoOutcome> + Send,
{
    type Input = I;
    const IS_SYNC: bool = false;

    async fn call(&self, input: I, _: Context) -> Outcome {
        self(input).await.into_outcome()
    }
}

impl<F, I, R> Body<AsyncWithContext<(I, R)>> for F
where
    F: Fn(I, Context) -> R + Send + Sync + 'static,
    I: DeserializeOwned + JsonSchema + Send + 'static,
    R: Future<Output: IntoOutcome> + Send,
{
    type Input = I;
    const IS_SYNC: bool = false;

    async fn call(&self, input: I, context: Context) -> Outcome {
        self(input, context).await.into_outcome()
    }
}

impl<F, R> Body<AsyncWithoutInput<R>> for F
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output: IntoOutcome> + Send,
{
    type Input = ();
    const IS_SYNC: bool = false;

    async fn call(&self, (): (), _: Context) -> Outcome {
        self().await.into_outcome()
    }
}
