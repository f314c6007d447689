//! A reply that is recorded while it is passed on.

use std::{mem, path::Path, sync::Arc};

use agent_core::{BoxStream, Delta, LlmError, model::LlmErrorKind};
use futures::{StreamExt, stream};
use tokio::task::spawn_blocking;

use super::{clean::Clean, file::append, recording::Taken, tree::Tree};

/// Passes a reply on, and writes it to the file before its end is passed on. A reply that is
/// dropped before its end is not written.
pub(super) fn recorded<'a>(
    reply: BoxStream<'a, Result<Delta, LlmError>>,
    recorder: Recorder,
) -> BoxStream<'a, Result<Delta, LlmError>> {
    let state = Some((reply, recorder, Vec::new()));
    let pieces = stream::unfold(state, |state| async move {
        let (mut reply, recorder, mut heard) = state?;
        match reply.next().await {
            Some(Ok(delta)) => {
                heard.push(delta.clone());
                Some((Ok(delta), Some((reply, recorder, heard))))
            }
            Some(Err(error)) => {
                let written = recorder.write(heard, Some(error.clone())).await;
                let error = match written {
                    Ok(()) => error,
                    Err(unwritten) => and_failed(unwritten, &error),
                };
                Some((Err(error), None))
            }
            None => recorder.write(heard, None).await.err().map(|error| (Err(error), None)),
        }
    });
    pieces.boxed()
}

/// Where and how a reply is written.
pub(super) struct Recorder {
    pub(super) path: Arc<Path>,
    pub(super) clean: Clean,
    pub(super) question: Tree,
    pub(super) take: u32,
}

impl Recorder {
    async fn write(self, reply: Vec<Delta>, error: Option<LlmError>) -> Result<(), LlmError> {
        let Self { path, clean, question, take } = self;
        let file = Arc::clone(&path);
        let written = spawn_blocking(move || {
            let line = Taken { take, question, reply, error }.line(&clean)?;
            append(&file, &line).map_err(|error| error.to_string())
        });
        let why = match written.await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(why)) => why,
            Err(error) => error.to_string(),
        };
        let message = format!("the reply could not be recorded in {}: {why}", path.display());
        Err(LlmError::new(LlmErrorKind::Configuration, message))
    }
}

/// Both errors as one.
fn and_failed(mut unwritten: LlmError, error: &LlmError) -> LlmError {
    let message = mem::take(&mut unwritten.message);
    unwritten.message = format!("{message}; and {error}");
    unwritten
}
