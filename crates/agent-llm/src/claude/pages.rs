//! Lists that come in pages.

use agent_core::{Json, LlmError, model::LlmErrorKind};
use reqwest::Method;
use serde::Deserialize;

use super::client::Claude;
use crate::transport::api_request::ApiRequest;

/// The most items of a page. It is what the API allows.
const PAGE: u32 = 1_000;

/// The most bytes of a page.
const LONGEST_PAGE: usize = 16 * 1024 * 1024;

/// One page of a list.
#[derive(Deserialize)]
struct Page {
    data: Vec<Json>,
    has_more: Option<bool>,
    last_id: Option<String>,
}

/// All items of the list at this path, page by page. Each page is retried as the client's settings
/// say.
pub(super) async fn all(claude: &Claude, path: &'static str) -> Result<Vec<Json>, LlmError> {
    let (mut items, mut after): (Vec<Json>, Option<String>) = (Vec::new(), None);
    loop {
        let mut request = ApiRequest::of(Method::GET, path).query("limit", PAGE.to_string());
        if let Some(after) = &after {
            request = request.query("after_id", after.clone());
        }
        let page: Page = claude.value(request, "a page of a list", LONGEST_PAGE).await?;
        let is_empty = page.data.is_empty();
        items.extend(page.data);
        match page.last_id.filter(|_| page.has_more == Some(true) && !is_empty) {
            None => return Ok(items),
            next if next == after => {
                let message = format!("the list {path:?} does not go on: two pages end with the same id");
                return Err(LlmError::new(LlmErrorKind::Malformed, message));
            }
            next => after = next,
        }
    }
}
