//! The server: it reads bodies without parsing them, and says what was written before.

use std::{collections::HashMap, convert::Infallible, io::Write, sync::Arc, thread, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Request, Response, StatusCode,
    body::{Frame, Incoming},
    header::{ACCEPT, CONTENT_TYPE},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use memchr::memmem;
use program::{Out, println};
use tokio::net::{TcpSocket, TcpStream};

use crate::{
    Done, clock,
    plot::{PLOTS, Plot},
    wire::Wire,
    written::Written,
};

type Body = UnsyncBoxBody<Bytes, Infallible>;
/// The replies of each plot, by the path that they are asked for at.
type Stage = Arc<HashMap<String, (&'static Plot, Vec<Written>)>>;

/// Serves on a free port, which it prints, until its stdin is closed: it does not outlive its driver.
pub(crate) fn run() -> Done {
    thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    clock::allow_files();
    tokio::runtime::Runtime::new()?.block_on(accept(stage().into()))
}

fn stage() -> HashMap<String, (&'static Plot, Vec<Written>)> {
    let all = PLOTS.iter().flat_map(|plot| Wire::ALL.map(|wire| (plot, wire)));
    all.map(|(plot, wire)| (format!("/{}/{}", plot.name, wire.path()), (plot, plot.write(wire)))).collect()
}

async fn accept(stage: Stage) -> Done {
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    // Thousands connect at once; one that finds no place tries again a second later.
    let listener = socket.listen(8192)?;
    println!("http://{}", listener.local_addr()?);
    Out.flush()?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve(stream, stage.clone()));
    }
}

async fn serve(stream: TcpStream, stage: Stage) {
    // Only speed depends on it.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let stage = stage.clone();
        async move { answer(&stage, request).await }
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    // How many requests share a connection is the client's decision: no limit of the server's makes one wait.
    server.http2().max_concurrent_streams(None);
    // An error here is the client going away.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(stage: &Stage, request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let path = request.uri().path().to_owned();
    let streamed = request.headers().get(ACCEPT).is_some_and(|kind| kind == "text/event-stream");
    let body = request.into_body().collect().await?.to_bytes();
    let Some((plot, written)) = stage.get(&path) else {
        return Ok(response(StatusCode::NOT_FOUND, "text/plain", vec![], Duration::ZERO));
    };
    let written = &written[turn(&body).min(plot.turns)];
    if !plot.latency.is_zero() {
        tokio::time::sleep(plot.latency).await;
    }
    Ok(match streamed {
        true => response(StatusCode::OK, "text/event-stream", written.streamed.clone(), plot.per_block),
        false => {
            response(StatusCode::OK, "application/json", vec![vec![written.whole.clone()]], Duration::ZERO)
        }
    })
}

/// Which turn it is: the one after that of the last result, whose id is the last one of a body.
fn turn(body: &[u8]) -> usize {
    const BEFORE: &[u8] = br#"":"toolu_"#;
    let Some(place) = memmem::rfind(body, BEFORE) else { return 0 };
    let digits = body[place + BEFORE.len()..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0')) + 1
}

/// Each group of `parts` but the first comes after a pause.
fn response(status: StatusCode, kind: &str, parts: Vec<Vec<Bytes>>, pause: Duration) -> Response<Body> {
    let groups = stream::iter(parts.into_iter().enumerate()).then(move |(place, part)| async move {
        if place > 0 && !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        stream::iter(part)
    });
    let body = StreamBody::new(groups.flatten().map(|bytes| Ok(Frame::data(bytes))));
    let response = Response::builder().status(status).header(CONTENT_TYPE, kind);
    response.body(body.boxed_unsync()).expect("status and header are valid")
}
