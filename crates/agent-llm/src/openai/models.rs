//! The list of models.

use agent_core::{Json, LlmError, model::LlmErrorKind};
use reqwest::Method;
use serde::Deserialize;

use super::{api::MODELS, client::OpenAi};
use crate::{model_info::ModelInfo, transport::api_request::ApiRequest};

#[derive(Deserialize)]
struct List {
    data: Vec<Json>,
}

impl OpenAi {
    /// Lists the models that the server has. It is retried as other requests are, and does not pass
    /// the gate. Source: <https://platform.openai.com/docs/api-reference/models/list>.
    ///
    /// ```no_run
    /// # use agent_llm::{LlmError, OpenAi};
    /// # async fn list(openai: OpenAi) -> Result<(), LlmError> {
    /// for model in openai.models().await? {
    ///     println!("{}", model.id);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn models(&self) -> Result<Vec<ModelInfo>, LlmError> {
        let list: List = self.value(ApiRequest::of(Method::GET, MODELS), "a list of models").await?;
        let malformed = |error| LlmError::new(LlmErrorKind::Malformed, format!("a model: {error}"));
        list.data.into_iter().map(|model| ModelInfo::read(model).map_err(malformed)).collect()
    }
}
