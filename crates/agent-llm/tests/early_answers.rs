//! A server that never comes to its answer. In a process of its own, since it keeps the thread of
//! all connections busy.
#![allow(clippy::unwrap_used)]

use std::{
    io::{Read, Write},
    net::TcpListener,
    time::Duration,
};

use agent_llm::{Claude, Llm, Message, Request, fold};
use tokio::runtime::Builder;

#[tokio::test]
async fn field_85_answers_before_the_answer_without_end_do_not_put_off_a_limit() {
    check().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn field_85_nor_do_they_where_the_runtime_has_one_worker() {
    // The one that runs the test is not a worker.
    tokio::spawn(check()).await.unwrap();
}

#[test]
fn field_85_nor_do_they_where_it_has_two() {
    on_workers(2);
}

#[test]
fn field_85_nor_do_they_where_it_has_four() {
    on_workers(4);
}

/// The worker that the connection keeps busy is not waited for.
fn on_workers(count: usize) {
    let runtime = Builder::new_multi_thread().worker_threads(count).enable_all().build().unwrap();
    let checked = runtime.block_on(runtime.spawn(check()));
    runtime.shutdown_background();
    checked.unwrap();
}

/// What comes before an answer is passed over in one go, so the server has a thread of its own to
/// make it come without a pause, and the client's runtime has only one.
async fn check() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let _ = connection.read(&mut [0; 65_536]).unwrap();
        let early = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(1_000);
        while connection.write_all(early.as_bytes()).is_ok() {}
    });
    let limit = Duration::from_secs(2);
    let claude =
        Claude::builder().key("k").base_url(url).max_retries(0).first_byte_timeout(limit).build().unwrap();
    let asked = fold(claude.stream(Request::new(vec![Message::user("hi")])), |_| ());
    tokio::select! {
        // Whoever holds up the one thread is late for both, and then the first one is taken.
        biased;
        () = tokio::time::sleep(limit * 2) => panic!("the limit was put off"),
        reply = asked => {
            let message = "no byte of a reply within 2s (first byte timeout)";
            assert_eq!(reply.unwrap_err().message, message);
        }
    }
}
