//! The page of the demo: both runs of the specialists, one under the other.

use std::{
    env,
    error::Error,
    fs,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use agent_core::Event;
use agent_timeline::{Comparison, Timeline, TimelineBuilder};

use super::screen::Screen;
use crate::task::root;

/// Where the page is, from the workspace's root.
const FILE: &str = "target/demo.html";

/// A timeline, and the listener that fills it.
pub(super) fn builder() -> (Arc<Mutex<TimelineBuilder>>, impl Fn(&Event) + Send + Sync + 'static) {
    let builder = Arc::new(Mutex::new(TimelineBuilder::default()));
    let filled = builder.clone();
    (builder, move |event| filled.lock().expect("a listener does not panic").push(event))
}

/// Writes the page, says where it is, and opens it if there is a desktop.
pub(super) fn show(
    screen: &Screen,
    sequential: &Timeline,
    concurrent: &Timeline,
) -> Result<(), Box<dyn Error>> {
    let path = root().join(FILE);
    let page = Comparison::new(("One after the other", sequential), ("In parallel", concurrent)).to_html();
    let written = fs::create_dir_all(root().join("target")).and_then(|()| fs::write(&path, page));
    written.map_err(|error| format!("{}: {error}", path.display()))?;
    screen.title(&format!("   The page of both runs: file://{}", path.display()));
    let Some(mut opener) = opener() else {
        screen.line("");
        return Ok(());
    };
    let opened = opener.arg(&path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    screen.line(&match opened {
        Ok(_) => String::new(),
        Err(error) => format!("   It can't be opened here ({error}): open it in a browser.\n"),
    });
    Ok(())
}

/// The program that opens a file as its user wants. `None` without a desktop.
fn opener() -> Option<Command> {
    let has_screen = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| env::var_os(name).is_some());
    match env::consts::OS {
        "macos" => Some(Command::new("open")),
        "windows" => Some(Command::new("explorer")),
        _ if has_screen => Some(Command::new("xdg-open")),
        _ => None,
    }
}
