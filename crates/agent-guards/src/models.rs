//! Guards around models.

mod attempts;
mod checked;
mod judged;
mod output_check;
mod rewritten;
mod windowed;
mod windows;

pub(crate) use checked::CheckedModel;
pub(crate) use judged::JudgedModel;
pub(crate) use output_check::{Checked, OutputCheck, blocks_with_text};
pub(crate) use rewritten::RewrittenModel;
pub use windows::Windows;

use agent_core::{Delta, LlmError};

/// A piece of a reply.
type Piece = Result<Delta, LlmError>;
