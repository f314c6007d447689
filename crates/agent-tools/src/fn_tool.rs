//! Tools from plain functions.

use std::{future::Future, pin::Pin, time::Duration};

use agent_core::{
    Context, Json, Outcome, Tool, ToolSpec, async_trait,
    tool::{ExclusiveBy, Need, Permits},
};

use crate::{Body, NeedsApproval, StateBody, limits::Limits, schema::Input, state_body::Bound};

/// A tool made of a Rust function, sync or async. [`Body`] says what the function may take and
/// return.
///
/// ```
/// use agent_tools::FnTool;
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct City {
///     /// The name in English.
///     name: String,
/// }
///
/// let weather = FnTool::new("weather", "The weather in a city.", |city: City| match city.name.as_str() {
///     "Oslo" => Ok("It rains."),
///     other => Err(format!("no station in {other}")),
/// });
/// ```
///
/// # The input, and what is checked of it
///
/// The input's type derives `serde::Deserialize` and `schemars::JsonSchema`. Its JSON Schema is
/// sent to the model, with the doc comments of the fields. If an input does not fit, the function
/// is not called. The call gets an error result, which tells the model what is wrong and where.
///
/// | what | checked |
/// |---|---|
/// | names and types of fields, missing fields, variants of an `enum` | always, when the type is read with serde |
/// | limits: `#[schemars(range(max = 7))]`, `length(…)`, `regex(…)` | with the feature `validate` of this crate, which is on by default |
/// | `#[schemars(extend("enum" = …))]` on a field of another type than an `enum` | with the feature `validate`; without it only shown to the model |
/// | `format` (`email`, `date-time`, …) | never, only shown to the model; let the type of the field check it |
///
/// Without the feature, an agent with a tool whose input has `range`, `length` or `regex` can't be
/// built, and the error says what to do. With [`unchecked_limits`](Self::unchecked_limits), the
/// limits are only hints for the model.
///
/// A limit of a field is checked under the name that the schema shows, not under a
/// `#[serde(alias)]`.
///
/// # Sync functions
///
/// A sync function may block or compute. Its calls run on tokio's pool of blocking threads
/// ([`ToolSpec::blocking`]), so they hold up nothing else. Moving a call there and back costs about
/// ten microseconds. For a function that takes less time, use [`instant`](Self::instant). The calls
/// of an async function run on the async workers.
pub struct FnTool {
    spec: ToolSpec,
    limits: Limits,
    run: Box<Run>,
}

type Run = dyn Fn(Json, Context, Limits) -> Pin<Box<dyn Future<Output = Outcome> + Send>> + Send + Sync;

impl FnTool {
    /// Makes a tool. The model reads its name and description. [`Body`] lists the kinds of
    /// functions that `function` may be.
    ///
    /// The input is a JSON object, so its type must be a struct, or `()`. With any other type, an
    /// agent with the tool can't be built.
    pub fn new<K, B: Body<K>>(name: impl Into<String>, description: impl Into<String>, function: B) -> Self {
        let (reads, limits, mut spec) = Input::new(name, description);
        let body = std::sync::Arc::new((function, reads));
        let run = move |input: Json, context: Context, limits: Limits| {
            let body = body.clone();
            let call = async move {
                let (function, reads) = &*body;
                match reads.read(&input, &limits) {
                    Ok(input) => function.call(input, context).await,
                    Err(why) => Outcome::error(why),
                }
            };
            Box::pin(call) as Pin<Box<dyn Future<Output = Outcome> + Send>>
        };
        spec.blocking = B::IS_SYNC;
        Self { spec, limits, run: Box::new(run) }
    }

    /// Makes a tool whose calls share a state: an HTTP client, a pool of connections, an `Arc`.
    /// Each call gets a clone of `state` as its first argument. [`StateBody`] lists the kinds of
    /// functions that `function` may be.
    ///
    /// ```
    /// use std::{collections::BTreeMap, sync::Arc};
    /// use agent_tools::FnTool;
    /// use tokio::sync::Mutex;
    ///
    /// #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// struct City { name: String }
    ///
    /// type Visits = Arc<Mutex<BTreeMap<String, u32>>>;
    ///
    /// async fn visit(visits: Visits, city: City) -> u32 {
    ///     let mut visits = visits.lock().await;
    ///     let times = visits.entry(city.name).or_default();
    ///     *times += 1;
    ///     *times
    /// }
    ///
    /// let visits = Visits::default();
    /// FnTool::with_state("visit", "Visits a city; says how often by now.", visits.clone(), visit);
    /// // A closure does as well; it says the types of its arguments.
    /// FnTool::with_state("cities", "How many cities were visited.", visits, |visits: Visits| async move {
    ///     visits.lock().await.len()
    /// });
    /// ```
    pub fn with_state<S, K, B>(
        name: impl Into<String>,
        description: impl Into<String>,
        state: S,
        function: B,
    ) -> Self
    where
        S: Clone + Send + Sync + 'static,
        B: StateBody<S, K>,
    {
        Self::new(name, description, Bound { state, function })
    }

    /// Marks the tool as one without effects. So a call may start while the reply still streams,
    /// and may be made again after a crash. See [`ToolSpec::read_only`].
    pub fn read_only(self) -> Self {
        self.marked(|spec| spec.read_only = true)
    }

    /// Makes equal calls of one reply (same input) only once: all of them get the same result. Use
    /// it for a look-up, but not for a die or a clock. The tool must also be
    /// [`read_only`](Self::read_only) or [`idempotent`](Self::idempotent). See
    /// [`ToolSpec::shared`].
    pub fn shared(self) -> Self {
        self.marked(|spec| spec.shared = true)
    }

    /// Marks the tool as one whose calls may be made twice with the effect of one. So a call is
    /// made again after a crash. See [`ToolSpec::idempotent`].
    pub fn idempotent(self) -> Self {
        self.marked(|spec| spec.idempotent = true)
    }

    /// Makes each call run alone: the other calls of the reply wait for it. See
    /// [`ToolSpec::exclusive`].
    pub fn exclusive(self) -> Self {
        self.marked(|spec| spec.exclusive = true)
    }

    /// Makes calls with the same key run one after the other, and in parallel with all other calls.
    /// See [`ToolSpec::exclusive_by`].
    pub fn exclusive_by(self, key: ExclusiveBy) -> Self {
        self.marked(|spec| spec.exclusive_by = Some(key))
    }

    /// Limits how many calls run in parallel, over all tools and runs that have the same permits.
    /// Further calls wait. By default there is no limit. See [`ToolSpec::permits`].
    pub fn permits(self, permits: Permits) -> Self {
        self.marked(|spec| spec.permits = Some(permits))
    }

    /// Makes calls run on an async worker, also if the function is sync. Use it for a sync function
    /// that returns within microseconds. A slower function holds up everything else on its worker,
    /// and no timeout can end it.
    pub fn instant(self) -> Self {
        self.marked(|spec| spec.blocking = false)
    }

    /// Makes calls run on the pool of blocking threads. Use it for an async function that blocks or
    /// computes between its awaits. Sync functions run there by default. See
    /// [`ToolSpec::blocking`].
    pub fn blocking(self) -> Self {
        self.marked(|spec| spec.blocking = true)
    }

    /// Sets how long a call may take. By default there is no limit. A call that takes longer gets
    /// an error result. An async function is then stopped. A sync function goes on until it
    /// returns, but its result is not used. See [`ToolSpec::timeout`].
    pub fn timeout(self, limit: Duration) -> Self {
        self.marked(|spec| spec.timeout = Some(limit))
    }

    /// Says that calls need a value of this type from the run. Read it with [`Context::need`]. A
    /// run that was not given such a value fails at its start, with an error that names this tool.
    /// See [`ToolSpec::needs`].
    ///
    /// ```
    /// use agent_core::{Agent, Context, script::{Reply, Script}, tool::MissingValue};
    /// use agent_tools::FnTool;
    ///
    /// struct User { id: u64 }
    ///
    /// async fn orders(_: (), context: Context) -> Result<String, MissingValue> {
    ///     let user = context.need::<User>()?;
    ///     Ok(format!("the orders of user {}", user.id))
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let call = Reply::call("orders", serde_json::json!({}));
    /// # let model = Script::new([call, Reply::text("None.")]);
    /// let orders = FnTool::new("orders", "The user's orders.", orders).needs::<User>();
    /// let agent = Agent::builder("clerk", model).tool(orders).build()?;
    /// let mut conversation = agent.start("What have I ordered?");
    /// agent.run(&mut conversation).with(User { id: 7 }).await?;
    /// # assert!(conversation.to_string().contains("= the orders of user 7"));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn needs<T: Send + Sync + 'static>(self) -> Self {
        self.marked(|spec| spec.needs.push(Need::of::<T>()))
    }

    /// Turns off the check of the limits in the input's schema (`range`, `length`, `regex`): they
    /// are only shown to the model, and inputs that break them reach the function. Use it if the
    /// function checks the limits itself, or if they are only hints.
    ///
    /// Without this call, the feature `validate` of this crate checks the limits. If that feature
    /// is off, an agent with such a tool can't be built.
    pub fn unchecked_limits(mut self) -> Self {
        (self.limits, self.spec.fault) = (Limits::default(), None);
        self
    }

    /// Makes each call wait until a person has approved it. See [`NeedsApproval`].
    pub fn needs_approval(self) -> NeedsApproval {
        NeedsApproval::new(self)
    }

    /// Adds a field to the tool's definition that is sent to the API, for example `("strict",
    /// true)`. See [`ToolSpec::extra`].
    pub fn extra(self, field: impl Into<String>, value: impl Into<Json>) -> Self {
        self.marked(|spec| drop(spec.extra.insert(field.into(), value.into())))
    }

    fn marked(mut self, change: impl FnOnce(&mut ToolSpec)) -> Self {
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
        (self.run)(input, context, self.limits.clone())
    }
}
