//! Checks cache markers (`cache_control`).

use serde_json::Value;

use super::{Verdict, must};
use crate::json::list;

/// The most markers that a request may have.
const MAX_MARKERS: usize = 4;

/// Checks the number and the order of markers: on the request, the system prompt, tools and blocks,
/// including blocks in tool results.
pub(super) fn check(body: &Value) -> Verdict {
    let mut markers = Vec::new();
    for name in ["tools", "system", "messages"] {
        within(&body[name], name, &mut markers);
    }
    let whole = body["cache_control"].is_object().then(|| (String::new(), &body["cache_control"]));
    let markers: Vec<_> = markers.into_iter().chain(whole).collect();
    must(markers.len() <= MAX_MARKERS, || {
        let found = markers.len();
        format!("A maximum of {MAX_MARKERS} blocks with cache_control may be provided. Found {found}.")
    })?;
    in_order(&markers)
}

/// The markers of a list and of the content of its items, each with its place.
fn within<'a>(items: &'a Value, at: &str, markers: &mut Vec<(String, &'a Value)>) {
    for (place, item) in list(items).iter().enumerate() {
        let at = format!("{at}.{place}");
        within(&item["content"], &format!("{at}.content"), markers);
        if item["cache_control"].is_object() {
            markers.push((format!("{at}."), &item["cache_control"]));
        }
    }
}

fn in_order(markers: &[(String, &Value)]) -> Verdict {
    let mut short = false;
    for (at, marker) in markers {
        let ttl = &marker["ttl"];
        must(ttl.is_null() || ttl == "5m" || ttl == "1h", || {
            format!("{at}cache_control.ttl: Input should be '5m' or '1h'")
        })?;
        must(!(short && ttl == "1h"), || {
            format!(
                "{at}cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control \
                 block. Note that blocks are processed in the following order: `tools`, `system`, `messages`."
            )
        })?;
        short |= ttl != "1h";
    }
    Ok(())
}
