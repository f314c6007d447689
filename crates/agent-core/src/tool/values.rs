//! The values that belong to a run.

use std::{any::Any, fmt, sync::Arc};

use crate::{MissingValue, tool_spec::Need};

/// The values that were given with a run, at most one of each type. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Values(Option<Arc<Vec<Value>>>);

type Value = (Need, Arc<dyn Any + Send + Sync>);

impl Values {
    /// Adds a value. It replaces an earlier one of the same type.
    pub(crate) fn add<T: Send + Sync + 'static>(&mut self, value: T) {
        let need = Need::of::<T>();
        let given = Arc::make_mut(self.0.get_or_insert_default());
        given.retain(|(other, _)| *other != need);
        given.push((need, Arc::new(value)));
    }

    pub(crate) fn get<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.find(Need::of::<T>()).and_then(|value| value.downcast_ref())
    }

    /// The error about a value that is not among these.
    pub(crate) fn missing(&self, agent: &str, tool: &str, need: Need) -> MissingValue {
        MissingValue {
            agent: agent.to_owned(),
            tool: tool.to_owned(),
            value: need.type_name(),
            given: self.given().iter().map(|(given, _)| given.type_name()).collect(),
        }
    }

    pub(crate) fn has(&self, need: Need) -> bool {
        self.find(need).is_some()
    }

    fn find(&self, need: Need) -> Option<&(dyn Any + Send + Sync)> {
        self.given().iter().find(|(given, _)| *given == need).map(|(_, value)| &**value)
    }

    fn given(&self) -> &[Value] {
        self.0.as_ref().map_or(&[], |given| given)
    }
}

/// Only the types: a value may be a secret.
impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let types = self.given().iter().map(|(given, _)| given.type_name());
        f.debug_list().entries(types).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_of_two_values_of_a_type_replaces_the_earlier_one() {
        let mut values = Values::default();
        assert_eq!(values.get::<u8>(), None);
        values.add(1_u8);
        let before = values.clone();
        values.add("text");
        values.add(2_u8);
        assert_eq!((values.get::<u8>(), values.get::<&str>()), (Some(&2), Some(&"text")));
        assert_eq!((before.get::<u8>(), before.get::<&str>()), (Some(&1), None));
        assert_eq!(values.get::<Arc<u8>>(), None);
    }

    #[test]
    fn debug_shows_types_and_no_value() {
        let mut values = Values::default();
        values.add("secret".to_owned());
        assert_eq!(format!("{values:?}"), r#"["alloc::string::String"]"#);
    }
}
