//! Listing, forking, exporting, importing and deleting sessions.

use agent_core::{Conversation, conversation::SessionIdError, host::drive, script::Reply};
use agent_journal::{Journal, JournalError, Session};
use insta::assert_snapshot;
use serde_json::json;

use crate::common::{Place, calls, team};

fn says(agent: &str, turn: usize) -> Reply {
    match (agent, turn) {
        ("main", 0) => calls([("act", json!({"say": "a"})), ("act", json!({"to": "expert"}))]),
        ("expert", 0) => calls([("act", json!({"say": "b"}))]),
        ("expert", _) => Reply::text("Expertly done."),
        (_, turn) => Reply::text(format!("Answer {turn}.")),
    }
}

/// Says something in the session and runs it to its end.
async fn say(journal: &Journal, id: &str, words: &str) -> Conversation {
    let mut conversation = match journal.conversation(id) {
        Ok(conversation) => conversation,
        Err(_) => Conversation::new("main").with_id(id),
    };
    conversation.say(words);
    let host = journal.host(team(&["main", "expert"], says).0, &mut conversation).await.unwrap();
    drive(&mut conversation, &host).await.unwrap();
    conversation
}

fn line(session: Session) -> String {
    let Session { id, agent, turns, end, driven_by, .. } = session;
    format!("{id}: {agent}, {turns} turns, {end:?}, driven: {}", driven_by.is_some())
}

#[tokio::test]
async fn sessions_are_listed_with_how_far_they_have_come() {
    let place = Place::new();
    let journal = place.open();
    say(&journal, "one", "Go.").await;
    say(&journal, "one", "Go on.").await;
    let mut conversation = Conversation::start("main", "Later.").with_id("two-2");
    let host = journal.host(team(&["main", "expert"], says).0, &mut conversation).await.unwrap();
    let sessions = Journal::read(&place.path).unwrap().sessions().unwrap();
    let sessions: Vec<Session> = sessions.into_iter().map(Result::unwrap).collect();
    assert!(sessions.iter().all(|session| session.changed.elapsed().unwrap().as_secs() < 60));
    drop(host);
    let lines: Vec<String> = sessions.into_iter().map(line).collect();
    assert_snapshot!(lines.join("\n"), @r#"
    one: main, 3 turns, Some(Answered("Answer 2.")), driven: false
    two-2: main, 0 turns, None, driven: true
    "#);
}

#[tokio::test]
async fn a_list_reads_only_sessions_that_have_changed() {
    let place = Place::new();
    for id in ["one", "two"] {
        say(&place.open(), id, "Go.").await;
    }
    let lines = |journal: &Journal| -> Vec<String> {
        journal
            .sessions()
            .unwrap()
            .into_iter()
            .map(|session| session.map_or_else(|error| error.to_string(), line))
            .collect()
    };
    // Dropping it waits until everything is written.
    let before = lines(&place.open());
    assert_eq!(before, lines(&place.open()));
    // If the entries were read, that would be an error.
    place.sql("UPDATE entries SET body = '{' WHERE session = 1");
    assert_eq!(lines(&place.open()), before);
    assert_eq!(lines(&Journal::read(&place.path).unwrap()), before);

    say(&place.open(), "two", "Go on.").await;
    let after = lines(&place.open());
    assert_eq!(after[0], before[0]);
    assert_eq!(after[1], "two: main, 3 turns, Some(Answered(\"Answer 2.\")), driven: false");
    // A new entry makes a summary worthless.
    place.sql("INSERT INTO entries (session, path, kind, body, at) VALUES (1, '', 'returned', '{}', 0)");
    assert!(lines(&place.open())[0].contains("entry 1"), "{:?}", lines(&place.open()));
}

#[tokio::test]
async fn a_session_is_forked_at_any_of_its_turns() {
    let (place, mut forks) = (Place::new(), Vec::new());
    let journal = place.open();
    say(&journal, "one", "Go.").await;
    let whole = say(&journal, "one", "Go on.").await;
    for turns in [Some(0), Some(1), Some(2), Some(3), None] {
        let id = format!("fork-{}", forks.len());
        journal.fork("one", turns, &id).await.unwrap();
        let fork = journal.conversation(&id).unwrap();
        assert_eq!(fork.id(), id);
        forks.push(fork);
    }
    assert_eq!(forks.pop().unwrap().with_id("one"), whole);
    assert_eq!(forks.pop().unwrap().with_id("one"), whole);
    let lengths: Vec<usize> = forks.iter().map(|fork| fork.messages().len()).collect();
    assert_eq!(lengths, [1, 3, 4], "the results of the calls of a turn are copied, later messages are not");

    let gone_on = say(&journal, "fork-1", "Another way.").await;
    assert_eq!(gone_on.messages()[..3], whole.messages()[..3]);
    assert_eq!(journal.conversation("one").unwrap(), whole);

    let error = journal.fork("one", Some(4), "more").await.unwrap_err();
    assert_snapshot!(error, @r#"session "one" has 3 turns, so it can't be forked after turn 4"#);
    assert_eq!(
        journal.fork("one", None, "one").await.unwrap_err(),
        JournalError::SessionExists { id: "one".to_owned() }
    );
    assert_eq!(
        journal.fork("none", None, "two").await.unwrap_err(),
        JournalError::UnknownSession { id: "none".to_owned() }
    );
}

#[tokio::test]
async fn a_session_is_taken_to_another_journal_as_json() {
    let (place, other) = (Place::new(), Place::new());
    let whole = say(&place.open(), "one", "Go.").await;
    let json = place.open().export("one").unwrap();
    let journal = other.open();
    assert_eq!(journal.import(&json, None).await.unwrap(), "one");
    assert_eq!(journal.import(&json, Some("two")).await.unwrap(), "two");
    assert_eq!(journal.conversation("one").unwrap(), whole);
    assert_eq!(journal.conversation("two").unwrap().with_id("one"), whole);
    assert_eq!(journal.export("one").unwrap(), json);
    assert_eq!(
        journal.import(&json, None).await.unwrap_err(),
        JournalError::SessionExists { id: "one".to_owned() }
    );
    say(&journal, "one", "Go on.").await;
}

/// The error for JSON that is not a session.
async fn check(json: &str, expected: &str) {
    let error = Place::new().open().import(json, None).await.unwrap_err();
    assert_eq!(error.to_string(), format!("not an exported session: {expected}"));
}

#[tokio::test]
async fn json_that_is_not_a_session_is_not_imported() {
    let entry = |kind: &str, body: serde_json::Value| json!({"path": "", "at": 0, "kind": kind, "call": "a", "body": body});
    let session =
        |entries: Vec<serde_json::Value>| json!({"journal": 1, "id": "s", "entries": entries}).to_string();
    let began = entry("became", serde_json::to_value(Conversation::start("main", "Go.")).unwrap());
    check("[]", "invalid length 0, expected struct Exported with 3 elements at line 1 column 2").await;
    check(
        &json!({"journal": 2, "id": "s", "entries": []}).to_string(),
        "its format has version 2, and this version knows 1",
    )
    .await;
    check(&session(vec![]), "session \"s\" does not begin with a conversation").await;
    check(&session(vec![entry("allowed", json!({}))]), "session \"s\" does not begin with a conversation")
        .await;
    check(
        &session(vec![began.clone(), entry("dreamt", json!({}))]),
        "session \"s\", entry 2: there is no kind of entry named \"dreamt\"",
    )
    .await;
    check(
        &session(vec![began.clone(), entry("allowed", json!({}))]),
        "session \"s\", entry 2: a change does not fit conversation \"s\": no call with the key \"s/a\" waits for a person (it may be decided already): Conversation::waiting lists the calls that wait, with their keys (changes before it are missing, or they are in the wrong order)",
    )
    .await;
    check(
        &session(vec![began, entry("answered", json!({}))]),
        "session \"s\", entry 2: the body of \"answered\" can't be read: missing field `content` at line 1 column 2",
    )
    .await;
}

#[tokio::test]
async fn a_session_is_deleted_with_all_that_is_about_it() {
    let place = Place::new();
    let journal = place.open();
    say(&journal, "one", "Go.").await;
    say(&journal, "two", "Go.").await;
    journal.delete("one").await.unwrap();
    let unknown = JournalError::UnknownSession { id: "one".to_owned() };
    assert_eq!(journal.conversation("one").unwrap_err(), unknown);
    assert_eq!(journal.delete("one").await.unwrap_err(), unknown);
    assert_eq!(journal.sessions().unwrap().len(), 1);
    say(&journal, "two", "Go on.").await;
    place.sql(
        "CREATE TEMP TABLE t (n CHECK (n = 0)); INSERT INTO t SELECT count(*) FROM entries WHERE session = 1",
    );
}

#[tokio::test]
async fn a_damaged_session_is_named_and_does_not_hide_others() {
    let place = Place::new();
    let journal = place.open();
    for id in ["one", "two", "three"] {
        say(&journal, id, "Go.").await;
    }
    place.sql("DELETE FROM entries WHERE session = 2 AND seq = (SELECT min(seq) + 1 FROM entries WHERE session = 2)");
    // Everything that was sent earlier is written, including the end of the lease.
    journal.delete("nobody's").await.unwrap_err();
    let lines = journal.sessions().unwrap().into_iter().map(|session| match session {
        Ok(session) => line(session),
        Err(error) => error.to_string().replace(&place.path.display().to_string(), "FILE"),
    });
    assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r#"
    one: main, 2 turns, Some(Answered("Answer 1.")), driven: false
    FILE is damaged: session "two", entry 12: a change does not fit conversation "two": call "call_0_0" is not open (changes before it are missing, or they are in the wrong order); nothing more is written to it, continue with a backup
    three: main, 2 turns, Some(Answered("Answer 1.")), driven: false
    "#);
}

#[tokio::test]
async fn no_session_has_the_id_of_a_delegated_conversation_and_one_that_had_it_goes_on() {
    let place = Place::new();
    let journal = place.open();
    say(&journal, "one", "Go.").await;
    let refused = JournalError::from(SessionIdError::Slash { id: "one/call_0_1".to_owned() });
    assert_snapshot!(refused, @r#""one/call_0_1" can't be a session's id, because it contains '/': choose another one (Conversation::with_id), such as "one-call_0_1""#);
    let mut conversation = Conversation::start("main", "Go.").with_id("one/call_0_1");
    let host = journal.host(team(&["main"], says).0, &mut conversation).await;
    assert_eq!(host.err(), Some(refused.clone()));
    assert_eq!(journal.fork("one", None, "one/call_0_1").await.unwrap_err(), refused);
    let json = journal.export("one").unwrap();
    assert_eq!(journal.import(&json, Some("one/call_0_1")).await.unwrap_err(), refused);
    assert_eq!(journal.sessions().unwrap().len(), 1);

    place.sql("UPDATE sessions SET id = 'two/2'");
    let conversation = say(&journal, "two/2", "Go on.").await;
    assert_eq!(journal.conversation("two/2").unwrap(), conversation);
}

/// A session with this id is refused however it would start, and leaves nothing behind.
async fn check_refused(id: &str, expected: SessionIdError) {
    let place = Place::new();
    let journal = place.open();
    say(&journal, "one", "Go.").await;
    let json = journal.export("one").unwrap();
    let refused = JournalError::from(expected);
    let mut conversation = Conversation::start("main", "Go.").with_id(id);
    let host = journal.host(team(&["main"], says).0, &mut conversation).await;
    assert_eq!(host.err(), Some(refused.clone()), "a new one");
    assert_eq!(journal.fork("one", None, id).await.unwrap_err(), refused, "a fork");
    assert_eq!(journal.import(&json, Some(id)).await.unwrap_err(), refused, "an import");
    let own = json.replace(r#""id":"one""#, &format!(r#""id":{}"#, serde_json::to_string(id).unwrap()));
    assert_eq!(journal.import(&own, None).await.unwrap_err(), refused, "an import under its own id");
    assert_eq!(journal.sessions().unwrap().len(), 1);
}

#[tokio::test]
async fn field_43_a_session_has_an_id_of_its_own_that_a_person_sees() {
    check_refused(Conversation::DEFAULT_ID, SessionIdError::NotItsOwn).await;
    check_refused("", SessionIdError::Blank { id: String::new() }).await;
    check_refused(" \n", SessionIdError::Blank { id: " \n".to_owned() }).await;
    for character in ['\u{1b}', '\n', '\u{202e}', '\u{200b}', '\u{2028}'] {
        let id = format!("a{character}b");
        check_refused(&id, SessionIdError::Unseen { id: id.clone(), character }).await;
    }
}

#[tokio::test]
async fn field_43_conversations_without_an_id_never_read_each_other() {
    let (place, (team, log)) = (Place::new(), team(&["main"], says));
    let journal = place.open();
    for words in ["My account is 7.", "What is my account?"] {
        let mut conversation = team.agent("main").unwrap().start(words);
        let refused = journal.host(team.clone(), &mut conversation).await.unwrap_err();
        let said = r#"a session needs its own id, but this conversation has the default id "run": call Conversation::with_id first"#;
        assert_eq!(refused.to_string(), said);
        assert_eq!(conversation, team.agent("main").unwrap().start(words), "it is as it was");
    }
    assert_eq!(log.asked(), [""; 0]);
}

#[tokio::test]
async fn field_43_what_an_earlier_version_began_under_everybodys_id_is_read_and_gone_on_with() {
    let (place, team) = (Place::new(), team(&["main"], says).0);
    let journal = place.open();
    say(&journal, "one", "Go.").await;
    // Everything that was sent earlier is written, including the end of the lease.
    journal.delete("nobody's").await.unwrap_err();
    place.sql("UPDATE sessions SET id = 'run'");
    for mut other in [Conversation::start("main", "Go."), Conversation::new("main")] {
        let refused = journal.host(team.clone(), &mut other).await.unwrap_err();
        assert_eq!(
            refused,
            SessionIdError::NotItsOwn.into(),
            "it would read the answers to another conversation"
        );
    }
    let mut conversation = journal.conversation("run").unwrap();
    conversation.say("More.");
    let host = journal.host(team, &mut conversation).await.unwrap();
    drive(&mut conversation, &host).await.unwrap();
    assert_eq!(journal.conversation("run").unwrap(), conversation);
}
