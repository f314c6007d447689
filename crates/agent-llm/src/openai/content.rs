//! What a user or a tool says, in the parts that OpenAI's APIs know.

use std::borrow::Cow;

use agent_core::{Block, Content, message::BlockKind};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A part of what is said, which each API writes in its own way.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part<'a> {
    /// Words, not blank.
    Text(Cow<'a, str>),
    /// A picture, by its URL or in one (`data:`).
    Image(Cow<'a, str>),
    /// A document in a URL (`data:`), and its name.
    File { name: Cow<'a, str>, data: String },
    /// A document by its URL.
    FileUrl(Cow<'a, str>),
}

/// Puts the parts of a block at the end. What only another API can read becomes words about it, so
/// that the model knows that there was something. Blank text becomes nothing.
pub(super) fn add<'a>(block: &'a Block, parts: &mut Vec<Part<'a>>) {
    match block.kind() {
        BlockKind::Text(text) if text.trim().is_empty() => {}
        BlockKind::Text(text) => parts.push(Part::Text(text.into())),
        BlockKind::Image => parts.push(image(block).unwrap_or_else(|| unknown("image"))),
        BlockKind::Document => add_document(block, parts),
        BlockKind::SearchResult => add_search_result(block, parts),
        BlockKind::Other(kind) if !kind.starts_with("openai:") => parts.push(unknown(kind)),
        _ => {}
    }
}

/// The parts of the result of a call.
pub(super) fn of_result(content: &Content) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    match content {
        Content::Text(text) if text.trim().is_empty() => {}
        Content::Text(text) => parts.push(Part::Text(text.into())),
        Content::Blocks(blocks) => blocks.iter().for_each(|block| add(block, &mut parts)),
    }
    parts
}

fn unknown(kind: &str) -> Part<'static> {
    Part::Text(format!("[a block of type {kind:?}, which only another API can read]").into())
}

/// A text of a block's JSON, borrowed unless it has escapes: pictures have megabytes.
#[derive(Deserialize)]
struct Str<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct Media<'a> {
    #[serde(borrow)]
    source: Source<'a>,
    #[serde(borrow)]
    title: Option<Str<'a>>,
}

#[derive(Deserialize)]
struct Source<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow)]
    media_type: Option<Str<'a>>,
    #[serde(borrow)]
    data: Option<Str<'a>>,
    #[serde(borrow)]
    url: Option<Str<'a>>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

fn media(block: &Block) -> Option<Media<'_>> {
    serde_json::from_str(block.json().text()).ok()
}

fn image(block: &Block) -> Option<Part<'_>> {
    let Source { r#type, media_type, data, url, .. } = media(block)?.source;
    Some(match &*r#type {
        "base64" => Part::Image(data_url(&media_type?.0, &data?.0).into()),
        "url" => Part::Image(url?.0),
        _ => return None,
    })
}

fn data_url(media_type: &str, data: &str) -> String {
    format!("data:{media_type};base64,{data}")
}

fn add_document<'a>(block: &'a Block, parts: &mut Vec<Part<'a>>) {
    let document = media(block).and_then(|Media { source, title }| {
        let title = title.map(|title| title.0).filter(|title| !title.trim().is_empty());
        document(source, title)
    });
    match document {
        Some(document) => parts.extend(document),
        None => parts.push(unknown("document")),
    }
}

fn document<'a>(source: Source<'a>, title: Option<Cow<'a, str>>) -> Option<Vec<Part<'a>>> {
    let Source { r#type, media_type, data, url, content } = source;
    let heading = title.clone().map(|title| Part::Text(format!("[document: {title}]").into()));
    let under_heading = |parts: Vec<Part<'a>>| heading.into_iter().chain(parts).collect();
    Some(match &*r#type {
        "base64" => {
            let name = title.unwrap_or_else(|| "document.pdf".into());
            vec![Part::File { name, data: data_url(&media_type?.0, &data?.0) }]
        }
        "text" => under_heading(words(data?.0)),
        "url" => under_heading(vec![Part::FileUrl(url?.0)]),
        "content" => under_heading(inner(content?)),
        _ => return None,
    })
}

fn words(text: Cow<'_, str>) -> Vec<Part<'_>> {
    if text.trim().is_empty() { Vec::new() } else { vec![Part::Text(text)] }
}

/// The parts of content that stands in a block: a text, or blocks.
fn inner(content: &RawValue) -> Vec<Part<'static>> {
    let content: Content = serde_json::from_str(content.get()).unwrap_or_default();
    of_result(&content).into_iter().map(Part::into_owned).collect()
}

fn add_search_result<'a>(block: &'a Block, parts: &mut Vec<Part<'a>>) {
    #[derive(Deserialize)]
    struct Found<'a> {
        #[serde(borrow)]
        source: Option<Str<'a>>,
        #[serde(borrow)]
        title: Option<Str<'a>>,
        #[serde(borrow)]
        content: Option<&'a RawValue>,
    }
    let found = serde_json::from_str::<Found<'_>>(block.json().text());
    let Ok(Found { source, title, content }) = found else { return parts.push(unknown("search_result")) };
    let of = [title, source].into_iter().flatten().map(|text| text.0.into_owned()).collect::<Vec<_>>();
    parts.push(Part::Text(format!("[found: {}]", of.join(", ")).into()));
    parts.extend(content.map(inner).unwrap_or_default());
}

impl Part<'_> {
    fn into_owned(self) -> Part<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Text(text) => Part::Text(owned(text)),
            Self::Image(url) => Part::Image(owned(url)),
            Self::File { name, data } => Part::File { name: owned(name), data },
            Self::FileUrl(url) => Part::FileUrl(owned(url)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_become_parts_and_what_nobody_else_reads_becomes_words() {
        let check = |block: &str, expected: &[Part<'_>]| {
            let block: Block = serde_json::from_str(block).unwrap();
            let mut parts = Vec::new();
            add(&block, &mut parts);
            assert_eq!(parts, expected, "{block:?}");
        };
        let text = |text: &'static str| Part::Text(text.into());
        check(r#"{"type":"text","text":"hi","citations":[]}"#, &[text("hi")]);
        check(r#"{"type":"text","text":" \n"}"#, &[]);
        let source = r#"{"type":"base64","media_type":"image/png","data":"AA\/="}"#;
        check(
            &format!(r#"{{"type":"image","source":{source}}}"#),
            &[Part::Image("data:image/png;base64,AA/=".into())],
        );
        check(
            r#"{"type":"image","source":{"type":"url","url":"https://x/y.png"}}"#,
            &[Part::Image("https://x/y.png".into())],
        );
        let unread = text("[a block of type \"image\", which only another API can read]");
        check(r#"{"type":"image","source":{"type":"file","file_id":"file_1"}}"#, &[unread]);
        check(
            r#"{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AA=="},"title":"Report"}"#,
            &[Part::File { name: "Report".into(), data: "data:application/pdf;base64,AA==".into() }],
        );
        check(
            r#"{"type":"document","source":{"type":"text","media_type":"text/plain","data":"words"},"title":"Notes"}"#,
            &[text("[document: Notes]"), text("words")],
        );
        check(
            r#"{"type":"document","source":{"type":"url","url":"https://x/y.pdf"}}"#,
            &[Part::FileUrl("https://x/y.pdf".into())],
        );
        check(
            r#"{"type":"document","source":{"type":"content","content":[{"type":"text","text":"a"}]}}"#,
            &[text("a")],
        );
        check(
            r#"{"type":"search_result","source":"https://x","title":"X","content":[{"type":"text","text":"a"}]}"#,
            &[text("[found: X, https://x]"), text("a")],
        );
        let upload = text("[a block of type \"container_upload\", which only another API can read]");
        check(r#"{"type":"container_upload","file_id":"file_1"}"#, &[upload]);
        check(r#"{"type":"openai:item","item":{}}"#, &[]);
        check(r#"{"type":"thinking","thinking":"hm","signature":"c2ln"}"#, &[]);
    }
}
