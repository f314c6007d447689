//! Writes blocks as JSON.

use std::ops::Not;

use serde::Serialize;

use crate::{Content, Json};

/// The blocks that this library makes, in the API's JSON.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Written<'a> {
    Text {
        text: &'a str,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: &'a Json,
    },
    ToolResult {
        tool_use_id: &'a str,
        content: &'a Content,
        #[serde(skip_serializing_if = "Not::not")]
        is_error: bool,
    },
    Image {
        source: Source<'a>,
    },
    HistorySummary {
        text: &'a str,
        before: usize,
    },
}

/// Where the data of a picture is.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Source<'a> {
    Base64 { media_type: &'a str, data: &'a str },
}

pub(super) fn written(block: &Written<'_>) -> Json {
    Json::of(block).expect("strings and JSON text can always be written")
}
