//! The page of sessions in a browser: it follows a run, a person approves a call in it, and the process that runs the
//! agents is killed.

use std::{
    env,
    error::Error,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use agent_journal::Journal;
use agent_web::{Access, router};
use thirtyfour::{By, WebDriver, error::WebDriverResult};
use tokio::net::TcpListener;

use crate::{
    chromium::{wait_for, wait_for_end, with_browser},
    team::{clerk, run},
};

/// Whom the clerk pays: what an attacker would write into a page.
const HOSTILE: &str = "</script><img src=x onerror=\"document.title='hacked'\"><b>Ada</b>";

/// The file of the process that runs the agents.
const FILE: &str = "AGENT_WEB_BROWSER_JOURNAL";

/// A folder that pictures of the page are written to, for people to look at.
const PICTURES: &str = "AGENT_WEB_PICTURES";

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_followed_and_approved_in_the_page_and_goes_on_after_a_kill() {
    if !with_browser(followed).await.unwrap() {
        let why =
            "the page was not tested, since Chromium is missing: apt-get install chromium chromium-driver";
        writeln!(io::stderr(), "{why}").unwrap();
    }
}

/// Not a test: the process that the test starts and kills.
#[tokio::test]
async fn the_process_of_the_agents() {
    if let Some(file) = env::var_os(FILE) {
        run(&PathBuf::from(file), clerk(HOSTILE, Duration::from_millis(40))).await;
    }
}

fn start(file: &Path) -> Result<Child, Box<dyn Error>> {
    let mut command = Command::new(env::current_exe()?);
    let command = command.args(["--exact", "live::the_process_of_the_agents"]).env(FILE, file);
    Ok(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
}

async fn followed(page: WebDriver) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("runs.journal");
    let (journal, access) = (Journal::open(&file)?, Access::new());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}/", listener.local_addr()?);
    let routes = router(Arc::new(journal.clone()), &access);
    tokio::spawn(async move { axum::serve(listener, routes).await });

    page.set_window_rect(0, 0, 1400, 900).await?;
    // Without the token there is nothing to see.
    page.goto(&*address).await?;
    wait_for(&page, "This page needs its token.").await?;
    page.goto(access.url(&address)).await?;
    wait_for(&page, "There are no sessions yet.").await?;

    // A process runs until it asks a person. The list shows the session, and the page what it asks.
    assert!(start(&file)?.wait()?.success());
    wait_for(&page, "waiting").await?;
    press(&page, By::Css("#list button")).await?;
    let text = wait_for(&page, "waits for you").await?;
    assert!(text.contains("</script><img src=x onerror="), "{text}");
    picture(&page, "waiting").await?;

    // A person approves, in the page. The next process makes the call, and is killed while it reports about it.
    button(&page, "Allow").await?;
    wait_for(&page, "stopped").await?;
    let mut second = start(&file)?;
    wait_for(&page, "this is a long report").await?;
    picture(&page, "running").await?;
    second.kill()?;
    assert!(!second.wait()?.success(), "it was killed before its end");

    // Another one goes on, and so does the page.
    let mut third = start(&file)?;
    wait_for(&page, "ended").await?;
    wait_for_end(&page, "answers: I have paid").await?;
    assert!(third.wait()?.success());
    picture(&page, "ended").await?;
    let last = journal.session("s")?.ok_or("it is there")?.last_event;
    let read = page.execute("return shown.last", vec![]).await?;
    assert_eq!(read.convert::<u64>()?, last);
    assert_eq!(page.title().await?, "Agent sessions");
    // A number that JavaScript can't hold is shown as it was written.
    let exact = r#"return JSON.stringify(JSON.parse('{"n":9007199254740993,"x":1.5}', exact))"#;
    assert_eq!(page.execute(exact, vec![]).await?.convert::<String>()?, r#"{"n":9007199254740993,"x":1.5}"#);
    assert!(page.find_all(By::Css("img, main b b, .call b b")).await?.is_empty(), "text became HTML");

    // A copy from the first turn.
    button(&page, "Fork here").await?;
    wait_for(&page, "This is a copy.").await?;
    let copy = journal.conversation("s-turn-1")?.to_string();
    assert!(copy.contains("< call_0_1 = paid") && !copy.contains("I have paid"), "{copy}");
    picture(&page, "fork").await?;

    // The timeline of a session that is not there says so.
    page.goto(format!("{address}sessions/none/timeline")).await?;
    wait_for(&page, "there is no session \"none\"").await?;
    Ok(())
}

/// Presses the first button with this label.
pub(crate) async fn button(page: &WebDriver, label: &str) -> WebDriverResult<()> {
    press(page, By::XPath(format!("//button[.='{label}']"))).await
}

/// Presses a button, and again if the page has just drawn it anew.
pub(crate) async fn press(page: &WebDriver, button: By) -> WebDriverResult<()> {
    let mut pressed = Ok(());
    for _ in 0..5 {
        pressed = match page.find(button.clone()).await {
            Ok(found) => found.click().await,
            Err(error) => Err(error),
        };
        if pressed.is_ok() {
            break;
        }
    }
    pressed
}

pub(crate) async fn picture(page: &WebDriver, name: &str) -> Result<(), Box<dyn Error>> {
    if let Some(folder) = env::var_os(PICTURES) {
        fs::write(PathBuf::from(folder).join(format!("{name}.png")), page.screenshot_as_png().await?)?;
    }
    Ok(())
}
