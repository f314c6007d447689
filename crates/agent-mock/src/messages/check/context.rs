//! Checks how the API is to shorten the history.
//!
//! Source: the official clients' `beta_context_management_config_param` and the parameters of its
//! edits.

use serde_json::Value;

use super::{Verdict, must, refuse};
use crate::json::list;

const THINKING: &str = "clear_thinking_20251015";
const TOOL_USES: &str = "clear_tool_uses_20250919";
const COMPACT: &str = "compact_20260112";

/// Checks the type of each edit, its counts, and that thinking comes first.
pub(super) fn check(body: &Value) -> Verdict {
    let management = &body["context_management"];
    if management.is_null() {
        return Ok(());
    }
    must(body["compaction"].is_null(), || {
        "compaction: cannot be combined with `context_management`".to_owned()
    })?;
    must(management.is_object(), || "context_management: Input should be an object".to_owned())?;
    let edits = &management["edits"];
    must(edits.is_null() || edits.is_array(), || {
        "context_management.edits: Input should be a valid list".to_owned()
    })?;
    for (index, edit) in list(edits).iter().enumerate() {
        let at = format!("context_management.edits.{index}");
        check_edit(edit, &at)?;
        must(index == 0 || edit["type"] != THINKING, || {
            format!("{at}: `{THINKING}` must be the first edit")
        })?;
    }
    Ok(())
}

fn check_edit(edit: &Value, at: &str) -> Verdict {
    match edit["type"].as_str() {
        Some(THINKING) => match &edit["keep"] {
            Value::Null => Ok(()),
            keep if keep == "all" || keep["type"] == "all" => Ok(()),
            keep => check_count(keep, &["thinking_turns"], &format!("{at}.keep")),
        },
        Some(TOOL_USES) => {
            check_count(&edit["trigger"], &["input_tokens", "tool_uses"], &format!("{at}.trigger"))?;
            check_count(&edit["keep"], &["tool_uses"], &format!("{at}.keep"))?;
            check_count(&edit["clear_at_least"], &["input_tokens"], &format!("{at}.clear_at_least"))
        }
        Some(COMPACT) => check_count(&edit["trigger"], &["input_tokens"], &format!("{at}.trigger")),
        _ => refuse(format!(
            "{at}: Input tag found using 'type' does not match any of the expected tags: '{TOOL_USES}', \
             '{THINKING}', '{COMPACT}'"
        )),
    }
}

/// Checks a count with its unit. It may be absent.
fn check_count(count: &Value, units: &[&str], at: &str) -> Verdict {
    if count.is_null() {
        return Ok(());
    }
    let is_unit = count["type"].as_str().is_some_and(|unit| units.contains(&unit));
    must(is_unit, || format!("{at}.type: Input should be '{}'", units.join("' or '")))?;
    must(count["value"].is_u64(), || format!("{at}.value: Input should be a valid integer"))
}
