//! Servers that speak TLS, and whom a machine trusts. Each test is in a process of its own whose
//! `SSL_CERT_FILE` says that; the certificates are made by `tls/make.sh`.

use std::{
    env,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
};

use agent_core::script::Reply;
use agent_llm::LlmErrorKind;
use agent_mock::{Mock, Scenario};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::{CryptoProvider, ring},
        pki_types::{CertificateDer, PrivateKeyDer},
    },
};

use crate::common::{ask, settings, text};

/// Whether this is the process of the test, which trusts the authority of this file and nobody
/// else. If not, it is started, and must go well.
fn trusting(file: &str, test: &str) -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all/tls").join(file);
    if env::var_os("SSL_CERT_FILE").is_some_and(|trusted| Path::new(&trusted) == path) {
        return true;
    }
    let mut process = Command::new(env::current_exe().unwrap());
    process.args(["--exact", &format!("tls::{test}")]).env("SSL_CERT_FILE", path).env_remove("SSL_CERT_DIR");
    let said = process.output().unwrap();
    let words = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.status.success() && words.contains("1 passed"), "{words}");
    false
}

/// A server on `localhost` that says "Hello!".
struct Server {
    port: u16,
    /// The protocol of each connection.
    protocols: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start() -> Self {
        let behind = Mock::start(Scenario::new([Reply::text("Hello!")])).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { port: listener.local_addr().unwrap().port(), protocols: Arc::default() };
        let protocols = server.protocols.clone();
        tokio::spawn(async move {
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                // The client may refuse to go on.
                let Ok(mut outside) = acceptor().accept(connection).await else { continue };
                let protocol = outside.get_ref().1.alpn_protocol().unwrap_or_default();
                protocols.lock().unwrap().push(String::from_utf8(protocol.to_vec()).unwrap());
                let mut inside =
                    TcpStream::connect(behind.url().trim_start_matches("http://")).await.unwrap();
                tokio::spawn(async move { copy_bidirectional(&mut outside, &mut inside).await });
            }
        });
        server
    }

    fn url(&self, host: &str) -> String {
        format!("https://{host}:{}", self.port)
    }

    fn protocols(&self) -> Vec<String> {
        self.protocols.lock().unwrap().clone()
    }
}

fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from(include_bytes!("tls/server.der").as_slice());
    let key = PrivateKeyDer::try_from(include_bytes!("tls/server.key.der").as_slice()).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    config.alpn_protocols = ["h2", "http/1.1"].map(|name| name.as_bytes().to_vec()).to_vec();
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn who_is_trusted_is_spoken_to_in_the_version_that_is_wanted() {
    if !trusting("authority.pem", "who_is_trusted_is_spoken_to_in_the_version_that_is_wanted") {
        return;
    }
    let server = Server::start().await;
    for http2 in [false, true] {
        let reply = ask(settings(server.url("localhost")).http2(http2)).await.unwrap();
        assert_eq!(text(&reply), "Hello!");
    }
    assert_eq!(server.protocols(), ["http/1.1", "h2"]);
    assert!(CryptoProvider::get_default().is_none(), "the process is the program's own");
}

#[tokio::test]
async fn another_name_than_the_certificate_has_is_refused() {
    if !trusting("authority.pem", "another_name_than_the_certificate_has_is_refused") {
        return;
    }
    let error = ask(settings(Server::start().await.url("127.0.0.1"))).await.unwrap_err();
    assert_eq!(error.kind, LlmErrorKind::Connection);
    insta::assert_snapshot!(error, @r#"no connection to the model's server: error sending request: client error (Connect): invalid peer certificate: certificate not valid for name "127.0.0.1"; certificate is only valid for DnsName("localhost")"#);
}

#[tokio::test]
async fn who_is_not_trusted_is_refused_and_the_error_says_what_to_do() {
    if !trusting("stranger.pem", "who_is_not_trusted_is_refused_and_the_error_says_what_to_do") {
        return;
    }
    let server = Server::start().await;
    let of = async |http2| ask(settings(server.url("localhost")).http2(http2)).await.unwrap_err();
    let errors = [of(false).await, of(true).await];
    assert!(errors.iter().all(|error| error.kind == LlmErrorKind::Connection), "{errors:?}");
    assert_eq!(errors[0].to_string(), errors[1].to_string());
    insta::assert_snapshot!(errors[0], @"no connection to the model's server: error sending request: client error (Connect): invalid peer certificate: UnknownIssuer (this machine does not trust who signed the server's certificate: add that authority to the system's, or on Linux name a file (PEM) of all to trust in SSL_CERT_FILE)");
    assert_eq!(server.protocols(), [""; 0]);
}

#[tokio::test]
async fn a_machine_that_trusts_nobody_is_told_so_before_the_first_request() {
    if !trusting("none.pem", "a_machine_that_trusts_nobody_is_told_so_before_the_first_request") {
        return;
    }
    let plain = settings("http://localhost:1").build().unwrap();
    let errors = [
        plain.with(|settings| settings.base_url("https://localhost:1")).unwrap_err(),
        settings("https://api.anthropic.com").build().unwrap_err(),
    ];
    assert_eq!(errors[0], errors[1]);
    insta::assert_snapshot!(errors[0], @"the HTTP client could not be made: unexpected error: No CA certificates were loaded from the system (install the system's, as a rule the package ca-certificates, or name a file (PEM) of all to trust in SSL_CERT_FILE)");
}
