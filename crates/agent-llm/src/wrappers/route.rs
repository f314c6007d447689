//! Each request goes to the model that a function picks.

use std::{fmt, future::ready, sync::Arc};

use agent_core::{BoxStream, Delta, Json, Llm, LlmError, Request, Usage, budget::Usd, model::LlmErrorKind};
use futures::{StreamExt, stream};

use super::models::{Models, ModelsError};

/// Sends each request to one of several models. A function of the request returns the name of that
/// model.
///
/// A field `model` in [`Request::extra`](agent_core::model::RequestParts::extra) is not passed on,
/// because it would override the model that the function picked. The function can read the field.
///
/// ```
/// use std::sync::Arc;
///
/// use agent_core::script::{Reply, Script};
/// use agent_llm::{Llm, Message, Request, Route, fold};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let small: Arc<dyn Llm> = Arc::new(Script::new([Reply::text("A short answer.")]));
/// let large: Arc<dyn Llm> = Arc::new(Script::new([Reply::text("A long answer.")]));
/// let route = Route::new([("small", small), ("large", large)], |request| {
///     if request.messages.len() > 20 { "large" } else { "small" }
/// })?;
/// let reply = fold(route.stream(Request::new(vec![Message::user("Hi.")])), |_| {}).await?;
/// assert_eq!(reply.content[0].as_text(), Some("A short answer."));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Route {
    models: Models,
    pick: Arc<Pick>,
}

type Pick = dyn Fn(&Request) -> Arc<str> + Send + Sync;

impl Route {
    /// Makes a route to these models. `pick` returns the name of the model for a request. If the
    /// name is not in the list, the request fails with
    /// [`Configuration`](LlmErrorKind::Configuration).
    ///
    /// Fails if the list is empty, or if two models have the same name.
    pub fn new<N: Into<String>, P: AsRef<str>>(
        models: impl IntoIterator<Item = (N, Arc<dyn Llm>)>,
        pick: impl Fn(&Request) -> P + Send + Sync + 'static,
    ) -> Result<Self, ModelsError> {
        let models = Models::new(models)?;
        Ok(Self { models, pick: Arc::new(move |request| pick(request).as_ref().into()) })
    }
}

impl Llm for Route {
    fn stream(&self, mut request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let name = (self.pick)(&request);
        let Some(llm) = self.models.named(&name) else {
            return stream::once(ready(Err(unknown(&name, &self.models)))).boxed();
        };
        if request.extra.contains_key("model") {
            request.extra.remove("model");
        }
        llm.stream(request)
    }

    fn supports_answer_schema(&self, schema: &Json) -> bool {
        self.models.all_support(schema)
    }

    fn max_cost(&self, usage: &Usage) -> Option<Usd> {
        self.models.max_cost(usage)
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").field("models", &self.models).finish_non_exhaustive()
    }
}

fn unknown(name: &str, models: &Models) -> LlmError {
    let known: Vec<String> = models.names().map(|name| format!("{name:?}")).collect();
    let message = format!("the route picked {name:?}, but its models are {}", known.join(", "));
    LlmError::new(LlmErrorKind::Configuration, message)
}

#[cfg(test)]
mod tests {
    use agent_core::{
        Json, Message,
        model::fold,
        script::{Reply, Script},
    };
    use serde_json::json;

    use super::*;

    fn model(said: &str) -> (Script, Arc<dyn Llm>) {
        let script = Script::new([Reply::text(said)]);
        (script.clone(), Arc::new(script))
    }

    /// What comes of a request with these words, which are the name to pick.
    async fn check(picked: &str, expected: &str) {
        let ((_, small), (_, large)) = (model("Small."), model("Large."));
        let route = Route::new([("small", small), ("large", large)], Request::last_text).unwrap();
        let reply = fold(route.stream(Request::new(vec![Message::user(picked)])), |_| {}).await;
        let said = reply.map(|reply| Message::assistant(reply.content).text());
        assert_eq!(said.unwrap_or_else(|error| format!("{:?}: {error}", error.kind)), expected);
    }

    #[tokio::test]
    async fn the_function_picks_the_model() {
        check("small", "Small.").await;
        check("large", "Large.").await;
        check(
            "huge",
            r#"Configuration: the model backend is not set up: the route picked "huge", but its models are "small", "large""#,
        )
        .await;
    }

    #[tokio::test]
    async fn a_model_named_in_the_request_does_not_override_the_pick() {
        let (script, small) = model("Small.");
        let route = Route::new([("small", small)], |_| "small").unwrap();
        let mut request = Request::new(vec![Message::user("Hi.")]);
        request.extra = [("model", "large"), ("speed", "fast")]
            .map(|(name, value)| (name.to_owned(), Json::from(json!(value))))
            .into();
        fold(route.stream(request), |_| {}).await.unwrap();
        assert_eq!(script.requests()[0].extra.keys().collect::<Vec<_>>(), ["speed"]);
    }

    #[test]
    fn a_list_that_cant_be_used_is_an_error_when_it_is_built() {
        let check = |names: &[&str], expected: Option<&str>| {
            let models = names.iter().map(|name| (*name, model("").1));
            let error = Route::new(models, |_| "a").err().map(|error| error.to_string());
            assert_eq!(error.as_deref(), expected);
        };
        check(&["a", "b"], None);
        check(&[], Some("there are no models: give at least one, with a name"));
        check(&["a", "b", "a"], Some(r#"two models have the name "a": give each model a name of its own"#));
    }
}
