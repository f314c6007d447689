//! Objects that a server wrote, read in one pass, however deep they are.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// What can be made of the fields of an object.
pub(super) trait Known<'de>: Default {
    /// Reads the value of the field with this name. It must read it, if only to drop it.
    fn read_field<A: MapAccess<'de>>(&mut self, name: Cow<'de, str>, map: &mut A) -> Result<(), A::Error>;
}

/// An object. `null` stands for an object without fields, and anything else is an error.
struct Object<T>(T);

/// The items of a list, `null` left out. Anything else than a list has none.
pub(super) struct Listed<T>(pub(super) Vec<T>);

/// Reads an object.
pub(super) fn object<'de, T: Known<'de>>(text: &'de str) -> serde_json::Result<T> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let mut known = T::default();
    Into(&mut known).deserialize(&mut reader)?;
    reader.end()?;
    Ok(known)
}

/// Reads the value of a field that is an object. `None` if it is `null`.
pub(super) fn field<'de, T: Known<'de>, A: MapAccess<'de>>(map: &mut A) -> Result<Option<T>, A::Error> {
    let mut known = T::default();
    let is_there = map.next_value_seed(Into(&mut known))?;
    Ok(is_there.then_some(known))
}

/// Reads the value of a field that is a list of objects. `None` if it is `null`.
pub(super) fn objects<'de, T: Known<'de>, A: MapAccess<'de>>(
    map: &mut A,
) -> Result<Option<Vec<T>>, A::Error> {
    let list: Option<Listed<Object<T>>> = map.next_value()?;
    Ok(list.map(|Listed(items)| items.into_iter().map(|Object(known)| known).collect()))
}

/// Reads the value of a field, and drops it.
pub(super) fn pass_over<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(drop)
}

impl<'de, T: Known<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut known = T::default();
        Into(&mut known).deserialize(deserializer)?;
        Ok(Self(known))
    }
}

/// Reads an object to where it is kept: an object in an object would be moved several times. The
/// value says whether there is one, or `null`.
struct Into<'t, T>(&'t mut T);

impl<'de, T: Known<'de>> DeserializeSeed<'de> for Into<'_, T> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Known<'de>> Visitor<'de> for Into<'_, T> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        #[derive(Deserialize)]
        struct Name<'n>(#[serde(borrow)] Cow<'n, str>);
        while let Some(Name(name)) = map.next_key()? {
            self.0.read_field(name, &mut map)?;
        }
        Ok(true)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Listed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = Vec<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
                // Many lists have one item.
                let mut items = Vec::with_capacity(1);
                while let Some(item) = list.next_element()? {
                    items.extend::<Option<T>>(item);
                }
                Ok(items)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<T>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Vec::new())
            }
            fn visit_str<E: Error>(self, _: &str) -> Result<Vec<T>, E> {
                Ok(Vec::new())
            }
            fn visit_f64<E: Error>(self, _: f64) -> Result<Vec<T>, E> {
                Ok(Vec::new())
            }
            fn visit_i64<E: Error>(self, _: i64) -> Result<Vec<T>, E> {
                Ok(Vec::new())
            }
            fn visit_u64<E: Error>(self, _: u64) -> Result<Vec<T>, E> {
                Ok(Vec::new())
            }
            fn visit_bool<E: Error>(self, _: bool) -> Result<Vec<T>, E> {
                Ok(Vec::new())
            }
            fn visit_unit<E: Error>(self) -> Result<Vec<T>, E> {
                Ok(Vec::new())
            }
        }
        deserializer.deserialize_any(Items(PhantomData)).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq)]
    struct Tree {
        name: Option<u8>,
        trees: Option<Vec<Self>>,
    }

    impl<'de> Known<'de> for Tree {
        fn read_field<A: MapAccess<'de>>(
            &mut self,
            name: Cow<'de, str>,
            map: &mut A,
        ) -> Result<(), A::Error> {
            match &*name {
                "name" => self.name = map.next_value()?,
                "trees" => self.trees = objects(map)?,
                _ => pass_over(map)?,
            }
            Ok(())
        }
    }

    #[test]
    fn a_list_of_another_shape_is_empty_and_an_object_of_another_shape_is_an_error() {
        let read = |text: &str| object::<Tree>(text).map_err(|error| error.to_string());
        let tree = |name: u8, trees: Option<Vec<Tree>>| Tree { name: Some(name), trees };
        assert_eq!(read("null"), Ok(Tree::default()));
        let whole = r#"{"x":[{}],"trees":[null,{"name":2,"trees":null}],"name":1}"#;
        assert_eq!(read(whole), Ok(tree(1, Some(vec![tree(2, None)]))));
        for other in ["7", "-7", "7.5", "true", r#""a""#, r#"{"a":[1]}"#, "[]"] {
            let text = format!(r#"{{"trees":{other},"name":1}}"#);
            assert_eq!(read(&text), Ok(tree(1, Some(Vec::new()))), "{other}");
        }
        let wrong = "invalid type: integer `7`, expected a JSON object at line 1 column 11";
        assert_eq!(read(r#"{"trees":[7]}"#), Err(wrong.to_owned()));
        assert!(read("[]").is_err() && read("").is_err() && read("{").is_err());
    }
}
