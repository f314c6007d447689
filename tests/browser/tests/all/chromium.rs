//! A browser without a window.

use std::{error::Error, io, process::Stdio, time::Duration};

use serde_json::json;
use thirtyfour::{ChromeCapabilities, ChromiumLikeCapabilities, WebDriver};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// What no test needs, and what would reach out to the network.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
];

/// Calls back with what the page says once it says this and, if asked for, the agent has ended its answer. It looks
/// when the page changes, so nobody polls.
const SAYS: &str = r#"
    const [words, isOver, done] = arguments;
    const look = () => {
        const isBusy = document.querySelector("[aria-busy=true]");
        if (!document.body.innerText.includes(words) || (isOver && isBusy)) return;
        observer.disconnect();
        done(document.body.innerText);
    };
    const observer = new MutationObserver(look);
    const all = { subtree: true, childList: true, characterData: true, attributes: true };
    observer.observe(document.body, all);
    look();
"#;

/// Has a test use a browser that knows nothing, and ends it, also after a panic. False where there is no Chromium, or
/// nothing to drive it.
pub(crate) async fn with_browser<T>(test: impl FnOnce(WebDriver) -> T) -> Result<bool, Box<dyn Error>>
where
    T: Future<Output = Result<(), Box<dyn Error>>>,
{
    let mut driver = Command::new("chromedriver");
    driver.arg("--port=0").stdout(Stdio::piped()).kill_on_drop(true);
    let mut driver = match driver.spawn() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        driver => driver?,
    };
    let address = format!("http://127.0.0.1:{}", port(&mut driver).await?);
    let profile = tempfile::tempdir()?;
    let mut wanted = ChromeCapabilities::new();
    for flag in FLAGS {
        wanted.add_arg(flag)?;
    }
    wanted.add_arg(&format!("--user-data-dir={}", profile.path().display()))?;
    // The client could speak TLS, by what agent-llm brings; the driver does not.
    let _is_first = rustls::crypto::ring::default_provider().install_default();
    let browser = match WebDriver::new(address, wanted).await {
        Err(error) if error.to_string().contains("cannot find Chrome binary") => return Ok(false),
        browser => browser?,
    };
    // Longer than the machine is ever busy with something else.
    browser.set_script_timeout(Duration::from_secs(60)).await?;
    browser.run_and_quit(test).await?;
    driver.kill().await?;
    Ok(true)
}

/// The port that the driver chose, which it says on its first lines.
async fn port(driver: &mut Child) -> Result<u16, Box<dyn Error>> {
    let mut lines = BufReader::new(driver.stdout.take().ok_or("it is piped")?).lines();
    loop {
        let line = lines.next_line().await?.ok_or("chromedriver ended before it said its port")?;
        // "ChromeDriver was started successfully on port 34567."
        if let Some((_, port)) = line.split_once("successfully on port ") {
            return Ok(port.trim_end_matches('.').parse()?);
        }
    }
}

/// Waits until the page says this; all that it says then.
pub(crate) async fn wait_for(page: &WebDriver, words: &str) -> Result<String, Box<dyn Error>> {
    wait(page, words, false).await
}

/// The same, and until the agent has ended its answer.
pub(crate) async fn wait_for_end(page: &WebDriver, words: &str) -> Result<String, Box<dyn Error>> {
    wait(page, words, true).await
}

async fn wait(page: &WebDriver, words: &str, is_over: bool) -> Result<String, Box<dyn Error>> {
    let said = page.execute_async(SAYS, vec![json!(words), json!(is_over)]).await;
    Ok(said.map_err(|error| format!("the page does not say {words:?}: {error}"))?.convert()?)
}
