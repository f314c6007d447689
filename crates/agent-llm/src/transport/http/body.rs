//! Reading the body of an answer that comes in one piece.

use agent_core::{LlmError, model::LlmErrorKind};
use reqwest::Response;

use crate::transport::{causes::causes, limit::Limit, size::Size};

/// Reads a body of JSON.
pub(crate) type ReadText<T> = fn(&str) -> Result<T, serde_json::Error>;

/// The most bytes of JSON that are read on the runtime's own threads: to read so many takes some
/// milliseconds, in which other tasks wait.
const AT_ONCE: usize = 1024 * 1024;

/// The bytes of a body. An error if there are more than `most`.
pub(super) async fn read_body(answer: &mut Response, most: usize) -> Result<Vec<u8>, LlmError> {
    let broke_off = |error| LlmError::new(LlmErrorKind::Incomplete, causes(error));
    let (mut body, mut size) = (Vec::new(), Size::at_most(most));
    while let Some(bytes) = answer.chunk().await.map_err(broke_off)? {
        size.add(bytes.len())?;
        body.extend_from_slice(&bytes);
    }
    Ok(body)
}

/// The text of a body, and what `read` makes of it. A long one is read on a thread for blocking
/// work, within the limit.
pub(super) async fn read_text<T: Send + 'static>(
    body: Vec<u8>,
    read: ReadText<T>,
    limit: Limit,
) -> Result<(String, Result<T, serde_json::Error>), LlmError> {
    if body.len() <= AT_ONCE {
        return Ok(read_now(body, read));
    }
    let reading = tokio::task::spawn_blocking(move || read_now(body, read));
    Ok(limit.keep(reading).await?.expect("reading does not panic, and a runtime that ends polls nobody"))
}

fn read_now<T>(body: Vec<u8>, read: ReadText<T>) -> (String, Result<T, serde_json::Error>) {
    // In JSON only a string can hold what is no UTF-8.
    let text = String::from_utf8(body)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    let said = read(&text);
    (text, said)
}
