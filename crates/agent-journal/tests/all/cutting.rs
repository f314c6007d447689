//! Replies that are cancelled while they stream.

use std::time::Duration;

use agent_core::{Cancel, End, EventKind, StopReason, host::drive, script::Reply};

use crate::common::{Place, start, team};

#[tokio::test]
async fn field_52_what_was_shown_of_a_reply_that_is_cancelled_is_on_the_disk() {
    let (team, _) = team(&["main"], |_, turn| match turn {
        0 => Reply::text("One two three four.").per_token(Duration::from_millis(1)),
        _ => Reply::text("Five."),
    });
    let (place, mut conversation, cancel) = (Place::new(), start(), Cancel::new());
    let (journal, stop) = (place.open(), cancel.clone());
    let host = journal.host(team.clone(), &mut conversation).await.unwrap();
    let host = host.cancelled_by(&cancel).keep_partial_reply(true).listen(move |event| {
        if matches!(&event.kind, EventKind::Delta(delta) if delta.text().as_deref() == Some("two ")) {
            stop.all();
        }
    });
    let end = drive(&mut conversation, &host).await.unwrap();
    assert_eq!((end, conversation.text().as_str()), (End::Cut(StopReason::Cancelled), "One two "));
    assert_eq!(journal.conversation("s").unwrap(), conversation);
    drop((host, journal));

    let (journal, mut conversation) = (place.open(), start());
    let host = journal.host(team, &mut conversation).await.unwrap();
    conversation.say("Go on.");
    assert_eq!(drive(&mut conversation, &host).await.unwrap().text(), "Five.");
    assert_eq!(journal.conversation("s").unwrap().messages()[1].text(), "One two ");
}
