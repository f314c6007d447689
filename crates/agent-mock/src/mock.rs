//! The server: from start to drop.

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
    RecordedRequest, Scenario, folder::Folder, rate_limit::Bucket, record::Record, route::route,
    stage::Stage, threads::Threads,
};

/// A running server. It stops when it is dropped, open connections included.
pub struct Mock {
    address: SocketAddr,
    stage: Arc<Stage>,
    task: AbortHandle,
}

impl Mock {
    /// Starts a server on a free port of 127.0.0.1, as a task of the current tokio runtime.
    pub async fn start(plot: Scenario) -> io::Result<Self> {
        Self::start_at(([127, 0, 0, 1], 0).into(), plot).await
    }

    /// Starts a server at this address. A plot with faults for an agent that it has not is an error.
    pub async fn start_at(address: SocketAddr, plot: Scenario) -> io::Result<Self> {
        Self::start_with(address, plot, Folder::of_environment()?).await
    }

    async fn start_with(address: SocketAddr, plot: Scenario, folder: Option<Folder>) -> io::Result<Self> {
        plot.check().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let bucket = plot.limit.map(Bucket::new);
        let (record, threads) = (Record::default(), Threads::default());
        let stage = Arc::new(Stage { plot, record, bucket, threads, folder });
        let task = tokio::spawn(accept(listener, stage.clone())).abort_handle();
        Ok(Self { address, stage, task })
    }

    /// Where it is: `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many requests for a reply came in, those it refused included.
    pub fn count(&self) -> usize {
        self.stage.record.count()
    }

    /// How many of them were refused because they were over the [rate limit](Scenario::rate_limit).
    pub fn refused(&self) -> usize {
        self.stage.bucket.as_ref().map_or(0, Bucket::refused)
    }

    /// How many of them were open at once, at most.
    pub fn most_open(&self) -> usize {
        self.stage.record.most_open()
    }

    /// The requests for a reply in the order they came in, as far as they could be read.
    pub fn requests(&self) -> Vec<Arc<RecordedRequest>> {
        self.stage.record.requests()
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

/// Serves each connection in a task of its own; they end with this one, which owns them.
async fn accept(listener: TcpListener, stage: Arc<Stage>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(serve(stream, stage.clone()))),
                // As a rule too many open files: others may close soon.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, stage: Arc<Stage>) {
    // Only speed depends on it.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let stage = stage.clone();
        async move { route(&stage, request).await }
    });
    // Over HTTP/2 each stream has a task of its own, which ends when its connection is dropped.
    let server = auto::Builder::new(TokioExecutor::new());
    // An error here is the client going away, or the script's wish to close the connection.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::PathBuf, process};

    use agent_core::script::Reply;

    use super::*;

    const GOOD: &str = r#"{"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi."}]}"#;

    /// Asks a server that writes to this folder, and returns the status.
    async fn ask(folder: Folder, body: &'static str) -> u16 {
        let plot = Scenario::new([Reply::text("Hi.")]);
        let server = Mock::start_with(([127, 0, 0, 1], 0).into(), plot, Some(folder)).await.unwrap();
        // Of TLS, which the server does not speak, as little as there must be.
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
            statuses.push(ask(Folder::at(&folder).unwrap(), body).await);
        }
        let mut files: Vec<PathBuf> =
            fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        let written: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!((written, statuses), (bodies.map(str::to_owned).into(), vec![200, 200, 400]));
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_not_answered() {
        let path = env::temp_dir().join(format!("agent-mock-{}-gone", process::id()));
        let folder = Folder::at(&path).unwrap();
        fs::remove_dir(&path).unwrap();
        assert_eq!(ask(folder, GOOD).await, 500);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn field_86_a_recording_is_readable_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = env::temp_dir().join(format!("agent-mock-{}-mode", process::id()));
        assert_eq!(ask(Folder::at(&folder).unwrap(), GOOD).await, 200);
        let files = fs::read_dir(&folder).unwrap();
        let modes: Vec<u32> =
            files.map(|file| file.unwrap().metadata().unwrap().permissions().mode() & 0o777).collect();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(modes, [0o600]);
    }
}
