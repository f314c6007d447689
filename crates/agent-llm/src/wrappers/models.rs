//! A list of models with names, checked when it is built.

use std::{fmt, sync::Arc};

use agent_core::{Json, Llm, Usage, budget::Usd};

/// The error if a list of models for [`Fallback`](crate::Fallback) or [`Route`](crate::Route) can't
/// be used.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelsError {
    /// The list is empty.
    #[error("there are no models: give at least one, with a name")]
    NoModels,
    /// Two models have the same name.
    #[error("two models have the name {name:?}: give each model a name of its own")]
    DuplicateName {
        /// The name that both have.
        name: String,
    },
}

/// Models in order. There is at least one, and each has a name of its own.
#[derive(Clone)]
pub(super) struct Models(Arc<[Model]>);

struct Model {
    name: String,
    llm: Arc<dyn Llm>,
}

impl Models {
    pub(super) fn new<N: Into<String>>(
        models: impl IntoIterator<Item = (N, Arc<dyn Llm>)>,
    ) -> Result<Self, ModelsError> {
        let mut checked: Vec<Model> = Vec::new();
        for (name, llm) in models {
            let name: String = name.into();
            if checked.iter().any(|other| other.name == name) {
                return Err(ModelsError::DuplicateName { name });
            }
            checked.push(Model { name, llm });
        }
        match checked.is_empty() {
            true => Err(ModelsError::NoModels),
            false => Ok(Self(checked.into())),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn name(&self, place: usize) -> &str {
        &self.0[place].name
    }

    pub(super) fn llm(&self, place: usize) -> &dyn Llm {
        &*self.0[place].llm
    }

    pub(super) fn named(&self, name: &str) -> Option<&dyn Llm> {
        self.0.iter().find(|model| model.name == name).map(|model| &*model.llm)
    }

    /// Whether each model supports this schema. Which one is asked is not known before.
    pub(super) fn all_support(&self, schema: &Json) -> bool {
        self.0.iter().all(|model| model.llm.supports_answer_schema(schema))
    }

    /// The most that a usage costs with any of the models; `None` if one has no prices.
    pub(super) fn max_cost(&self, usage: &Usage) -> Option<Usd> {
        let costs = self.0.iter().map(|model| model.llm.max_cost(usage));
        costs.collect::<Option<Vec<Usd>>>()?.into_iter().max()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|model| &*model.name)
    }
}

impl fmt::Debug for Models {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
