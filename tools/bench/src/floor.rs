//! The floor: the best plain loop on reqwest and tokio, without a framework.

mod api;
mod chat;
mod claude;
mod responses;
mod sse;

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use reqwest::{Client, header, redirect};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use serde_json::Value;

use self::{api::Api, chat::Chat, claude::Claude, responses::Responses};
use crate::{
    Done,
    wire::Wire,
    work::{Input, Work},
};

/// The loop's client, settings and tool. A clone shares connections.
#[derive(Clone)]
pub(crate) struct Floor {
    client: Client,
    wire: Wire,
    url: String,
    streamed: bool,
    work: Work,
    tools: Arc<Value>,
}

impl Floor {
    /// With the settings that the library's own client has.
    pub(crate) fn new(wire: Wire, url: &str, streamed: bool, work: Work) -> Done<Self> {
        // The server is on loopback: who is trusted to be another one is never read.
        let tls = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .connect_timeout(Duration::from_secs(5))
            .tcp_nodelay(true)
            .http1_only()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()?;
        let schema = schemars::schema_for!(Input);
        let tools = match wire {
            Wire::Claude => Claude::tools(schema),
            Wire::Chat => Chat::tools(schema),
            Wire::Responses => Responses::tools(schema),
        };
        Ok(Self { client, wire, url: format!("{url}/{}", wire.path()), streamed, work, tools: tools.into() })
    }

    /// A conversation from the first word to the last.
    pub(crate) async fn converse(&self) -> Done<String> {
        match self.wire {
            Wire::Claude => self.speak::<Claude>().await,
            Wire::Chat => self.speak::<Chat>().await,
            Wire::Responses => self.speak::<Responses>().await,
        }
    }

    async fn speak<A: Api>(&self) -> Done<String> {
        let mut history = A::begin("Do the work.");
        loop {
            let reply = self.ask::<A>(&history).await?;
            let calls = A::calls(&reply);
            if calls.is_empty() {
                return Ok(A::words(reply));
            }
            let results = join_all(calls.into_iter().map(|(id, input)| self.call(id, input))).await;
            A::record(&mut history, reply, results);
        }
    }

    async fn ask<A: Api>(&self, history: &[A::Item]) -> Done<A::Reply> {
        let body = serde_json::to_vec(&A::body(self.streamed, &self.tools, history))?;
        let accept = if self.streamed { "text/event-stream" } else { "application/json" };
        let mut request = self
            .client
            .post(&self.url)
            .header(header::ACCEPT, accept)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body);
        for (name, value) in A::HEADERS {
            request = request.header(*name, *value);
        }
        let answer = request.send().await?.error_for_status()?;
        if !self.streamed {
            return Ok(serde_json::from_slice(&answer.bytes().await?)?);
        }
        let mut reply = A::Reply::default();
        sse::read(answer, |event| A::take_in(event, &mut reply)).await?;
        if A::is_whole(&reply) { Ok(reply) } else { Err("the stream broke off".into()) }
    }

    async fn call(&self, id: String, input: serde_json::Result<Input>) -> (String, String) {
        match input {
            Ok(input) => (id, self.work.call(input).await),
            Err(error) => (id, error.to_string()),
        }
    }
}
