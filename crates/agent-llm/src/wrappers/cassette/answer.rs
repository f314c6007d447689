//! How a cassette answers a request.

use std::{future::ready, sync::Arc};

use agent_core::{BoxStream, Delta, Json, Llm, LlmError, Request, Usage, budget::Usd};
use futures::{StreamExt, stream};

use super::{
    Cassette,
    mode::Mode,
    question::{has_answer_schema, question},
    recorder::{Recorder, recorded},
    tree::Tree,
};

impl Llm for Cassette {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        // Which recording is replayed is decided when the request is made, and not before.
        stream::once(ready(())).flat_map(move |()| self.reply(request.clone())).boxed()
    }

    /// What the backend says, or said when the file was recorded: a replay makes the same requests.
    fn supports_answer_schema(&self, schema: &Json) -> bool {
        let of_backend = || {
            let llm = self.backend.as_ref().and_then(|backend| backend.llm().ok());
            llm.is_some_and(|llm| llm.supports_answer_schema(schema))
        };
        let recorded = || {
            let mut questions = self.shelf().questions();
            questions.find_map(|question| has_answer_schema(question, schema, &self.clean))
        };
        match self.mode {
            Mode::Record => of_backend(),
            Mode::Replay | Mode::RecordNew => recorded().unwrap_or_else(of_backend),
        }
    }

    fn max_cost(&self, usage: &Usage) -> Option<Usd> {
        self.backend.as_ref()?.llm().ok()?.max_cost(usage)
    }
}

impl Cassette {
    fn reply(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let asked = question(&request, &self.clean);
        if self.mode == Mode::Record {
            return self.ask(request, asked, self.take);
        }
        if let Some(recording) = self.shelf().next(&asked, self.repeats) {
            return stream::iter(recording.reply()).boxed();
        }
        match self.mode {
            Mode::RecordNew => {
                let take = self.shelf().take(&asked);
                self.ask(request, asked, take)
            }
            _ => failed(self.replayed.miss(&self.path, self.shelf(), &asked)),
        }
    }

    fn ask(&self, request: Request, question: Tree, take: u32) -> BoxStream<'_, Result<Delta, LlmError>> {
        let backend = self.backend.as_ref().expect("only a cassette that replays has no backend");
        let (path, clean) = (Arc::clone(&self.path), self.clean.clone());
        match backend.llm() {
            Ok(llm) => recorded(llm.stream(request), Recorder { path, clean, question, take }),
            Err(error) => failed(error),
        }
    }
}

fn failed<'a>(error: LlmError) -> BoxStream<'a, Result<Delta, LlmError>> {
    stream::once(ready(Err(error))).boxed()
}
