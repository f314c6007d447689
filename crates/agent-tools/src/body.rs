//! What can be the body of a tool: sync and async functions, with or without the call's context.

use std::{any::Any, fmt::Display, future::Future, marker::PhantomData};

use agent_core::{Content, Context, Outcome};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

/// A function that can be a tool: `Fn(Input) -> Result<Output, Error>`, or the same as an async
/// function; either may take the call's [`Context`] as a second argument.
///
/// `Input` is read from the call's JSON, `Output` is written as JSON (a string as it is), and the
/// words of `Error` are what the model reads. Either may be a [`Content`], for a result or an error with blocks (text
/// and pictures), and `Output` an [`Outcome`], which is what the call leads to then. A function that can't fail returns `Ok::<_, String>(…)`. `Kind` tells the shapes apart and is always inferred.
#[diagnostic::on_unimplemented(
    message = "this function can't be a tool",
    label = "not `Fn(Input) -> Result<Output, Error>`, sync or async, with or without a `Context` after `Input`",
    note = "`Input` needs `#[derive(serde::Deserialize, schemars::JsonSchema)]`, with schemars 1",
    note = "`Output` needs `serde::Serialize`, `Error` needs `Display`; one that can't fail returns `Ok::<_, String>(…)`"
)]
pub trait Body<Kind>: Send + Sync + 'static {
    /// What it reads.
    type Input: DeserializeOwned + JsonSchema + Send;

    /// Whether it is a sync function: a call holds its thread until it returns.
    const IS_SYNC: bool;

    /// Does one call.
    fn call(&self, input: Self::Input, context: Context) -> impl Future<Output = Outcome> + Send;
}

/// The kinds of function; never named by users.
#[doc(hidden)]
pub struct Plain<T>(PhantomData<T>);
#[doc(hidden)]
pub struct WithContext<T>(PhantomData<T>);
#[doc(hidden)]
pub struct Async<T>(PhantomData<T>);
#[doc(hidden)]
pub struct AsyncWithContext<T>(PhantomData<T>);

impl<F, I, O, E> Body<Plain<(I, O, E)>> for F
where
    F: Fn(I) -> Result<O, E> + Send + Sync + 'static,
    I: DeserializeOwned + JsonSchema + Send,
    O: Serialize + 'static,
    E: Display + 'static,
{
    type Input = I;
    const IS_SYNC: bool = true;

    async fn call(&self, input: I, _: Context) -> Outcome {
        outcome(self(input))
    }
}

impl<F, I, O, E> Body<WithContext<(I, O, E)>> for F
where
    F: Fn(I, Context) -> Result<O, E> + Send + Sync + 'static,
    I: DeserializeOwned + JsonSchema + Send,
    O: Serialize + 'static,
    E: Display + 'static,
{
    type Input = I;
    const IS_SYNC: bool = true;

    async fn call(&self, input: I, context: Context) -> Outcome {
        outcome(self(input, context))
    }
}

impl<F, I, R, O, E> Body<Async<(I, R)>> for F
where
    F: Fn(I) -> R + Send + Sync + 'static,
    R: Future<Output = Result<O, E>> + Send,
    I: DeserializeOwned + JsonSchema + Send,
    O: Serialize + 'static,
    E: Display + 'static,
{
    type Input = I;
    const IS_SYNC: bool = false;

    async fn call(&self, input: I, _: Context) -> Outcome {
        outcome(self(input).await)
    }
}

impl<F, I, R, O, E> Body<AsyncWithContext<(I, R)>> for F
where
    F: Fn(I, Context) -> R + Send + Sync + 'static,
    R: Future<Output = Result<O, E>> + Send,
    I: DeserializeOwned + JsonSchema + Send,
    O: Serialize + 'static,
    E: Display + 'static,
{
    type Input = I;
    const IS_SYNC: bool = false;

    async fn call(&self, input: I, context: Context) -> Outcome {
        outcome(self(input, context).await)
    }
}

/// What the model reads of a result. Blocks are no JSON of its own.
fn outcome<O: Serialize + 'static, E: Display + 'static>(result: Result<O, E>) -> Outcome {
    let output = match result {
        Ok(output) => output,
        Err(error) => return Outcome::failed(error),
    };
    let any = &output as &dyn Any;
    if let Some(outcome) = any.downcast_ref::<Outcome>() {
        return outcome.clone();
    }
    if let Some(content) = any.downcast_ref::<Content>() {
        return Outcome::Output(content.clone());
    }
    match serde_json::to_string(&output) {
        Ok(text) if text.starts_with('"') => Outcome::output(serde_json::from_str(&text).unwrap_or(text)),
        Ok(json) => Outcome::output(json),
        Err(error) => Outcome::error(format!("the tool's output can't be written as JSON: {error}")),
    }
}
