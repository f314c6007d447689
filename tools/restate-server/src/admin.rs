//! What is asked of a server's admin API.

use std::error::Error;

use reqwest::{Client, Method, RequestBuilder};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use serde::Deserialize;
use serde_json::{Value, json};

/// Why the admin API did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// There was no answer.
    #[error("no answer from {url}: {cause}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// What is at the bottom of it.
        cause: String,
        /// The error in full.
        source: reqwest::Error,
    },
    /// The server did not do it.
    #[error("{url} answers {status}: {said}")]
    Refused {
        /// What was asked.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The server's message, or its whole answer if it has none.
        said: String,
    },
    /// The answer is of another shape than that of the version this was written for.
    #[error("the answer of {url} can't be read ({source}): {said}")]
    Unreadable {
        /// What was asked.
        url: String,
        /// The answer.
        said: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// A service endpoint as the server knows it.
#[derive(Clone, Debug, Deserialize)]
pub struct Deployment {
    /// The server's name for it.
    pub id: String,
    /// What it serves.
    pub services: Vec<Service>,
}

/// A service of a deployment.
#[derive(Clone, Debug, Deserialize)]
pub struct Service {
    /// The name it is called by.
    pub name: String,
}

#[derive(Deserialize)]
struct Rows {
    rows: Vec<Value>,
}

/// Tells the server at `admin` of the services at `service_uri`, in place of what it knew of that URI.
///
/// # Errors
///
/// If the server can't be reached, or it can't reach the services, or does not want them.
pub async fn register(admin: &str, service_uri: &str) -> Result<Deployment, AdminError> {
    let body = json!({ "uri": service_uri, "force": true });
    Request::new(admin, Method::POST, "/deployments").body(&body).read().await
}

/// Cancels an invocation. That is accepted at once, and takes its time.
///
/// # Errors
///
/// If the server can't be reached or does not know the invocation.
pub async fn cancel(admin: &str, invocation: &str) -> Result<(), AdminError> {
    Request::new(admin, Method::PATCH, &format!("/invocations/{invocation}/cancel")).text().await.map(drop)
}

/// The rows that answer an SQL query, an object each: `select id, status from sys_invocation`, say.
///
/// # Errors
///
/// If the server can't be reached or does not understand the query, or while a partition has no leader.
pub async fn query(admin: &str, sql: &str) -> Result<Vec<Value>, AdminError> {
    let request = Request::new(admin, Method::POST, "/query").body(&json!({ "query": sql }));
    request.read::<Rows>().await.map(|answer| answer.rows)
}

/// How many nodes keep the cluster's metadata.
pub(crate) async fn members(admin: &str) -> Result<usize, AdminError> {
    let health: Value = Request::new(admin, Method::GET, "/cluster-health").read().await?;
    Ok(health["metadata_cluster_health"]["members"].as_array().map_or(0, Vec::len))
}

/// Fails unless a GET of this is answered with success.
pub(crate) async fn answers(url: &str) -> Result<(), AdminError> {
    Request::new(url, Method::GET, "").text().await.map(drop)
}

/// A client for servers on loopback: by no proxy and without TLS, of which it trusts nobody.
pub fn client() -> Client {
    let tls = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("ring has what these versions need")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let client = Client::builder().no_proxy().tls_backend_preconfigured(tls);
    client.build().expect("nothing in it depends on the system")
}

struct Request {
    url: String,
    builder: RequestBuilder,
}

impl Request {
    fn new(base: &str, method: Method, path: &str) -> Self {
        let url = format!("{base}{path}");
        // A new client each time, since one's connections belong to the runtime they were made in, and each test has its own.
        let builder = client().request(method, &url).header("accept", "application/json");
        Self { url, builder }
    }

    fn body(self, body: &Value) -> Self {
        let builder = self.builder.header("content-type", "application/json").body(body.to_string());
        Self { builder, ..self }
    }

    async fn read<T: for<'de> Deserialize<'de>>(self) -> Result<T, AdminError> {
        let url = self.url.clone();
        let said = self.text().await?;
        serde_json::from_str(&said).map_err(|source| AdminError::Unreadable { url, said, source })
    }

    async fn text(self) -> Result<String, AdminError> {
        let Self { url, builder } = self;
        let sent = async {
            let response = builder.send().await?;
            Ok((response.status(), response.text().await?))
        };
        match sent.await {
            Ok((status, said)) if status.is_success() => Ok(said),
            Ok((status, said)) => {
                Err(AdminError::Refused { url, status: status.as_u16(), said: message(said) })
            }
            Err(source) => Err(AdminError::Unreachable { url, cause: root(&source), source }),
        }
    }
}

fn message(said: String) -> String {
    let json = serde_json::from_str::<Value>(&said).ok();
    json.and_then(|json| json["message"].as_str().map(str::to_owned)).unwrap_or(said)
}

fn root(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), root)
}
