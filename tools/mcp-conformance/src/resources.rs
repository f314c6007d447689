//! The resources of the suite.

use rmcp::{
    ErrorData,
    model::{ReadResourceResult, Resource, ResourceContents, ResourceTemplate},
};
use serde_json::json;

use crate::media::PNG;

pub(crate) fn all() -> Vec<Resource> {
    vec![
        Resource::new("test://static-text", "A text").with_mime_type("text/plain"),
        Resource::new("test://static-binary", "A picture").with_mime_type("image/png"),
        Resource::new("test://watched-resource", "A resource to watch").with_mime_type("text/plain"),
    ]
}

pub(crate) fn templates() -> Vec<ResourceTemplate> {
    vec![ResourceTemplate::new("test://template/{id}/data", "Data by id").with_mime_type("application/json")]
}

pub(crate) fn read(uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let text = |mime: &str, text: String| ResourceContents::text(text, uri).with_mime_type(mime);
    let templated = uri.strip_prefix("test://template/").and_then(|rest| rest.strip_suffix("/data"));
    let contents = match (uri, templated) {
        ("test://static-text", _) => text("text/plain", "A static text.".to_owned()),
        ("test://static-binary", _) => ResourceContents::blob(PNG, uri).with_mime_type("image/png"),
        ("test://watched-resource", _) => text("text/plain", "Watched.".to_owned()),
        (_, Some(id)) => {
            let data = json!({"id": id, "templateTest": true, "data": format!("Data for ID: {id}")});
            text("application/json", data.to_string())
        }
        _ => return Err(ErrorData::resource_not_found("Resource not found", Some(json!({"uri": uri})))),
    };
    Ok(ReadResourceResult::new(vec![contents]))
}
