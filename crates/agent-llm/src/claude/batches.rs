//! Message batches: many requests whose replies may take up to a day, at half the price.

mod batch;
mod custom_id;
mod pauses;
mod requests;
mod result;

use std::{collections::BTreeMap, pin::pin};

use agent_core::{Json, LlmError, model::LlmErrorKind};
use futures::{Stream, StreamExt};
use reqwest::Method;

pub use batch::{Batch, BatchCounts, BatchStatus};
pub use requests::BatchRequest;
pub use result::{BatchOutcome, BatchResult};

use self::requests::{MOST_REQUESTS, Requests};
use super::{api::BATCHES, client::Claude, pages};
use crate::transport::api_request::ApiRequest;

/// The most bytes of what the API says of one batch.
const LONGEST_BATCH: usize = 1024 * 1024;

/// The message batches of an account: many requests in one, whose replies may take up to a day.
/// [`Claude::batches`] makes it. Clones share the client.
///
/// A batch is kept on the server. Another process needs only the id of the batch to wait for it and
/// to read its results.
///
/// ```no_run
/// use agent_llm::{Claude, Message, Request};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let batches = Claude::from_env()?.batches();
/// let ask = |text: &str| Request::new(vec![Message::user(text)]);
/// let batch = batches.create([ask("Name a river."), ask("Name a lake.")]).await?;
/// println!("{}", batch.id); // Another process can go on from here.
///
/// batches.wait(&batch.id).await?;
/// for result in batches.results(&batch.id).await? {
///     println!("{}", Message::assistant(result.response()?.content).text());
/// }
/// # Ok(())
/// # }
/// ```
///
/// All calls are retried like the client's other requests, except that [`create`](Self::create) is
/// retried only if the server certainly made no batch. Calls do not pass the client's gate, because
/// the API limits batches separately. Source:
/// <https://docs.claude.com/en/docs/build-with-claude/batch-processing>.
#[derive(Clone, Debug)]
pub struct Batches {
    claude: Claude,
}

impl Claude {
    /// Returns a handle for the message batches of the account.
    pub fn batches(&self) -> Batches {
        Batches { claude: self.clone() }
    }
}

impl Batches {
    /// Makes a batch of these requests. Each request is written as the client would send it: with
    /// the model, tools and cache markers of the client's settings, and within its bounds. But
    /// replies are not streamed.
    ///
    /// A request may have your own id: `("invoice-7", request)`. The API gets the position of the
    /// request, and then your id if there is one (`3-invoice-7`). So anybody who knows the id of
    /// the batch can put the results in order.
    ///
    /// Fails before anything is sent if there is no request, if there are more than 100,000
    /// requests or 256 MB, or if an id occurs twice or is not valid for the API.
    ///
    /// This call is retried only if the server was too busy for it. After any other failure it is
    /// unknown whether the batch was made, and a second batch would cost as much again. Then look
    /// for it in [`list`](Self::list).
    pub async fn create<R: Into<BatchRequest>>(
        &self,
        requests: impl IntoIterator<Item = R>,
    ) -> Result<Batch, LlmError> {
        /// How many requests are written before other tasks get their turn.
        const AT_ONCE: usize = 64;
        let requests: Vec<BatchRequest> = requests.into_iter().map(Into::into).collect();
        let mut body = Requests::begin(requests.len())?;
        for (position, BatchRequest { custom_id, request }) in requests.into_iter().enumerate() {
            let request = self.claude.fitted(request);
            body.add(position, custom_id, self.claude.messages().settings(), &request)?;
            if position % AT_ONCE == AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
        }
        let (request, http) = (ApiRequest::post(BATCHES, body.end().into()), self.claude.messages().http());
        let create = || async {
            let batch = http.value(request.clone(), "a batch", LONGEST_BATCH).await;
            batch.map_err(unless_refused)
        };
        Batch::read(self.claude.policy().retry(create).await?)
    }

    /// Asks for the current state of a batch.
    pub async fn get(&self, id: &str) -> Result<Batch, LlmError> {
        self.batch(ApiRequest::of(Method::GET, path(id, "")?)).await
    }

    /// Waits until a batch has ended, which may take a day. It asks for the state of the batch
    /// after pauses that grow from one second to a minute. To wait for less time, use
    /// `tokio::time::timeout`: dropping the wait does nothing to the batch, and you can wait again.
    ///
    /// Fails if asking for the state fails after all retries. Then you can wait again, too.
    pub async fn wait(&self, id: &str) -> Result<Batch, LlmError> {
        pauses::until_ended(|| self.get(id)).await
    }

    /// Returns the results of a batch that has ended, in the order of its requests. Fails if the
    /// batch has not ended, or if results are missing. All results are in memory at the same time;
    /// for very large batches, use [`results_as_sent`](Self::results_as_sent).
    pub async fn results(&self, id: &str) -> Result<Vec<BatchResult>, LlmError> {
        let batch = self.get(id).await?;
        if !batch.is_ended() {
            let message = format!("the batch {id:?} has not ended: call `wait` before `results`");
            return Err(LlmError::new(LlmErrorKind::InvalidRequest, message));
        }
        let expected = batch.counts.total();
        let mut results = self.claude.policy().retry(|| self.all_results(id, expected)).await?;
        // Those of a batch that another program made keep the order in which they came.
        results.sort_by_key(|result| result.position.unwrap_or(usize::MAX));
        Ok(results)
    }

    /// Streams the results of a batch that has ended, in the order in which the server sends them.
    /// Only one result is in memory at a time, and nothing is retried. After an `Err` the stream
    /// ends. One result may have as many bytes as a reply (`longest_reply`).
    pub fn results_as_sent(
        &self,
        id: &str,
    ) -> impl Stream<Item = Result<BatchResult, LlmError>> + Send + use<'_> {
        let results = path(id, "/results").map(|path| {
            let lines =
                self.claude.messages().http().lines(ApiRequest::of(Method::GET, path), BatchResult::read);
            lines.take(MOST_REQUESTS)
        });
        let (results, error) = match results {
            Ok(results) => (Some(results), None),
            Err(error) => (None, Some(Err(error))),
        };
        futures::stream::iter(error).chain(futures::stream::iter(results).flatten())
    }

    /// Cancels a batch. Requests that are under way are still answered, so a cancelled batch has
    /// results, too, when it has [ended](Self::wait).
    pub async fn cancel(&self, id: &str) -> Result<Batch, LlmError> {
        self.batch(ApiRequest::of(Method::POST, path(id, "/cancel")?)).await
    }

    /// Deletes a batch that has ended, with its results.
    pub async fn delete(&self, id: &str) -> Result<(), LlmError> {
        let request = ApiRequest::of(Method::DELETE, path(id, "")?);
        let _: BTreeMap<String, Json> =
            self.claude.value(request, "a batch that was deleted", LONGEST_BATCH).await?;
        Ok(())
    }

    /// Lists the batches, the newest first. All pages of the API's list are read.
    pub async fn list(&self) -> Result<Vec<Batch>, LlmError> {
        pages::all(&self.claude, BATCHES).await?.into_iter().map(Batch::read).collect()
    }

    async fn batch(&self, request: ApiRequest) -> Result<Batch, LlmError> {
        Batch::read(self.claude.value(request, "a batch", LONGEST_BATCH).await?)
    }

    async fn all_results(&self, id: &str, expected: u64) -> Result<Vec<BatchResult>, LlmError> {
        let mut results = Vec::new();
        let mut sent = pin!(self.results_as_sent(id));
        while let Some(result) = sent.next().await {
            results.push(result?);
        }
        if (results.len() as u64) < expected {
            let message = format!("{} of {expected} results came", results.len());
            return Err(LlmError::new(LlmErrorKind::Incomplete, message));
        }
        Ok(results)
    }
}

/// The path of a batch.
fn path(id: &str, behind: &str) -> Result<String, LlmError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.~".contains(&byte);
    if id.bytes().all(|byte| byte == b'.') || !id.bytes().all(is_plain) {
        let message =
            format!("{id:?} is no id of a batch: it should look like `msgbatch_013Zva2CMHLNnXjNJJKqJ2EF`");
        return Err(LlmError::new(LlmErrorKind::InvalidRequest, message));
    }
    Ok(format!("{BATCHES}/{id}{behind}"))
}

/// The error of a call that is made again only if the server refused to begin, or if nothing was
/// sent, as a signer says.
fn unless_refused(mut error: LlmError) -> LlmError {
    let is_refused = matches!(error.kind, LlmErrorKind::RateLimit | LlmErrorKind::Overloaded);
    let is_unsent = error.status.is_none() && error.should_retry == Some(true);
    if error.is_retryable() && !is_refused && !is_unsent {
        error.should_retry = Some(false);
        error.message.push_str("; the batch may have been made all the same: look in `list`");
    }
    error
}
