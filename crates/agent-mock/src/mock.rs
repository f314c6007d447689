//! The running server.

use std::{fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
};

use crate::{
    RecordedRequest, Scenario, rate_limit::Bucket, recording_folder::RecordingFolder, route::route,
    server_state::ServerState,
};

/// A running mock server. Start it with [`Mock::start`], and send requests to its
/// [`url`](Mock::url). Dropping it stops the server and closes all connections.
pub struct Mock {
    address: SocketAddr,
    state: Arc<ServerState>,
    task: AbortHandle,
}

impl Mock {
    /// Starts a server on a free port of 127.0.0.1. It runs as a task of the current tokio runtime.
    /// Fails in the same cases as [`Mock::start_at`].
    pub async fn start(scenario: Scenario) -> io::Result<Self> {
        Self::start_at(([127, 0, 0, 1], 0).into(), scenario).await
    }

    /// Starts a server at this address; port 0 means any free port. Fails if the address can't be
    /// used, if the scenario has [faults](Scenario::fault_of) for an agent that the scenario does
    /// not have, or if the folder for [recorded requests](crate#recorded-requests) can't be made.
    pub async fn start_at(address: SocketAddr, scenario: Scenario) -> io::Result<Self> {
        Self::start_with(address, scenario, RecordingFolder::from_env()?).await
    }

    async fn start_with(
        address: SocketAddr,
        scenario: Scenario,
        folder: Option<RecordingFolder>,
    ) -> io::Result<Self> {
        scenario.check().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(ServerState::new(scenario, folder));
        let task = tokio::spawn(accept(listener, state.clone())).abort_handle();
        Ok(Self { address, state, task })
    }

    /// The base URL for clients: `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The number of requests for a reply so far, including those that were refused. Requests to
    /// count tokens are not included.
    pub fn count(&self) -> usize {
        self.state.log.count()
    }

    /// The number of requests that were refused because of the [rate limit](Scenario::rate_limit).
    pub fn refused(&self) -> usize {
        self.state.bucket.as_ref().map_or(0, Bucket::refused)
    }

    /// The highest number of requests that were open at the same time. Use it to check how many
    /// requests a client sends in parallel.
    pub fn most_open(&self) -> usize {
        self.state.log.most_open()
    }

    /// Waits until exactly this many requests are open. Use it to check that a request that your
    /// program dropped is really given up: `until_open(0)`. A request is open until its reply has
    /// been sent, or until its client is gone.
    pub async fn until_open(&self, count: usize) {
        let mut open = self.state.log.watch_open();
        open.wait_for(|open| *open == count).await.expect("the log keeps the sender, and this borrows it");
    }

    /// All requests for a reply, in the order they arrived. Requests that could not be read, or
    /// that were over the rate limit, are missing.
    pub fn requests(&self) -> Vec<Arc<RecordedRequest>> {
        self.state.log.requests()
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Mock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mock").field("url", &self.url()).field("count", &self.count()).finish()
    }
}

/// Serves each connection in its own task. This task owns them, so they end when it ends.
async fn accept(listener: TcpListener, state: Arc<ServerState>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(serve(stream, state.clone()))),
                // Usually too many files are open. Some may close soon.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, state: Arc<ServerState>) {
    // If this fails, responses are only slower.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let state = state.clone();
        async move { route(&state, request).await }
    });
    // Over HTTP/2 each stream has its own task. That task ends when its connection is dropped.
    let server = auto::Builder::new(TokioExecutor::new());
    // An error means that the client went away, or that a fault closes the connection.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::PathBuf, process};

    use agent_core::script::Reply;

    use super::*;

    const GOOD: &str = r#"{"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi."}]}"#;

    /// Sends a request to a server that records to this folder, and returns the status.
    async fn ask(folder: RecordingFolder, body: &'static str) -> u16 {
        let scenario = Scenario::new([Reply::text("Hi.")]);
        let server = Mock::start_with(([127, 0, 0, 1], 0).into(), scenario, Some(folder)).await.unwrap();
        // The server does not speak TLS. reqwest needs a provider all the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let asked = client.post(server.url() + "/v1/messages").header("x-api-key", "any").body(body);
        asked.header("anthropic-version", "2026-10-21").send().await.unwrap().status().as_u16()
    }

    #[tokio::test]
    async fn requests_are_written_to_a_folder() {
        let folder = env::temp_dir().join(format!("agent-mock-{}", process::id()));
        let bodies = [GOOD, GOOD, r#"{"model": "m"}"#];
        let mut statuses = Vec::new();
        for body in bodies {
            statuses.push(ask(RecordingFolder::at(&folder).unwrap(), body).await);
        }
        let mut files: Vec<PathBuf> =
            fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        let written: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!((written, statuses), (bodies.map(str::to_owned).into(), vec![200, 200, 400]));
    }

    #[tokio::test]
    async fn a_request_that_cannot_be_recorded_is_not_answered() {
        let path = env::temp_dir().join(format!("agent-mock-{}-gone", process::id()));
        let folder = RecordingFolder::at(&path).unwrap();
        fs::remove_dir(&path).unwrap();
        assert_eq!(ask(folder, GOOD).await, 500);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn field_86_a_recording_is_readable_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = env::temp_dir().join(format!("agent-mock-{}-mode", process::id()));
        assert_eq!(ask(RecordingFolder::at(&folder).unwrap(), GOOD).await, 200);
        let files = fs::read_dir(&folder).unwrap();
        let modes: Vec<u32> =
            files.map(|file| file.unwrap().metadata().unwrap().permissions().mode() & 0o777).collect();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(modes, [0o600]);
    }
}
