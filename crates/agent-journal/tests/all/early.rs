//! Which calls may start while a reply still streams, on a journal.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use agent_core::{
    Agent, EventKind, Team,
    host::drive,
    script::{Reply, Script},
    tool::Early,
};
use serde_json::json;

use crate::common::{Log, Place, act_once, calls, start};

#[tokio::test]
async fn field_69_no_call_with_effects_starts_before_its_reply_is_written_whatever_its_agent_says() {
    let (place, log) = (Place::new(), Log::default());
    let three = ["1", "2", "3"].map(|say| ("act_once", json!({"say": say})));
    let model = Script::new([calls(three).per_block(Duration::from_millis(20)), Reply::text("Done.")]);
    let agent = Agent::builder("main", model).tool(act_once(&log)).early(Early::All).build().unwrap();
    let mut conversation = start();
    let told = Arc::new(Mutex::new(Vec::new()));
    let ears = told.clone();
    let host = place.open().host(Team::new([agent]).unwrap(), &mut conversation).await.unwrap().listen(
        move |event| match &event.kind {
            EventKind::TurnEnded { .. } => ears.lock().unwrap().push("the reply has ended".to_owned()),
            EventKind::CallStarted { id, .. } => ears.lock().unwrap().push(format!("{id} starts")),
            _ => {}
        },
    );
    drive(&mut conversation, &host).await.unwrap();
    let mut told = told.lock().unwrap().clone();
    told[1..4].sort();
    let end = "the reply has ended";
    assert_eq!(told, [end, "call_0_0 starts", "call_0_1 starts", "call_0_2 starts", end]);
    assert!(log.made().values().all(|made| *made == 1), "{:?}", log.made());
}
