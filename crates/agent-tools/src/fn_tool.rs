//! Tools from plain functions.

use std::{future::Future, pin::Pin, time::Duration};

use agent_core::{
    Context, Json, Outcome, Tool, ToolSpec, async_trait,
    tool::{ExclusiveBy, Permits},
};

use crate::{Body, NeedsApproval, schema::Input};

/// A tool made of a function, sync or async. What it may take and return, and how it keeps state, see [`Body`].
///
/// The input's schema comes from its type (`#[derive(serde::Deserialize, schemars::JsonSchema)]`;
/// doc comments on its fields are what the model reads of them). An input that does not fit is an
/// error result that says what is wrong and where, and the function is not called.
///
/// Limits in the schema (`#[schemars(range(max = 7))]`, `length`, `regex`, `extend("enum" = …)`) are checked, too, by the feature `validate`,
/// which is on by default. **Without it they are only shown to the model, and the function is called with what breaks
/// them.** With it, a limit that can't be checked (a pattern that is none, or looks ahead or back) is an error when an agent with the tool is
/// built. `format` is shown, and not checked. Names and types are what the type itself reads: a `#[serde(alias)]` holds, but
/// the limits of a field are checked only under the name that the schema shows.
///
/// A sync function may block or compute: its calls run on tokio's blocking pool ([`ToolSpec::blocking`]), so they
/// hold up nothing else, and a [`timeout`](Self::timeout) holds while one still runs. The way there and back costs about ten
/// microseconds; a function that takes less than that is better called in place ([`instant`](Self::instant)).
/// The calls of an async function run on the async workers.
pub struct FnTool {
    spec: ToolSpec,
    run: Box<Run>,
}

type Run = dyn Fn(Json, Context) -> Pin<Box<dyn Future<Output = Outcome> + Send>> + Send + Sync;

impl FnTool {
    /// A tool of this name and description. For the shapes `function` may have see [`Body`]. The input is an object, so its
    /// type is a struct, or `()`; any other is an error when an agent with the tool is built.
    pub fn new<K, B: Body<K>>(name: impl Into<String>, description: impl Into<String>, function: B) -> Self {
        let (reads, mut spec) = Input::new(name, description);
        let body = std::sync::Arc::new((function, reads));
        let run = move |input: Json, context: Context| {
            let body = body.clone();
            let call = async move {
                let (function, reads) = &*body;
                match reads.read(&input) {
                    Ok(input) => function.call(input, context).await,
                    Err(why) => Outcome::error(why),
                }
            };
            Box::pin(call) as Pin<Box<dyn Future<Output = Outcome> + Send>>
        };
        spec.blocking = B::IS_SYNC;
        Self { spec, run: Box::new(run) }
    }

    /// It has no effects: a call may start while the reply still streams, and be made again after a crash. Equal calls are
    /// still made one by one; see [`shared`](Self::shared). See [`ToolSpec::read_only`].
    pub fn read_only(self) -> Self {
        self.with(|spec| spec.read_only = true)
    }

    /// Equal calls of a turn share one execution, as is right for what says the same each time, and wrong for a die, a clock or
    /// a poll. For a tool that is also [`read_only`](Self::read_only) or [`idempotent`](Self::idempotent). See [`ToolSpec::shared`].
    pub fn shared(self) -> Self {
        self.with(|spec| spec.shared = true)
    }

    /// A call may be made again. See [`ToolSpec::idempotent`].
    pub fn idempotent(self) -> Self {
        self.with(|spec| spec.idempotent = true)
    }

    /// A call runs alone. See [`ToolSpec::exclusive`].
    pub fn exclusive(self) -> Self {
        self.with(|spec| spec.exclusive = true)
    }

    /// Calls of one key take turns. See [`ToolSpec::exclusive_by`].
    pub fn exclusive_by(self, key: ExclusiveBy) -> Self {
        self.with(|spec| spec.exclusive_by = Some(key))
    }

    /// Bounds how many calls are under way at once. See [`ToolSpec::permits`].
    pub fn permits(self, permits: Permits) -> Self {
        self.with(|spec| spec.permits = Some(permits))
    }

    /// A sync function that returns within microseconds: its calls run in place, on an async worker. One that takes
    /// longer holds up what else runs there, and no timeout can end it.
    pub fn instant(self) -> Self {
        self.with(|spec| spec.blocking = false)
    }

    /// An async function that blocks or computes between its awaits: it runs on the blocking pool, as sync functions do
    /// anyway. See [`ToolSpec::blocking`].
    pub fn blocking(self) -> Self {
        self.with(|spec| spec.blocking = true)
    }

    /// A call that takes longer fails. See [`ToolSpec::timeout`].
    pub fn timeout(self, limit: Duration) -> Self {
        self.with(|spec| spec.timeout = Some(limit))
    }

    /// A call waits until a person has allowed it. See [`NeedsApproval`].
    pub fn needs_approval(self) -> NeedsApproval {
        NeedsApproval::new(self)
    }

    /// Another field of its definition, as JSON. See [`ToolSpec::extra`].
    pub fn extra(self, field: impl Into<String>, value: impl Into<Json>) -> Self {
        self.with(|spec| drop(spec.extra.insert(field.into(), value.into())))
    }

    fn with(mut self, change: impl FnOnce(&mut ToolSpec)) -> Self {
        change(&mut self.spec);
        self
    }
}

#[async_trait]
impl Tool for FnTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    // Written out, since an `async fn` would box once more what is boxed already.
    fn call<'s, 'f>(
        &'s self,
        input: Json,
        context: Context,
    ) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        (self.run)(input, context)
    }
}
