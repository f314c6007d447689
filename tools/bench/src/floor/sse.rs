//! The floor's reading of a stream.

use serde::de::DeserializeOwned;

use crate::Done;

/// Has each event of a stream taken in, line by line.
pub(super) async fn read<E: DeserializeOwned>(
    mut answer: reqwest::Response,
    mut take_in: impl FnMut(E) -> Done,
) -> Done {
    let mut rest = Vec::new();
    while let Some(bytes) = answer.chunk().await? {
        rest.extend_from_slice(&bytes);
        let mut read = 0;
        while let Some(end) = memchr::memchr(b'\n', &rest[read..]) {
            match rest[read..read + end].strip_prefix(b"data: ") {
                Some(b"[DONE]") | None => {}
                Some(data) => take_in(serde_json::from_slice(data)?)?,
            }
            read += end + 1;
        }
        rest.drain(..read);
    }
    Ok(())
}
