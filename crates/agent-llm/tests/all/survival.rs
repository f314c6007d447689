//! Runs that go on whatever the server does, over sockets.

use std::{collections::BTreeSet, time::Duration};

use agent_core::{Block, Event, EventKind, Usage, script::Reply};
use agent_llm::{Claude, Llm, Message, Request, fold};
use agent_mock::{Answer, Fault, Mock, Scenario};
use futures::future::join_all;
use serde_json::json;

use crate::bad_day::{Day, SHOWN, ask, client, day, plot, settings};
use crate::common::hi;

/// Longer than a good answer takes, on a busy machine too.
const SOON: Duration = Duration::from_millis(300);
const NEVER: Duration = Duration::from_secs(3600);

/// The server does this to the first attempts at a turn, be it the first or the second: the run is
/// as if it had not. The attempts fail for reasons with these words, and what was shown is
/// withdrawn so many times.
async fn check(
    faults: impl Into<Vec<Fault>>,
    claude: &Claude,
    reasons: impl Into<Vec<&'static str>>,
    withdrawn: usize,
) {
    let (faults, reasons) = (faults.into(), reasons.into());
    let good = day(plot(), claude).await;
    for turn in [0, 1] {
        let bad = day(plot().fault(turn, faults.clone()), claude).await;
        let what = format!("{faults:?} at turn {turn}");
        survived(&bad, &what);
        failed(&bad, &reasons, withdrawn, &what);
        assert_eq!(bad.conversation.messages(), good.conversation.messages(), "{what}");
    }
}

/// It ended with the right answer, each tool ran once, and nothing is shown twice. Whether the
/// history is valid the server says: it refuses what the API refuses.
fn survived(day: &Day, what: &str) {
    assert_eq!(day.end.as_ref().map(|end| end.text()), Ok("All three are there."), "{what}");
    let looks: Vec<(&str, usize)> = day.looks.iter().map(|(place, count)| (place.as_str(), *count)).collect();
    assert_eq!(looks, [("the first", 1), ("the second", 1), ("the third place of all", 1)], "{what}");
    assert_eq!(day.shown(), SHOWN, "{what}");
    assert_eq!(day.asked, 2 + day.retries().len(), "{what}: one request a turn and one a retry");
}

/// On a machine that stood still for a while there may be a retry more, and so a text withdrawn
/// more.
fn failed(day: &Day, reasons: &[&str], withdrawn: usize, what: &str) {
    let retries = day.retries();
    let mut said = retries.iter();
    for words in reasons {
        assert!(said.any(|(reason, _)| reason.contains(words)), "{what}: {words}: {retries:?}");
    }
    let more = retries.len() - reasons.len();
    assert!((withdrawn..=withdrawn + more).contains(&day.withdrawn()), "{what}: {} times", day.withdrawn());
}

#[tokio::test]
async fn fault_37_html_from_a_proxy_and_other_answers_that_are_no_replies_are_survived() {
    let claude = &client();
    let html = Answer::new(502).header("content-type", "text/html").body("<html>Bad gateway</html>");
    let portal = Answer::new(200).header("content-type", "text/html").body("<html>Sign in</html>");
    let other = Answer::new(500).header("content-type", "application/json").body(r#"{"detail":["oh"]}"#);
    let busy =
        "the model's server is overloaded: Overloaded (status 529, overloaded_error, request req_mock_";
    let empty = "an empty body (no content type) (status 503";
    for (answers, reasons) in [
        (vec![Answer::new(529); 3], vec![busy; 3]),
        (vec![html.clone()], vec!["text/html: <html>Bad gateway</html> (status 502"]),
        (vec![portal], vec!["the reply can't be read: expected text/event-stream, got text/html"]),
        (vec![other], vec![r#"application/json: {"detail":["oh"]} (status 500"#]),
        (vec![Answer::new(503).body("")], vec![empty]),
        (vec![Answer::new(429).header("retry-after-ms", "2")], vec!["too many requests"]),
        (vec![Answer::new(529), Answer::new(408), html], vec!["overloaded", "status 408", "text/html"]),
    ] {
        let faults: Vec<Fault> = answers.into_iter().map(Fault::answer).collect();
        check(faults, claude, reasons, 0).await;
    }
}

#[tokio::test]
async fn hang_ups_are_survived() {
    let claude = &client();
    check([Fault::hang_up(), Fault::hang_up()], claude, ["no connection to the model's server"; 2], 0).await;
}

#[tokio::test]
async fn fault_27_a_stream_that_is_cut_anywhere_is_survived() {
    let claude = &client();
    let why = "the reply broke off";
    check([Fault::cut(0), Fault::end(0)], claude, [why, why], 0).await;
    check([Fault::cut("message_start")], claude, [why], 0).await;
    check([Fault::cut("text_delta"), Fault::end("content_block_stop")], claude, [why, why], 2).await;
    let ends = [Fault::end("event: message_stop"), Fault::cut("event: message_stop")];
    check(ends, claude, [why, why], 2).await;
    // Shorter than either reply.
    let places: Vec<usize> = (1..1000).step_by(83).collect();
    join_all(places.into_iter().map(async |at| {
        let day = day(plot().fault(0, [Fault::cut(at)]).fault(1, [Fault::cut(at)]), claude).await;
        survived(&day, &format!("cut at {at}"));
        assert_eq!(day.retries().len(), 2, "cut at {at}");
    }))
    .await;
}

#[tokio::test]
async fn fault_23_a_cut_in_the_third_tool_use_withdraws_what_was_shown_and_no_tool_runs_twice() {
    let claude = &client();
    for fault in [
        Fault::cut("the third"),
        Fault::end("the third"),
        Fault::error_event("the third", "overloaded_error", "Overloaded"),
    ] {
        let day = day(plot().fault(0, [fault.clone(), fault.clone()]), claude).await;
        survived(&day, &format!("{fault:?}"));
        assert_eq!((day.retries().len(), day.withdrawn()), (2, 2), "{fault:?}");
    }
}

#[tokio::test]
async fn events_that_do_not_belong_in_a_stream_are_survived() {
    let claude = &client();
    let error = |at| Fault::error_event(at, "overloaded_error", "Overloaded");
    let overloaded = "the model's server is overloaded: Overloaded (overloaded_error";
    check([error("message_start"), error("text_delta")], claude, [overloaded; 2], 2).await;
    check([Fault::error_event(0, "api_error", "Oh")], claude, ["failed: Oh (api_error"], 0).await;
    let broken = |name: &str| Fault::event("text_delta", name, r#"{"type":"#);
    check([broken("content_block_delta")], claude, ["the reply can't be read"], 1).await;
    // Events that can be read, and make no reply: the beginning of a block was lost, or is not one.
    let piece =
        r#"{"type":"content_block_delta","index":9,"delta":{"type":"input_json_delta","partial_json":"{"}}"#;
    let lost = Fault::event("text_delta", "content_block_delta", piece);
    let call = r#"{"type":"content_block_start","index":9,"content_block":{"type":"tool_use"}}"#;
    let nameless = Fault::event("text_delta", "content_block_start", call);
    check([lost, nameless], claude, ["block 9, which never began", "missing field `name`"], 2).await;
    // What nobody knows, and what nobody reads.
    let unknown = Fault::event("text_delta", "weather", r#"{"type":"weather","index":"cloudy"}"#);
    check([unknown], claude, [], 0).await;
    check([broken("ping")], claude, [], 0).await;
}

#[tokio::test]
async fn fault_39_pings_past_the_content_limit_are_survived() {
    let every = Duration::from_millis(1);
    let why = "signs of life but nothing of the reply within 300ms (content timeout)";
    let claude = &settings().content_timeout(SOON).build().unwrap();
    tokio::join!(
        check([Fault::pings(0, every)], claude, [why], 0),
        check([Fault::pings("text_delta", every)], claude, [why], 1),
    );
}

#[tokio::test]
async fn fault_24_silence_is_survived() {
    let first = "no byte of a reply within 300ms (first byte timeout)";
    let idle = "nothing more of the reply within 300ms (idle timeout)";
    let hasty = &settings().first_byte_timeout(SOON).build().unwrap();
    let restless = &settings().idle_timeout(SOON).build().unwrap();
    tokio::join!(
        check([Fault::slow_head(NEVER)], hasty, [first], 0),
        check([Fault::slow_body(NEVER)], hasty, [first], 0),
        check([Fault::silence(0)], hasty, [first], 0),
        check([Fault::silence(20)], restless, [idle], 0),
        check([Fault::silence("text_delta")], restless, [idle], 1),
    );
}

#[tokio::test]
async fn fault_25_a_drip_of_bytes_cut_also_inside_characters_needs_no_retry() {
    let claude = &client();
    let pause = Duration::from_millis(2);
    tokio::join!(
        check([Fault::slow_head(pause)], claude, [], 0),
        check([Fault::slow_body(pause)], claude, [], 0),
        check([Fault::drip(1, Duration::ZERO)], claude, [], 0),
        check([Fault::drip(50, pause)], claude, [], 0),
    );
}

#[tokio::test]
async fn a_reply_that_is_not_streamed_is_asked_for_again_too() {
    let claude = &settings().streaming(false).total_timeout(SOON).build().unwrap();
    tokio::join!(
        check([Fault::cut(0), Fault::cut(99)], claude, ["the reply broke off"; 2], 0),
        check([Fault::end(99)], claude, ["the reply can't be read: expected a message"], 0),
        check([Fault::silence(99)], claude, ["no whole reply within 300ms (total timeout)"], 0),
        check([Fault::drip(99, Duration::ZERO)], claude, [], 0),
    );
}

#[tokio::test]
async fn fault_11_ids_that_come_twice_blank_text_and_input_that_is_no_json_are_survived() {
    let claude = &client();
    let look = |place: &str| Block::tool_use("0", "look", json!({"at": place}));
    let again = Reply::text(" ").and_block(look("the second"));
    let last = Reply::text("").and_block(look("the third place of all")).and_block(Block::text("\n"));
    let broken = Reply::call("look", json!({"INVALID_JSON": "{\"at\": \"the fi"}));
    let replies = [broken, Reply::default().and_block(look("the first")), again, last];
    let answer = Reply::text("All three are there.");
    let day = day(Scenario::new(replies.into_iter().chain([answer])), claude).await;
    assert_eq!(day.end.as_ref().map(|end| end.text()), Ok("All three are there."));
    let calls = day.conversation.messages().iter().flat_map(|message| message.tool_calls());
    let ids: BTreeSet<&str> = calls.map(|call| call.id.as_str()).collect();
    assert_eq!((ids.len(), day.looks.len(), day.looks.values().sum::<usize>()), (4, 3, 3), "{ids:?}");
    assert_eq!((day.asked, day.retries().len()), (5, 0));
    let replaced = |event: &&Event| matches!(event.kind, EventKind::IdReplaced { .. });
    assert_eq!(day.events.iter().filter(replaced).count(), 2, "of three calls, the first keeps its id");
    assert!(day.conversation.to_string().contains("EOF while parsing a string"), "{}", day.conversation);
}

#[tokio::test]
async fn fault_40_a_history_that_was_refused_is_not_sent_again_when_the_mended_one_fails_for_a_while() {
    let plot = Scenario::new([Reply::text("Fine.")]).fault(0, [Fault::status(529), Fault::cut("text_delta")]);
    let server = Mock::start(plot).await.unwrap();
    let claude = settings().base_url(server.url()).build().unwrap();
    let call = Message::assistant(vec![Block::tool_use("a", "look", json!({}))]);
    let orphaned = Request::new(vec![Message::user("Go."), call, Message::user("And?")]);
    let reply = fold(claude.stream(orphaned), |_| ()).await.unwrap();
    assert_eq!(reply.content[0].as_text(), Some("Fine."));
    let asked: Vec<bool> =
        server.requests().iter().map(|request| request.text.contains("tool_use")).collect();
    assert_eq!(asked, [true, false, false, false], "as it was, then as it was mended");
}

/// All are sent away at once and told to come back after 2 s.
#[tokio::test]
async fn fault_29_a_crowd_that_is_told_to_wait_comes_back_one_by_one() {
    const CROWD: usize = 32;
    let wait = Duration::from_secs(2);
    let full = Answer::new(429).header("retry-after", "2");
    let claude = &client();
    let server = Mock::start(plot().fault(0, [Fault::answer(full)])).await.unwrap();
    let days = (0..CROWD).map(|number| ask(&server, claude, format!("I am number {number}.")));
    let days = join_all(days).await;
    for day in &days {
        assert_eq!(day.end.as_ref().map(|end| end.text()), Ok("All three are there."));
        assert_eq!((day.shown(), day.retries().len()), (SHOWN.map(str::to_owned).to_vec(), 1));
    }
    assert_eq!(server.count(), CROWD * 3, "a request a turn, and one that was refused");
    let waits: Vec<Duration> = days.iter().flat_map(Day::retries).map(|(_, wait)| wait).collect();
    let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
    assert!(*least >= wait && *most <= wait.mul_f64(1.25), "{waits:?}");
    let places: BTreeSet<u128> = waits.iter().map(Duration::as_millis).collect();
    assert!(places.len() > CROWD / 2, "they come back one by one: {places:?}");
}

#[tokio::test]
async fn field_53_attempts_that_broke_off_are_counted_over_sockets() {
    let reply = || Reply::text("Two to the power of ten.").usage(Usage::new(300, 20));
    for (faults, read) in
        [(vec![], 300), (vec![Fault::cut("power")], 600), (vec![Fault::cut("power"); 2], 900)]
    {
        let server = Mock::start(Scenario::new([reply()]).fault(0, faults)).await.unwrap();
        let reply =
            fold(settings().base_url(server.url()).build().unwrap().stream(hi()), |_| ()).await.unwrap();
        assert_eq!((reply.usage.input_tokens, reply.usage.broken_off.input_tokens), (read, read - 300));
    }
    // No attempt is left.
    let server = Mock::start(Scenario::new([reply()]).fault(0, vec![Fault::cut("power"); 2])).await.unwrap();
    let client = settings().base_url(server.url()).max_retries(1).build().unwrap();
    let usage = fold(client.stream(hi()), |_| ()).await.unwrap_err().usage();
    assert_eq!((usage.input_tokens, usage.broken_off.input_tokens), (600, 600));
}
