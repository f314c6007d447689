//! A run is stopped from outside, and goes on later: cargo run --example cancel
//!
//! Somebody presses Ctrl-C while one call hangs and another call has ended. The ended call keeps
//! its result. The hanging call is stopped, and the model reads that in the next run. Look at the
//! last line: no finished call is made again.

use std::{
    error::Error,
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use agent_core::{
    Agent, Cancel, EventKind,
    script::{Reply, Script},
};
use agent_tools::FnTool;
use program::{print, println};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let paid = Arc::new(AtomicU32::new(0));
    let payments = paid.clone();
    let pay =
        FnTool::new("pay", "Pays the bill.", move || format!("payment {}", 1 + paid.fetch_add(1, Relaxed)));
    let print_it = FnTool::new("print", "Prints the receipt.", pending::<String>);
    let mail = FnTool::new("mail", "Mails the receipt.", || "sent");
    let model = Script::new([
        Reply::call("pay", json!({})).and_call("print", json!({})),
        Reply::call("mail", json!({})),
        Reply::text("The bill is paid, and the receipt is in your mail."),
    ]);
    let agent = Agent::builder("clerk", model).tool(pay).tool(print_it).tool(mail).build()?;

    // In your program, a task does it: `tokio::signal::ctrl_c().await?; ctrl_c.all();`
    let cancel = Cancel::new();
    let ctrl_c = cancel.clone();
    let mut conversation = agent.start("Pay my bill.");
    let run = agent.run(&mut conversation).cancelled_by(&cancel).listen(move |event| match &event.kind {
        EventKind::CallEnded { tool, .. } if tool == "pay" => ctrl_c.all(),
        _ => {}
    });
    println!("The first run: {}", run.await.expect_err("it is cancelled"));
    print!("{conversation}");

    println!("\nThe second run: {}", agent.run(&mut conversation).await?.text());
    print!("{conversation}");
    println!("\nPayments made in both runs: {}", payments.load(Relaxed));
    Ok(())
}
