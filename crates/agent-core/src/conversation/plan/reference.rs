//! The places in JSON where a plan uses results.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::{Json, message::fields::Fields};

/// The use of a result: the steps of which the first that has a result is meant, by their places,
/// and the place in that result, as a JSON pointer.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::conversation) struct Reference {
    pub(in crate::conversation) steps: Vec<usize>,
    pub(in crate::conversation) path: String,
}

/// A value of a template: what replaces it, or what is in it.
pub(super) enum Node<'a> {
    /// The result of the first of these steps that has one, and the part of it.
    From {
        steps: Vec<String>,
        path: String,
    },
    /// A part of the current item.
    Item {
        path: String,
    },
    /// The parts of a text.
    Text(Vec<&'a RawValue>),
    /// A value that is not looked into.
    Literal(&'a RawValue),
    Object(Fields<'a>),
    List(Vec<&'a RawValue>),
    /// A string, number, `true`, `false` or `null`.
    Plain,
}

/// The most levels of a template. They are read one in the other.
const DEEPEST: usize = 64;

/// Reads the level of a template that is at this depth. The error says what is wrong with it.
pub(super) fn node_at(value: &RawValue, depth: usize) -> Result<Node<'_>, String> {
    match depth > DEEPEST {
        true => Err(format!("it has more than {DEEPEST} levels")),
        false => node(value),
    }
}

fn node(value: &RawValue) -> Result<Node<'_>, String> {
    let text = value.get();
    if text.starts_with('[') {
        let list = serde_json::from_str(text).map_err(|error| error.to_string())?;
        return Ok(Node::List(list));
    }
    if !text.starts_with('{') {
        return Ok(Node::Plain);
    }
    let fields = Fields::of(text).map_err(|error| error.to_string())?;
    let Some(special) =
        ["$from", "$item", "$text", "$literal"].into_iter().find(|name| fields.get(name).is_some())
    else {
        return Ok(Node::Object(fields));
    };
    let may_have_path = special == "$from";
    let others = |name: &str| name != special && !(may_have_path && name == "path");
    if let Some((other, _)) = fields.iter().find(|(name, _)| others(name)) {
        return Err(format!("an object with {special:?} can't have {other:?}"));
    }
    let value = fields.get(special).map(RawValue::get).unwrap_or_default();
    let wrong = |what: &str| format!("{special:?} must be {what}, and not {value}");
    Ok(match special {
        "$from" => Node::From {
            steps: names(value).ok_or_else(|| wrong("the id of a step, or a list of ids"))?,
            path: fields.optional("path").map_err(|error| error.to_string())?.unwrap_or_default(),
        },
        "$item" => {
            let path =
                serde_json::from_str(value).map_err(|_| wrong("a path in the item, such as \"/name\""))?;
            Node::Item { path }
        }
        "$literal" => Node::Literal(fields.borrowed("$literal").ok_or_else(|| wrong("a value"))?),
        _ => Node::Text(parts(&fields).ok_or_else(|| wrong("a list"))?),
    })
}

/// One id, or a list of some.
fn names(value: &str) -> Option<Vec<String>> {
    let one = || serde_json::from_str::<String>(value).map(|name| vec![name]).ok();
    let ids = serde_json::from_str::<Vec<String>>(value).ok().or_else(one)?;
    (!ids.is_empty()).then_some(ids)
}

/// The parts of a text. They are taken out of the text that the fields were read from.
fn parts<'a>(fields: &Fields<'a>) -> Option<Vec<&'a RawValue>> {
    serde_json::from_str(fields.borrowed("$text")?.get()).ok()
}

/// The value at a path in JSON. The path is a JSON pointer; its first slash may be missing. `None`
/// if nothing is there.
pub(super) fn at(value: &Json, path: &str) -> Option<Json> {
    let mut place: &RawValue = value.raw();
    let names = path.strip_prefix('/').unwrap_or(path).split('/').filter(|_| !matches!(path, "" | "/"));
    for name in names {
        let name = name.replace("~1", "/").replace("~0", "~");
        place = child(place, &name)?;
    }
    Some(value.part(place))
}

fn child<'a>(value: &'a RawValue, name: &str) -> Option<&'a RawValue> {
    let text = value.get();
    if text.starts_with('[') {
        return serde_json::from_str::<Vec<&RawValue>>(text).ok()?.get(name.parse::<usize>().ok()?).copied();
    }
    Fields::of(text).ok()?.borrowed(name)
}

/// The text of a value: a string without its quotes, and other JSON as it is written.
pub(super) fn as_text(value: &RawValue) -> Cow<'_, str> {
    match serde_json::from_str::<String>(value.get()) {
        Ok(text) => text.into(),
        Err(_) => value.get().into(),
    }
}
