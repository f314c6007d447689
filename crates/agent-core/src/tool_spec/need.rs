//! What a tool needs from the run.

use std::{
    any::{TypeId, type_name},
    fmt,
};

/// The type of a value that calls of a tool need from the run: the user, a database, a tenant.
/// [`ToolSpec::needs`](crate::ToolSpec::needs) lists them. The value is given with
/// [`Run::with`](crate::Run::with).
///
/// ```
/// # use agent_core::{ToolSpec, tool::Need};
/// struct User { id: u64 }
///
/// # let schema = serde_json::json!({"type": "object"});
/// let mut spec = ToolSpec::new("orders", "The user's orders.", schema);
/// spec.needs = vec![Need::of::<User>()];
/// ```
#[derive(Clone, Copy)]
pub struct Need {
    id: TypeId,
    type_name: &'static str,
}

impl Need {
    /// The need of a value of exactly this type. An `Arc<T>` is not a `T`: name the type that is
    /// given.
    pub fn of<T: Send + Sync + 'static>() -> Self {
        Self { id: TypeId::of::<T>(), type_name: type_name::<T>() }
    }

    /// The name of the type with its path, for messages.
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }
}

/// Two are equal if their types are.
impl PartialEq for Need {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl fmt::Debug for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Need({})", self.type_name)
    }
}
