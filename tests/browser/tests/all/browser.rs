//! The page in a browser: two turns, and a page that is closed in the middle of a reply.

use std::{
    error::Error,
    io::{self, Write},
};

use agent_core::script::Reply;
use chat::chat;
use serde_json::json;
use thirtyfour::{By, Key, WebDriver, error::WebDriverResult};
use tokio::net::TcpListener;

use crate::{
    chromium::{wait_for, wait_for_end, with_browser},
    held::Model,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_closed_in_the_middle_of_a_reply_comes_back_whole() {
    if !with_browser(closed_in_the_middle).await.unwrap() {
        // Not by `eprintln!`, whose words a test that passes does not show.
        let why =
            "the page was not tested, since Chromium is missing: apt-get install chromium chromium-driver";
        writeln!(io::stderr(), "{why}").unwrap();
    }
}

async fn closed_in_the_middle(page: WebDriver) -> Result<(), Box<dyn Error>> {
    let (mut model, agent) = Model::agent();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}/", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, chat(agent)).await });

    // One turn, with a call and its progress.
    page.goto(&*address).await?;
    write(&page, "Is there a book about bees?").await?;
    model.say_all(&Reply::text("Let me look.").and_call("search", json!({})));
    wait_for(&page, "search {}: shelf 1 of 2").await?;
    write(&page, "Faster!").await?;
    wait_for(&page, "The agent still answers.").await?;
    page.find(By::Id("text")).await?.clear().await?;
    model.found.notify_one();
    model.say(&Reply::text("There is none, I think."), "none,");
    wait_for(&page, "There is none,").await?;
    // The connection to the model breaks: what was shown is withdrawn, and the reply begins again.
    model.restart();
    model.say(&Reply::text("There are two of them."), "are");
    let half = wait_for(&page, "There are").await?;
    assert!(!half.contains("There is") && !half.contains("two of"), "{half}");
    model.end();
    wait_for_end(&page, "There are two of them.").await?;

    // Another one; the page is closed in the middle of the reply, and the model goes on.
    write(&page, "Which one is <b>shorter</b>?").await?;
    model.say(&Reply::text("The one by Ada, of ninety pages."), "one");
    wait_for(&page, "The one").await?;
    let conversation = page.current_url().await?;
    let other = page.new_tab().await?;
    page.close_window().await?;
    page.switch_to_window(other).await?;
    model.go_on("Ada,");

    // Opened again, it shows all that was said by now, and then what comes.
    page.goto(conversation.as_str()).await?;
    let whole = wait_for(&page, "The one by Ada,").await?;
    let said = [
        "You\nIs there a book about bees?",
        "Agent\nsearch {}: Two books.\nLet me look.\n\nThere are two of them.",
        "You\nWhich one is <b>shorter</b>?",
        "Agent\nThe one by Ada,",
    ];
    let places: Vec<_> = said.iter().map(|part| whole.find(part)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} in {whole}");
    assert!(!whole.contains("ninety"), "{whole}");
    model.end();
    wait_for_end(&page, "The one by Ada, of ninety pages.").await?;

    // And the conversation goes on.
    write(&page, "Thanks.").await?;
    model.say_all(&Reply::text("Gladly."));
    wait_for_end(&page, "Gladly.").await?;

    // A page of a conversation that the server does not know says so.
    page.goto(format!("{address}chat/4fdd4c4e-6a3c-4f29-a1b6-5a5c4b0a2d6e")).await?;
    wait_for(&page, "This conversation is gone.").await?;
    Ok(())
}

/// Writes a message as a person does, and sends it by the key Enter.
async fn write(page: &WebDriver, text: &str) -> WebDriverResult<()> {
    page.find(By::Id("text")).await?.send_keys(format!("{text}{}", char::from(Key::Enter))).await
}
