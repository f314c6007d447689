//! The page of sessions in a browser, with a session on a Restate server: it is listed, followed and approved there,
//! and goes on in another process.

use std::{
    error::Error,
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use agent_core::{Conversation, Team};
use agent_restate::{Restate, Services};
use agent_web::{Access, router};
use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use restate_server::{Cluster, register};
use thirtyfour::{By, WebDriver};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    chromium::{wait_for, wait_for_end, with_browser},
    live::{button, picture, press},
    team::clerk,
};

/// Whom the clerk pays: what an attacker would write into a page.
const HOSTILE: &str = "<img src=x onerror=\"document.title='hacked'\">";

#[tokio::test(flavor = "multi_thread")]
async fn a_run_on_restate_is_followed_and_approved_in_the_page_and_goes_on_in_another_process() {
    // Where there is no server, it has said why.
    let Some(cluster) = Cluster::unless_missing(1).await.unwrap() else { return };
    if !with_browser(async |page| followed(page, cluster).await).await.unwrap() {
        let why =
            "the page was not tested, since Chromium is missing: apt-get install chromium chromium-driver";
        writeln!(io::stderr(), "{why}").unwrap();
    }
}

/// A process that serves the team, and keeps events on the engine.
fn serve(listener: TcpListener, team: Team, engine: &Restate) -> Result<JoinHandle<()>, Box<dyn Error>> {
    Ok(tokio::spawn(Services::new(team).keep_events(engine).serve(listener)?))
}

/// Refuses events as a proxy does while a service is down.
async fn events_refused(State(is_down): State<Arc<AtomicBool>>, request: Request, next: Next) -> Response {
    match is_down.load(Ordering::Acquire) && request.uri().path().ends_with("/events") {
        true => StatusCode::BAD_GATEWAY.into_response(),
        false => next.run(request).await,
    }
}

async fn followed(page: WebDriver, cluster: Cluster) -> Result<(), Box<dyn Error>> {
    let engine = Restate::at(cluster.ingress())?.with_admin(cluster.admin())?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let process = listener.local_addr()?;
    let team = || clerk(HOSTILE, Duration::from_millis(40));
    let first = serve(listener, team(), &engine)?;
    register(cluster.admin(), &format!("http://{process}")).await?;

    let (listener, access) = (TcpListener::bind("127.0.0.1:0").await?, Access::new());
    let address = format!("http://{}/", listener.local_addr()?);
    let is_down = Arc::new(AtomicBool::new(true));
    let routes = router(Arc::new(engine.clone()), &access);
    let routes = routes.layer(from_fn_with_state(is_down.clone(), events_refused));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    page.set_window_rect(0, 0, 1400, 900).await?;
    page.goto(access.url(&address)).await?;
    wait_for(&page, "There are no sessions yet.").await?;

    // The page lists a session that another program has begun, and shows what it asks.
    let session = Conversation::start("clerk", "Pay Ada.").with_id("s");
    let run = engine.submit(&session, None).await?;
    wait_for(&page, "waiting").await?;
    // Events are refused at first. The page asks for them again by itself.
    press(&page, By::Css("#list button")).await?;
    let text = wait_for(&page, "waits for you").await?;
    assert!(text.contains("Pay Ada.") && text.contains("I pay.") && text.contains("<img src=x"), "{text}");

    is_down.store(false, Ordering::Release);
    wait_for(&page, "> pay ").await?;

    // The process stops while a person decides. Another one makes the call.
    first.abort();
    assert!(first.await.is_err_and(|error| error.is_cancelled()));
    button(&page, "Allow").await?;
    let second = serve(TcpListener::bind(process).await?, team(), &engine)?;
    wait_for(&page, "this is a long report").await?;
    picture(&page, "restate-running").await?;
    assert!(engine.result(&run).await?.is_none(), "the page has shown the reply while it was written");
    wait_for(&page, "ended").await?;
    wait_for_end(&page, "answers: I have paid").await?;
    assert!(engine.attach(&run).await?.conversation.text().contains("I have paid"));
    let last = agent_core::sessions::Sessions::session(&engine, "s").await?.last_event;
    let read = page.execute("return shown.last", vec![]).await?;
    assert_eq!(read.convert::<u64>()?, last);
    assert_eq!(page.title().await?, "Agent sessions");
    assert!(page.find_all(By::Css("img")).await?.is_empty(), "text became HTML");

    // A copy from the first turn.
    button(&page, "Fork here").await?;
    wait_for(&page, "This is a copy.").await?;
    let copy = engine.history("s-turn-1").await?.ok_or("it is there")?.to_string();
    assert!(copy.contains("= paid") && !copy.contains("I have paid"), "{copy}");
    picture(&page, "restate-fork").await?;
    second.abort();
    Ok(())
}
