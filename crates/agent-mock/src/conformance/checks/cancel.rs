//! Cases of streams that are not read to their end.

use std::pin::pin;

use futures::future::{Either, select};

use super::request::{ask, is_reply};
use crate::{
    Mock,
    conformance::{
        case::{Case, question},
        mismatch::{Checked, Mismatch, must},
        reading::Reading,
        stage::Stage,
    },
};

/// The text up to this word is there while the server is silent.
pub(super) async fn shown(case: &Case, stage: &Stage, until: &str) -> Checked {
    let mut reading = Reading::new(stage.llm.stream(question()));
    reading.read_to(until).await?;
    drop(reading);
    gets_the_reply(case, stage).await
}

/// A request whose stream is dropped while the server is silent is given up.
pub(super) async fn given_up(case: &Case, stage: &Stage) -> Checked {
    {
        let reading = pin!(Reading::new(stage.llm.stream(question())).read_to_end());
        let open = pin!(server(stage).until_open(1));
        if let Either::Left((ended, _)) = select(reading, open).await {
            let ended = ended?.err().map_or_else(|| "a reply".to_owned(), |error| error.to_string());
            return Err(Mismatch::new("no end while the server is silent", ended));
        }
        // The end of this block drops the stream.
    }
    gets_the_reply(case, stage).await
}

/// The server notices that the request is gone, and the next one gets the reply.
async fn gets_the_reply(case: &Case, stage: &Stage) -> Checked {
    server(stage).until_open(0).await;
    is_reply(case, &ask(stage, &question()).await?)
}

/// A stream that is not read asks nothing.
pub(super) async fn not_asked(case: &Case, stage: &Stage) -> Checked {
    drop(stage.llm.stream(question()));
    is_reply(case, &ask(stage, &question()).await?)?;
    let count = server(stage).count();
    must(count == 1, || Mismatch::new("no request before the stream is read", format!("{count} requests")))
}

fn server(stage: &Stage) -> &Mock {
    stage.server.as_ref().expect("these cases need a server")
}
