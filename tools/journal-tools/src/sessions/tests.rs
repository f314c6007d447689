#![allow(clippy::unwrap_used)]

use std::{future::Future, sync::LazyLock};

use agent_core::{
    Agent, Conversation, Team,
    script::{Reply, Script},
};
use agent_tools::FnTool;
use clap::Parser;
use insta::assert_snapshot;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use drill::{TASK, Ways, team};

#[derive(Deserialize, JsonSchema)]
struct Payment {
    to: String,
}

/// A team whose calls a person approves first: one for each who is named. It is not known on the command line.
fn clerk() -> Team {
    let pay = FnTool::new("pay", "Pays somebody.", |payment: Payment| {
        Ok::<_, String>(format!("paid {}", payment.to))
    });
    let model = Script::by(|request| match request.messages.len() {
        1 => {
            let named = ["Ada", "Bob"].into_iter().filter(|name| request.messages[0].text().contains(name));
            named.fold(Reply::default(), |reply, name| reply.and_call("pay", json!({"to": name})))
        }
        _ => Reply::text("All is paid."),
    });
    Team::new([Agent::builder("clerk", model).tool(pay.needs_approval()).build().unwrap()]).unwrap()
}

#[derive(Parser)]
#[command(name = "sessions")]
struct Line {
    #[command(flatten)]
    asked: Sessions,
}

/// A folder with a journal in it.
struct Place {
    _folder: TempDir,
    file: String,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("runs.journal").to_str().unwrap().to_owned();
        Self { _folder: folder, file }
    }

    /// One with a session of the clerk's, of which two calls wait, and one of the drill's team that has come to its end.
    fn with_sessions() -> Self {
        let place = Self::new();
        place.go_on(clerk(), Conversation::start("clerk", "Pay Ada and Bob.").with_id("bills"));
        let trip =
            team(&Ways { repeatable: true, in_background: false, takes_time: false, log: None }).unwrap();
        place.go_on(trip, Conversation::start("lead", TASK).with_id("trip"));
        place
    }

    /// Runs, or goes on with, a session; nobody drives it any more after that.
    fn go_on(&self, team: Team, mut conversation: Conversation) {
        let journal = Journal::open(&self.file).unwrap();
        let host = block_on(journal.host(team, &mut conversation)).unwrap();
        block_on(host.run(&mut conversation)).unwrap();
        drop(host);
        written(&journal);
    }

    /// What is printed, or what went wrong; without what is another each time.
    fn say(&self, what: &[&str]) -> String {
        self.say_given(what, "")
    }

    fn say_given(&self, what: &[&str], given: &str) -> String {
        let mut out = Vec::new();
        let words = ["sessions", &self.file].into_iter().chain(what.iter().copied());
        let done = Line::try_parse_from(words).map_err(|wrong| wrong.render().to_string().into());
        let done = done.and_then(|line| run(line.asked, &mut given.as_bytes(), &mut out));
        let mut text = String::from_utf8(out).unwrap();
        if let Err(error) = done {
            text += &format!("error: {error}\n");
        }
        self.plain(&text)
    }

    fn plain(&self, text: &str) -> String {
        let text = text.replace(&self.file, "FILE");
        // Only where a process is meant: a short id is also found in a time or in an id.
        let text = text.replace(&format!("process {}", std::process::id()), "process PID");
        // No test takes ten seconds.
        (0..10).fold(text, |text, ago| text.replace(&format!(" {ago} s ago"), " N s ago"))
    }
}

/// Waits until all that was sent is written.
fn written(journal: &Journal) {
    block_on(journal.delete("no such session")).unwrap_err();
}

/// The runtime stays: what a host has begun goes on in it.
fn block_on<F: Future>(future: F) -> F::Output {
    static RUNTIME: LazyLock<tokio::runtime::Runtime> =
        LazyLock::new(|| tokio::runtime::Runtime::new().unwrap());
    RUNTIME.block_on(future)
}

#[test]
fn sessions_are_listed_and_shown() {
    let place = Place::with_sessions();
    assert_snapshot!(place.say(&["list"]), @r#"
    session                  agent            last change  turns    tokens  state
    bills                    clerk            N s ago          1         0  waits for a person: bills/call_0_0 (May "pay" be called with {"to":"Ada"}?), bills/call_0_1 (May "pay" be called with {"to":"Bob"}?)
    trip                     booking          N s ago          4         0  answered
    "#);
    assert_eq!(place.say(&[]), place.say(&["list"]));
    assert_snapshot!(place.say(&["show", "bills"]), @r#"
    user: Pay Ada and Bob.
      > call_0_0 pay {"to":"Ada"}
      > call_0_1 pay {"to":"Bob"}
    (call_0_0 waits for a person: May "pay" be called with {"to":"Ada"}?)
    (call_0_1 waits for a person: May "pay" be called with {"to":"Bob"}?)
    "#);
    assert_snapshot!(place.say(&["tail", "bills"]).lines().last().unwrap(), @r#"-- waits for a person: bills/call_0_0 (May "pay" be called with {"to":"Ada"}?), bills/call_0_1 (May "pay" be called with {"to":"Bob"}?)"#);
    let mut conversation = Conversation::start("clerk", "Pay Ada and Bob.").with_id("later");
    let _host = block_on(Journal::open(&place.file).unwrap().host(clerk(), &mut conversation)).unwrap();
    assert_snapshot!(place.say(&["list"]), @r#"
    session                  agent            last change  turns    tokens  state
    bills                    clerk            N s ago          1         0  waits for a person: bills/call_0_0 (May "pay" be called with {"to":"Ada"}?), bills/call_0_1 (May "pay" be called with {"to":"Bob"}?)
    trip                     booking          N s ago          4         0  answered
    later                    clerk            N s ago          0         0  unfinished, run by process PID
    "#);
}

#[test]
fn field_78_nothing_in_a_list_of_sessions_obeys_or_forges() {
    let place = Place::new();
    let pay = FnTool::new("pay", "Pays somebody.", |payment: Payment| Ok::<_, String>(payment.to));
    let odd = "Ada\r\nforged   row\u{1b}[2J\u{202e}";
    let model = Script::new([Reply::call("pay", json!({"to": odd}))]);
    let pay = agent_tools::NeedsApproval::new(pay).question(move |input| format!("{} {odd}", input.text()));
    let team = Team::new([Agent::builder("clerk", model).tool(pay).build().unwrap()]).unwrap();
    place.go_on(team, Conversation::start("clerk", odd).with_id("bills"));
    for what in ["list", "show", "tail"] {
        let said = place.say(&[what, "bills"][..if what == "list" { 1 } else { 2 }]);
        assert!(
            said.contains(r"\u{202e}") && !said.contains(['\u{202e}', '\u{1b}', '\r']),
            "{what}: {said:?}"
        );
        assert!(!said.lines().any(|line| line.starts_with("forged")), "{what}: {said:?}");
    }
}

#[test]
fn field_76_calls_are_approved_and_denied_by_the_words_of_the_api() {
    let place = Place::with_sessions();
    assert_eq!(place.say(&["approve", "bills/call_0_0"]), "");
    // Its other name.
    assert_snapshot!(place.say(&["allow", "bills/call_0_0"]), @r#"error: no call "bills/call_0_0" waits for a person: `list` shows the keys"#);
    assert_eq!(place.say(&["deny", "bills/call_0_1", "not Bob"]), "");
    assert_snapshot!(place.say(&["list"]), @r"
    session                  agent            last change  turns    tokens  state
    bills                    clerk            N s ago          1         0  unfinished
    trip                     booking          N s ago          4         0  answered
    ");
    assert_snapshot!(place.say(&["resume", "bills"]), @r#"error: agent "clerk" is not known here: continue "bills" in the program that has this agent, with Journal::host"#);
    place.go_on(clerk(), Conversation::start("clerk", "Pay Ada and Bob.").with_id("bills"));
    assert_snapshot!(place.say(&["show", "bills"]), @r#"
    user: Pay Ada and Bob.
      > call_0_0 pay {"to":"Ada"}
      > call_0_1 pay {"to":"Bob"}
      < call_0_0 = paid Ada
      < call_0_1 failed: denied: not Bob
    clerk: All is paid.
    "#);
}

#[test]
fn sessions_are_forked_and_the_fork_is_gone_on_with() {
    let place = Place::with_sessions();
    assert_eq!(place.say(&["fork", "trip", "copy"]), "");
    assert_eq!(place.say(&["fork", "trip", "back", "2"]), "");
    assert_snapshot!(place.say(&["fork", "trip", "back", "3"]), @r#"error: there is a session "back" in the journal already: choose another id, or delete that session"#);
    assert_snapshot!(place.say(&["fork", "trip", "far", "30"]), @r#"error: session "trip" has 4 turns, so it can't be forked after turn 30"#);
    assert_snapshot!(place.say(&["list"]), @r#"
    session                  agent            last change  turns    tokens  state
    bills                    clerk            N s ago          1         0  waits for a person: bills/call_0_0 (May "pay" be called with {"to":"Ada"}?), bills/call_0_1 (May "pay" be called with {"to":"Bob"}?)
    trip                     booking          N s ago          4         0  answered
    copy                     booking          N s ago          4         0  answered
    back                     lead             N s ago          2         0  unfinished
    "#);
    let resumed = place.say(&["resume", "back"]);
    let (told, transcript) = resumed.split_once("user: ").unwrap();
    // Without the time, and the order that comes from it.
    let mut told: Vec<&str> = told.lines().map(|line| line[10..].trim()).collect();
    told.sort_unstable();
    assert_snapshot!(told.join("\n"), @r#"
    booking: < book = book: a hotel
    booking: < book = book: a train
    booking: > book {"what":"a hotel"}
    booking: > book {"what":"a train"}
    booking: answers: All is booked.
    booking: takes over from lead
    lead: < handoff = Transferred to booking.
    "#);
    assert_eq!(format!("user: {transcript}"), place.say(&["show", "trip"]));
    assert_eq!(place.say(&["show", "back"]), place.say(&["show", "trip"]));
}

#[test]
fn sessions_are_exported_and_imported_and_deleted() {
    let (place, other) = (Place::with_sessions(), Place::new());
    let json = place.say(&["export", "bills"]);
    assert!(json.starts_with(r#"{"journal":1,"id":"bills","entries":[{"path":"","at":"#), "{json}");
    assert_eq!(other.say_given(&["import"], &json), "bills\n");
    assert_eq!(other.say_given(&["import", "more"], &json), "more\n");
    assert_snapshot!(other.say_given(&["import"], &json), @r#"error: there is a session "bills" in the journal already: choose another id, or delete that session"#);
    assert_snapshot!(other.say_given(&["import"], "{}"), @"error: not an exported session: missing field `journal` at line 1 column 2");
    assert_eq!(other.say(&["show", "more"]), place.say(&["show", "bills"]));
    assert_eq!(other.say(&["export", "bills"]), json);
    assert_eq!(other.say(&["delete", "bills"]), "");
    assert_snapshot!(other.say(&["delete", "bills"]), @r#"error: there is no session "bills" in the journal"#);
    assert_snapshot!(other.say(&["list"]), @r#"
    session                  agent            last change  turns    tokens  state
    more                     clerk            N s ago          1         0  waits for a person: more/call_0_0 (May "pay" be called with {"to":"Ada"}?), more/call_0_1 (May "pay" be called with {"to":"Bob"}?)
    "#);
}

/// What each of them says.
fn all(place: &Place, what: &[&[&str]]) -> String {
    what.iter().map(|what| format!("{}: {}", what.join(" "), place.say(what))).collect()
}

#[test]
fn what_is_not_there_is_named() {
    let what: [&[&str]; 8] = [
        &["show", "x"],
        &["tail", "x"],
        &["export", "x"],
        &["resume", "x"],
        &["fork", "x", "y"],
        &["delete", "x"],
        &["approve", "x/1"],
        &["deny", "x", "no"],
    ];
    assert_snapshot!(all(&Place::with_sessions(), &what), @r#"
    show x: error: there is no session "x" in the journal
    tail x: error: there is no session "x" in the journal
    export x: error: there is no session "x" in the journal
    resume x: error: there is no session "x" in the journal
    fork x y: error: there is no session "x" in the journal
    delete x: error: there is no session "x" in the journal
    approve x/1: error: no call "x/1" waits for a person: `list` shows the keys
    deny x no: error: no call "x" waits for a person: `list` shows the keys
    "#);
    let nowhere = Place::new();
    assert_snapshot!(all(&nowhere, &what), @r#"
    show x: error: FILE can't be opened: there is no such file
    tail x: error: FILE can't be opened: there is no such file
    export x: error: FILE can't be opened: there is no such file
    resume x: error: there is no file FILE
    fork x y: error: there is no file FILE
    delete x: error: there is no file FILE
    approve x/1: error: there is no file FILE
    deny x no: error: there is no file FILE
    "#);
    assert_snapshot!(all(&nowhere, &[&["list"]]), @"list: error: FILE can't be opened: there is no such file");
    assert!(!Path::new(&nowhere.file).exists(), "a name that was mistyped begins no journal");
}

#[test]
fn tail_says_what_it_waits_for_and_ends_when_the_run_has_and_nobody_drives_it() {
    let place = Place::new();
    let mut conversation = Conversation::start("clerk", "Pay Ada.").with_id("bills");
    let journal = Journal::open(&place.file).unwrap();
    let mut host = Some(block_on(journal.host(clerk(), &mut conversation)).unwrap());
    // What happens between one look and the next.
    let (mut looked, mut out) = (0, Vec::new());
    let happen = || {
        looked += 1;
        assert!(looked < 10, "it does not end");
        match looked {
            2 => host = None,
            4 => place.go_on(clerk(), conversation.clone()),
            _ => {}
        }
        written(&journal);
    };
    tail::tail(&Journal::read(&place.file).unwrap(), "bills", &mut out, happen).unwrap();
    assert_eq!(looked, 4);
    assert_snapshot!(place.plain(&String::from_utf8(out).unwrap()), @r#"
    bills became
    -- process PID runs it: waiting for new entries
    -- it has not ended, and no program runs it: waiting for one that continues it
    bills answered
    bills recorded call_0_0
    -- waits for a person: bills/call_0_0 (May "pay" be called with {"to":"Ada"}?)
    "#);
}

#[test]
fn tail_ends_when_the_session_is_deleted() {
    let place = Place::new();
    let mut conversation = Conversation::start("clerk", "Pay Ada.").with_id("bills");
    let journal = Journal::open(&place.file).unwrap();
    drop(block_on(journal.host(clerk(), &mut conversation)).unwrap());
    written(&journal);
    let mut out = Vec::new();
    let delete = || block_on(journal.delete("bills")).unwrap();
    tail::tail(&Journal::read(&place.file).unwrap(), "bills", &mut out, delete).unwrap();
    assert_snapshot!(String::from_utf8(out).unwrap(), @r"
    bills became
    -- it has not ended, and no program runs it: waiting for one that continues it
    -- it was deleted
    ");
}

/// A journal with a session whose events are kept.
fn with_events() -> Place {
    let place = Place::new();
    let journal = Journal::open(&place.file).unwrap();
    let mut conversation = Conversation::start("clerk", "Pay Ada.").with_id("bills");
    let host = block_on(journal.host(clerk(), &mut conversation)).unwrap().keep_events();
    block_on(host.run(&mut conversation)).unwrap();
    place
}

#[test]
fn the_timeline_of_a_session_is_a_page() {
    let place = with_events();
    let page = place.say(&["page", "bills"]);
    assert!(page.starts_with("<!doctype html>") && page.contains("clerk"), "{page}");
    let none = Place::with_sessions().say(&["page", "trip"]);
    assert_snapshot!(none, @r#"error: no events of session "trip" are kept: the program that runs it keeps them with JournalHost::keep_events
    "#);
    assert!(place.say(&["page", "none"]).starts_with("error: there is no session \"none\""));
}

/// Gets what is written, line by line.
struct Lines(std::sync::mpsc::Sender<String>);

impl Write for Lines {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        let _ = self.0.send(String::from_utf8_lossy(text).into_owned());
        Ok(text.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_sessions_of_a_journal_are_served_to_who_has_the_token() {
    let place = with_events();
    let (sender, lines) = std::sync::mpsc::channel();
    let journal = Journal::open(&place.file).unwrap();
    thread::spawn(move || {
        block_on(serve::serve(journal, 0, &mut Lines(sender))).map_err(|error| error.to_string())
    });
    let mut url = String::new();
    while !url.contains('\n') {
        url += &lines.recv_timeout(Duration::from_secs(60)).unwrap();
    }
    let rest = url.trim().strip_prefix("http://").unwrap();
    let (address, token) = rest.split_once("/?token=").unwrap();
    let ask = |head: &str| {
        let mut connection = std::net::TcpStream::connect(address).unwrap();
        write!(connection, "GET /sessions HTTP/1.0\r\nhost: {address}\r\n{head}\r\n").unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    };
    let answer = ask(&format!("authorization: Bearer {token}\r\n"));
    assert!(answer.contains(" 200 OK") && answer.contains(r#""id":"bills""#), "{answer}");
    assert!(!ask("").contains("bills"));

    // The port is taken.
    let port = address.rsplit_once(':').unwrap().1;
    let taken = place.say(&["serve", "--port", port]);
    assert_eq!(taken, format!("error: port {port} is in use: choose another one with --port\n"));
}
