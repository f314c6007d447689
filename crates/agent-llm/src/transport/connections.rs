//! The connections of a client: one for each request under way, or some that many requests share.

mod apart;
mod shared;
mod tls;

use std::{future::Future, sync::Arc, time::Duration};

use agent_core::{LlmError, model::LlmErrorKind};
use reqwest::{Client, ClientBuilder, Request, Response, redirect};

use super::{causes::causes, config_error::ConfigError, endpoint::Endpoint};

use apart::apart;
use shared::{STREAMS, Shared};
use tls::{Tls, explained};

/// Sends requests on connections that are made one way. Clones share them.
#[derive(Clone)]
pub(crate) struct Connections {
    way: Way,
    tls: Tls,
    open: Open,
}

#[derive(Clone)]
enum Open {
    /// A connection for each request under way.
    Own(Client),
    Shared(Arc<Shared>),
}

/// How connections are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Way {
    protocol: Protocol,
    limit: Duration,
    is_loopback: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Protocol {
    Http1,
    /// HTTP/2 if the server says in the greeting of TLS that it speaks it, else HTTP/1.1.
    Negotiated,
    /// HTTP/2 from the first byte: without TLS there is no greeting.
    Http2,
}

impl Connections {
    /// Connections to this endpoint that are made this way; those of another client if they are
    /// made alike.
    pub(crate) fn of(way: Way, endpoint: &Endpoint, other: Option<&Self>) -> Result<Self, ConfigError> {
        let connections = match other.filter(|other| other.way == way) {
            Some(other) => other.clone(),
            None => Self::new(way)?,
        };
        if endpoint.is_tls() {
            connections.tls.load().map_err(|error| ConfigError::Client(explained(error.to_string())))?;
        }
        Ok(connections)
    }

    fn new(way: Way) -> Result<Self, ConfigError> {
        let tls = Tls::offering(way.protocol.names());
        let client = way.client(&tls).map_err(|error| ConfigError::Client(explained(causes(error))))?;
        let open = match way.protocol {
            Protocol::Http1 => Open::Own(client),
            Protocol::Negotiated | Protocol::Http2 => {
                Open::Shared(Arc::new(Shared::new(way, tls.clone(), client)))
            }
        };
        Ok(Self { way, tls, open })
    }

    /// Sends a request. The answer holds its place on a shared connection until it is dropped,
    /// which ends its stream and leaves the others alone, or is read in one piece.
    pub(crate) fn send(&self, request: Request) -> impl Future<Output = reqwest::Result<Response>> + use<> {
        let (sent, place) = match &self.open {
            Open::Own(client) => (client.execute(request), None),
            Open::Shared(shared) => {
                let place = shared.place();
                (place.client().execute(request), Some(place))
            }
        };
        async move {
            let mut answer = apart(sent).await?;
            if let Some(place) = place {
                answer.extensions_mut().insert(place);
            }
            Ok(answer)
        }
    }

    /// The error of a request that found no answer, for this reason.
    pub(crate) fn failed(&self, reason: String) -> LlmError {
        // What HTTP/1 says is read as the head of an impossible frame.
        if self.way.protocol == Protocol::Http2 && reason.contains("frame with invalid size") {
            let message = "the server does not speak HTTP/2, which over plain http it must: use https, or leave \
                           out the builder's `http2(true)`";
            return LlmError::new(LlmErrorKind::Configuration, message);
        }
        LlmError::new(LlmErrorKind::Connection, explained(reason))
    }
}

impl Protocol {
    /// What is offered in the greeting of TLS, the favourite first. A proxy may be spoken to by TLS
    /// where the server is not.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Http1 => &["http/1.1"],
            Self::Negotiated => &["h2", "http/1.1"],
            Self::Http2 => &["h2"],
        }
    }
}

impl Way {
    /// By HTTP/2 if so it shall be, and within this time.
    pub(crate) fn to(endpoint: &Endpoint, http2: bool, limit: Duration) -> Self {
        let protocol = match (http2, endpoint.is_tls()) {
            (false, _) => Protocol::Http1,
            (true, true) => Protocol::Negotiated,
            (true, false) => Protocol::Http2,
        };
        Self { protocol, limit, is_loopback: endpoint.is_loopback() }
    }

    fn client(self, tls: &Tls) -> reqwest::Result<Client> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls.config())
            .user_agent(concat!("agent-llm/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.limit)
            .tcp_nodelay(true)
            // A redirect would take the key to another host.
            .redirect(redirect::Policy::none());
        // A proxy can't know what is loopback here.
        let client = if self.is_loopback { client.no_proxy() } else { client };
        match self.protocol {
            Protocol::Http1 => client.http1_only(),
            Protocol::Negotiated => multiplexed(client),
            Protocol::Http2 => multiplexed(client).http2_prior_knowledge(),
        }
        .build()
    }
}

fn multiplexed(client: ClientBuilder) -> ClientBuilder {
    /// How many bytes of a reply are taken before they are read: at a round trip of 100 ms, 2.5 MB
    /// a second.
    const WINDOW: u32 = 256 * 1024;
    client
        .http2_initial_stream_window_size(WINDOW)
        // Enough for all, so that replies that nobody reads don't hold up the others.
        .http2_initial_connection_window_size(WINDOW * STREAMS)
        // Else one that was lost without a word would be given all the next requests.
        .http2_keep_alive_interval(Duration::from_secs(30))
        .http2_keep_alive_timeout(Duration::from_secs(20))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn connections(url: &str, http2: bool, limit: Duration, other: Option<&Connections>) -> Connections {
        let endpoint = Endpoint::of(url, true, "").unwrap();
        Connections::of(Way::to(&endpoint, http2, limit), &endpoint, other).unwrap()
    }

    /// Whether a client that is made like this keeps the connections to `url` by HTTP/2.
    fn check(url: &str, (other, http2, limit): (&str, bool, Duration), keeps: bool) {
        let first = connections(url, true, SECOND, None);
        let Open::Shared(of_first) = &first.open else { panic!("{url} shares no connections") };
        let second = connections(other, http2, limit, Some(&first));
        let kept = matches!(&second.open, Open::Shared(shared) if Arc::ptr_eq(shared, of_first));
        assert_eq!(kept, keeps, "{:?} {:?}", first.way, second.way);
    }

    #[test]
    fn clients_that_connect_alike_share_connections() {
        check("https://host", ("https://host", true, SECOND), true);
        check("https://host", ("https://other", true, SECOND), true);
        check("https://host", ("https://host", false, SECOND), false);
        check("https://host", ("http://host", true, SECOND), false);
        check("http://host", ("http://localhost", true, SECOND), false);
        check("http://host", ("http://host", true, 2 * SECOND), false);
    }
}
