//! The list of models.

use agent_core::{LlmError, model::LlmErrorKind};

use super::{api::MODELS, client::Claude, pages};
use crate::model_info::ModelInfo;

impl Claude {
    /// Lists the models that the account may ask, the newest first. Those that are retired are not
    /// among them. It follows all pages of the list. It is retried as other requests are, and does
    /// not pass the gate. Source: <https://docs.claude.com/en/api/models-list>.
    ///
    /// ```no_run
    /// # use agent_llm::{Claude, LlmError};
    /// # async fn list(claude: Claude) -> Result<(), LlmError> {
    /// for model in claude.models().await? {
    ///     println!("{}: {:?} tokens of input", model.id, model.max_input_tokens);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn models(&self) -> Result<Vec<ModelInfo>, LlmError> {
        let models = pages::all(self, MODELS).await?;
        let malformed = |error| LlmError::new(LlmErrorKind::Malformed, format!("a model: {error}"));
        models.into_iter().map(|model| ModelInfo::read(model).map_err(malformed)).collect()
    }
}
