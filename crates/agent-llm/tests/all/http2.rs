//! Requests that share connections.

use std::time::Duration;

use agent_llm::{BoxStream, Claude, Delta, Llm, LlmError, LlmErrorKind, Notice, fold};
use agent_mock::{Fault, Mock, Scenario};
use futures::{StreamExt, future::join_all};
use h2::Reason;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    bad_day::{day, plot, settings},
    common::{ask, ask_claude, hi, raw, text},
    h2_server::{Act, Server},
};

/// A request to a server that does this; why it was made again, and how many connections that and
/// the next took.
async fn check(acts: &[Act], reasons: &[&str], connections: usize) {
    let server = Server::start(acts.iter().copied()).await;
    let claude = server.settings().build().unwrap();
    let mut retries = Vec::new();
    let reply = fold(claude.stream(hi()), |delta| match delta {
        Delta::Notice(Notice::Retry { reason, .. }) => retries.push(reason.clone()),
        Delta::Piece { .. } => server.heard.notify_one(),
        _ => {}
    });
    assert_eq!(text(&reply.await.unwrap()), "Hello!", "{acts:?}");
    assert_eq!(retries.len(), reasons.len(), "{acts:?}: {retries:?}");
    for (retry, words) in retries.iter().zip(reasons) {
        assert!(retry.contains(words), "{acts:?}: {words}: {retry}");
    }
    assert_eq!(text(&ask_claude(&claude).await.unwrap()), "Hello!", "{acts:?}");
    assert_eq!(server.connections(), connections, "{acts:?}");
}

#[tokio::test]
async fn streams_and_connections_that_end_badly_are_asked_again() {
    use Act::{Away, Break, Last, Reply, Reset, Shut};
    check(&[Reply, Reply], &[], 1).await;
    // Not begun: asked again at once, and only then as the policy says.
    let refused = Reset(Reason::REFUSED_STREAM);
    check(&[refused, refused], &[], 1).await;
    check(&[refused, refused, refused], &["refused stream"], 1).await;
    check(&[Away], &[], 2).await;
    check(&[Last], &[], 2).await;
    check(&[Reset(Reason::INTERNAL_ERROR)], &["no connection to the model's server"], 1).await;
    check(&[Break(Reason::INTERNAL_ERROR)], &["the reply broke off"], 1).await;
    check(&[Shut(Reason::ENHANCE_YOUR_CALM)], &["no connection to the model's server"], 2).await;
}

#[tokio::test]
async fn many_share_a_connection_and_more_than_a_hundred_open_another() {
    for (count, connections) in [(1, 1), (100, 1), (101, 2), (250, 3)] {
        // None is answered before all have come in.
        let server = Server::with([], count, 0).await;
        let claude = server.settings().max_retries(0).build().unwrap();
        let replies = join_all((0..count).map(|_| ask_claude(&claude))).await;
        assert!(replies.iter().all(Result::is_ok), "{count}: {replies:?}");
        assert_eq!(server.connections(), connections, "{count}");
    }
}

#[tokio::test]
async fn what_the_server_has_no_stream_for_waits_for_one() {
    let server = Server::with([], 10, 10).await;
    let claude = server.settings().max_retries(0).build().unwrap();
    let first = join_all((0..10).map(|_| ask_claude(&claude))).await;
    let rest = join_all((0..50).map(|_| ask_claude(&claude))).await;
    assert!(first.iter().chain(&rest).all(Result::is_ok), "{first:?} {rest:?}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_reply_that_is_dropped_ends_its_stream_and_not_its_connection() {
    let mut server = Server::start([Act::Hold]).await;
    let claude = server.settings().build().unwrap();
    let stream = begun(&claude).await;
    drop(stream);
    assert_eq!(server.given_up.recv().await, Some(Reason::CANCEL));
    assert_eq!(text(&ask_claude(&claude).await.unwrap()), "Hello!");
    assert_eq!(server.connections(), 1);
}

/// A reply, read as far as its first words.
async fn begun(claude: &Claude) -> BoxStream<'_, Result<Delta, LlmError>> {
    let mut stream = claude.stream(hi());
    while !matches!(stream.next().await.unwrap().unwrap(), Delta::Piece { .. }) {}
    stream
}

#[tokio::test]
async fn a_reply_holds_its_place_until_it_is_dropped() {
    let server = Server::start([Act::Hold; 100]).await;
    let claude = server.settings().build().unwrap();
    let held = join_all((0..100).map(|_| begun(&claude))).await;
    for connections in [2, 2] {
        assert_eq!(text(&ask_claude(&claude).await.unwrap()), "Hello!");
        assert_eq!(server.connections(), connections);
    }
    drop(held);
    let replies = join_all((0..100).map(|_| ask_claude(&claude))).await;
    assert!(replies.iter().all(Result::is_ok), "{replies:?}");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn replies_that_nobody_reads_do_not_hold_up_the_others() {
    let server = Server::start([Act::Long; 30]).await;
    let claude = server.settings().first_byte_timeout(Duration::from_secs(10)).build().unwrap();
    let unread = join_all((0..30).map(|_| begun(&claude))).await;
    assert_eq!(text(&ask_claude(&claude).await.unwrap()), "Hello!");
    drop(unread);
}

#[tokio::test]
async fn replies_and_faults_are_the_same_as_over_a_connection_each() {
    // Longer than a good answer takes, on a busy machine too.
    let soon = Duration::from_secs(1);
    let streamed = settings().idle_timeout(soon);
    let unary = settings().streaming(false).total_timeout(soon);
    join_all([streamed, unary].map(async |settings| {
        let faults = [Fault::status(529), Fault::hang_up(), Fault::cut(99)];
        let spoilt = || plot().fault(0, faults.clone()).fault(1, [Fault::silence(99)]);
        let [each, shared] = [false, true].map(|http2| settings.clone().http2(http2).build().unwrap());
        let (one, two) = tokio::join!(day(spoilt(), &each), day(spoilt(), &shared));
        assert_eq!(two.end.as_ref().map(|end| end.text()), Ok("All three are there."));
        assert_eq!(two.conversation.messages(), one.conversation.messages());
        assert_eq!((two.retries().len(), two.withdrawn()), (4, one.withdrawn()));
    }))
    .await;
}

#[tokio::test]
async fn a_refusal_has_its_status() {
    let server = Mock::start(Scenario::new([]).fault(0, [Fault::status(404)])).await.unwrap();
    let error = ask(settings().base_url(server.url()).http2(true)).await.unwrap_err();
    assert_eq!((error.kind, error.status), (LlmErrorKind::NotFound, Some(404)));
}

#[tokio::test]
async fn a_server_that_speaks_no_http2_is_an_error_that_says_so() {
    let url = raw(async |mut connection| {
        connection.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").await.unwrap();
        let _ = connection.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let error = ask(settings().max_retries(0).base_url(url).http2(true)).await.unwrap_err();
    insta::assert_snapshot!(error, @"the model backend is not set up: the server does not speak HTTP/2, which over plain http it must: use https, or leave out the builder's `http2(true)`");
}
