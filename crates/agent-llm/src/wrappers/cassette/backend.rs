//! The backend that is recorded, which is made when it is first asked.

use std::{
    error::Error,
    sync::{Arc, LazyLock},
};

use agent_core::{Llm, LlmError, model::LlmErrorKind};

use super::error::CassetteError;

/// A backend that may not have been made yet.
pub(super) struct Backend(LazyLock<Made, Box<dyn FnOnce() -> Made + Send>>);

type Made = Result<Box<dyn Llm>, Arc<dyn Error + Send + Sync>>;

impl Backend {
    pub(super) fn new<L: Llm + 'static, E: Into<Box<dyn Error + Send + Sync>>>(
        make: impl FnOnce() -> Result<L, E> + Send + 'static,
    ) -> Self {
        Self(LazyLock::new(Box::new(|| match make() {
            Ok(llm) => Ok(Box::new(llm)),
            Err(error) => Err(Arc::from(error.into())),
        })))
    }

    /// Makes it now.
    pub(super) fn make(&self) -> Result<&dyn Llm, CassetteError> {
        match &*self.0 {
            Ok(llm) => Ok(&**llm),
            Err(error) => Err(CassetteError::Backend(Arc::clone(error).into())),
        }
    }

    /// The backend, for a request.
    pub(super) fn llm(&self) -> Result<&dyn Llm, LlmError> {
        self.make().map_err(|error| LlmError::new(LlmErrorKind::Configuration, error.to_string()))
    }
}
