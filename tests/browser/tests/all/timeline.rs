//! The page of a timeline, opened from a file: mouse, keys, very many calls, hostile text, no network.

use std::{
    error::Error,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
};

use agent_core::Event;
use agent_timeline::{Comparison, Timeline};
use serde_json::{Value, json};
use thirtyfour::{By, Key, WebDriver, WebElement};

use crate::chromium::{wait_for, with_browser};

type Checked = Result<(), Box<dyn Error>>;

/// Has a test use a browser. Where there is none, it says so.
async fn in_browser<T: Future<Output = Checked>>(test: impl FnOnce(WebDriver) -> T) {
    if !with_browser(test).await.unwrap() {
        let why = "the page of a timeline was not tested, since Chromium is missing: apt-get install chromium chromium-driver";
        writeln!(io::stderr(), "{why}").unwrap();
    }
}

/// Events: on each line the time in ms, the conversation, the agent and the kind in JSON.
fn events(script: &str) -> Vec<Event> {
    let event = |line: &str| {
        let words: Vec<&str> = line.trim().splitn(4, ' ').collect();
        let (at, conversation, agent, kind) = (words[0], words[1], words[2], words[3]);
        let depth = conversation.matches('/').count();
        let (at, kind): (f64, Value) = (at.parse().unwrap(), serde_json::from_str(kind).unwrap());
        let event =
            json!({"at_ms": at, "conversation": conversation, "depth": depth, "agent": agent, "kind": kind});
        serde_json::from_str(&event.to_string()).unwrap()
    };
    script.lines().filter(|line| !line.trim().is_empty()).map(event).collect()
}

fn turn(script: &mut String, start: u64, end: u64) {
    let (asked, usage) = (
        json!([{"role": "user", "content": "What is new?"}]),
        json!({"input_tokens": 1200, "output_tokens": 30, "cost_micro_usd": 4200}),
    );
    let ended = json!({"stop_reason": "end_turn", "calls": 1, "usage": usage, "model": "claude-sonnet-5-5", "first_piece_ms": (end - start) / 2});
    writeln!(script, "{start} run main {}", json!({"kind": "turn_started", "value": {"messages": asked}}))
        .unwrap();
    writeln!(script, "{end} run main {}", json!({"kind": "turn_ended", "value": ended})).unwrap();
}

fn call(script: &mut String, (id, tool): (&str, &str), start: u64, end: u64) {
    let started = json!({"id": id, "tool": tool, "input": {"query": id}});
    let ended =
        json!({"id": id, "tool": tool, "is_error": tool == "fetch", "result": format!("found by {id}")});
    writeln!(script, "{start} run main {}", json!({"kind": "call_started", "value": started})).unwrap();
    writeln!(script, "{end} run main {}", json!({"kind": "call_ended", "value": ended})).unwrap();
}

/// A run of two turns and three calls.
fn small() -> Vec<Event> {
    let mut script = String::new();
    turn(&mut script, 0, 1000);
    call(&mut script, ("a", "search"), 1000, 2000);
    call(&mut script, ("b", "fetch"), 1000, 1500);
    call(&mut script, ("c", "crawl"), 1000, 9000);
    turn(&mut script, 9000, 10_000);
    let mut events = events(&script);
    events.sort_by_key(|event| event.at);
    events
}

/// Opens a page from a file.
async fn open(page: &WebDriver, html: &str) -> Result<tempfile::TempDir, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("run.html");
    fs::write(&file, html)?;
    page.goto(format!("file://{}", file.display())).await?;
    Ok(folder)
}

async fn text(page: &WebDriver, id: &str) -> Result<String, Box<dyn Error>> {
    Ok(page.find(By::Id(id)).await?.text().await?)
}

async fn said(page: &WebDriver) -> Result<String, Box<dyn Error>> {
    let script = "return document.getElementById('said').textContent";
    Ok(page.execute(script, Vec::new()).await?.convert()?)
}

/// Presses keys while the picture has the focus.
async fn press(page: &WebDriver, keys: &[Key]) -> Result<WebElement, Box<dyn Error>> {
    let chart = page.find(By::Id("chart")).await?;
    for key in keys {
        chart.send_keys(String::from(char::from(key.clone()))).await?;
    }
    Ok(chart)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_what_to_change_and_a_click_opens_a_bar() {
    in_browser(async |page| {
        let _folder = open(&page, &Timeline::new(&small()).to_html()).await?;
        let all = wait_for(&page, "One tool, crawl, is 80").await?;
        assert!(all.contains("10 s in all"), "{all}");
        // The bar of `crawl`, the fourth lane, in its middle.
        let click = "
            const box = document.getElementById('canvas').getBoundingClientRect();
            const at = { clientX: box.left + box.width * 0.6, clientY: box.top + 26 + 24 * arguments[0] + 12, bubbles: true };
            document.getElementById('canvas').dispatchEvent(new MouseEvent('click', at));
        ";
        page.execute(click, vec![json!(3)]).await?;
        let panel = text(&page, "panel").await?;
        for part in ["Call of crawl", "tool runs\n8 s", "yes: if it gets faster", "{\"query\":\"c\"}", "found by c"] {
            assert!(panel.replace(' ', " ").contains(part) || panel.contains(&part.replace('\n', " ")), "{part} in {panel}");
        }
        // The turn that made it: its model, tokens and cost.
        page.find(By::XPath("//aside//button[text()='Turn of main']")).await?.click().await?;
        let panel = text(&page, "panel").await?;
        for part in ["Turn of main", "claude-sonnet-5-5", "1,200 in, 30 out", "$0.0042", "What is new?"] {
            assert!(panel.contains(part), "{part} in {panel}");
        }
        page.find(By::Css("#panel .close")).await?.click().await?;
        assert!(!page.find(By::Id("panel")).await?.is_displayed().await?);
        // The table has the same.
        page.find(By::Css("#table summary")).await?.click().await?;
        let rows = wait_for(&page, "Call of fetch").await?;
        assert!(rows.contains("tool runs 1 s") && rows.contains("failed 500 ms"), "{rows}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_without_events_or_without_an_end_says_so() {
    in_browser(async |page| {
        let _folder = open(&page, &Timeline::new(&[]).to_html()).await?;
        let all = wait_for(&page, "There are no events of this run").await?;
        assert!(!all.contains('%'), "{all}");
        let _folder = open(&page, &Timeline::new(&small()[..2]).to_html()).await?;
        wait_for(&page, "… has not ended, as far as is known").await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_move_between_bars_open_one_and_zoom() {
    in_browser(async |page| {
        let _folder = open(&page, &Timeline::new(&small()).to_html()).await?;
        let check = async |keys: &[Key], expected: &str| -> Checked {
            press(&page, keys).await?;
            let said = said(&page).await?;
            assert!(said.starts_with(expected), "{expected} after {keys:?}: {said}");
            Ok(())
        };
        check(&[Key::Right], "Run of main").await?;
        check(&[Key::Right], "Turn of main: from 0.000 s").await?;
        check(&[Key::Right], "Turn of main: from 9.000 s").await?;
        check(&[Key::Left, Key::Down], "Call of search").await?;
        check(&[Key::Down], "Call of fetch").await?;
        check(&[Key::Down], "Call of crawl").await?;
        check(&[Key::Up, Key::Up], "Call of search").await?;
        check(&[Key::Home], "Run of main").await?;
        check(&[Key::End], "Turn of main: from 9.000 s").await?;
        // Enter opens the panel and goes there; Escape closes it and comes back.
        press(&page, &[Key::Enter]).await?;
        let focus = "return document.activeElement.id";
        assert_eq!(page.execute(focus, Vec::new()).await?.convert::<String>()?, "panel-title");
        page.find(By::Id("panel-title")).await?.send_keys(String::from(char::from(Key::Escape))).await?;
        assert_eq!(page.execute(focus, Vec::new()).await?.convert::<String>()?, "chart");
        let outline = "return getComputedStyle(document.activeElement).outlineStyle";
        assert_eq!(page.execute(outline, Vec::new()).await?.convert::<String>()?, "solid");
        // Zoom: the picture gets wider, and as wide as before.
        let width = "return document.getElementById('space').offsetWidth";
        let chart = page.find(By::Id("chart")).await?;
        let narrow: u64 = page.execute(width, Vec::new()).await?.convert()?;
        chart.send_keys("+++").await?;
        let wide: u64 = page.execute(width, Vec::new()).await?.convert()?;
        assert!(wide > 2 * narrow, "{narrow}, {wide}");
        // What is drawn again keeps the zoom and the bar.
        let again = "page.draw(JSON.parse(document.getElementById('model').textContent)); return document.getElementById('space').offsetWidth";
        assert_eq!(page.execute(again, Vec::new()).await?.convert::<u64>()?, wide);
        check(&[Key::Left], "Turn of main: from 0.000 s").await?;
        chart.send_keys("0").await?;
        assert_eq!(page.execute(width, Vec::new()).await?.convert::<u64>()?, narrow);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_calls_scroll_and_zoom_smoothly() {
    // Draws a frame while it scrolls and zooms, sixty times. Says how long the work of a frame took, in ms: the median, and
    // how many elements the page has.
    const FRAMES: &str = r#"
        const done = arguments[0];
        const chart = document.getElementById("chart");
        const times = [];
        const key = (key) => chart.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        const step = (frame) => {
            if (frame === 60) {
                times.sort((a, b) => a - b);
                return done([times[30], document.querySelectorAll("*").length]);
            }
            requestAnimationFrame(() => {
                const began = performance.now();
                chart.scrollTop += 60;
                chart.scrollLeft += 40;
                if (frame % 10 === 5) key(frame < 30 ? "+" : "-");
                // The page draws in the next callback of this frame or the one after.
                requestAnimationFrame(() => {
                    const drawn = performance.now();
                    chart.dispatchEvent(new Event("scroll"));
                    requestAnimationFrame(() => (times.push(performance.now() - drawn), step(frame + 1)));
                });
            });
        };
        step(0);
    "#;
    in_browser(async |page| {
        let mut script = String::new();
        for number in 0..20 {
            let at = number * 1000;
            turn(&mut script, at, at + 300);
            for call_of in 0..100 {
                let id = format!("c{number}_{call_of}");
                call(
                    &mut script,
                    (&id, ["search", "crawl"][call_of % 2]),
                    at + 300,
                    at + 400 + 5 * call_of as u64,
                );
            }
        }
        let mut events = events(&script);
        events.sort_by_key(|event| event.at);
        let _folder = open(&page, &Timeline::new(&events).to_html()).await?;
        wait_for(&page, "2,000 calls").await?;
        let (frame, elements): (f64, u64) = page.execute_async(FRAMES, Vec::new()).await?.convert()?;
        // At 60 frames a second, a frame has 17 ms. On a busy machine without a graphics card it may take some more.
        assert!(frame < 100.0, "a frame takes {frame} ms");
        assert!(elements < 500, "the page has {elements} elements");
        writeln!(io::stderr(), "2,000 calls: the median of 60 frames took {frame:.1} ms").unwrap();
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_is_shown_as_text_and_nothing_is_loaded() {
    const HOSTILE: &str = "</script><script>document.title='bad'</script><!--<img src=http://127.0.0.1:9/x onerror=document.title='bad'>&lt;\"'`\u{2028}\u{202e}evil\u{1b}\0";
    in_browser(async |page| {
        let mut events = small();
        let hostile = serde_json::to_string(HOSTILE)?;
        for event in &mut events {
            let json = serde_json::to_string(event)?;
            let words = ["\"main\"", "\"crawl\"", "\"c\"", "\"found by c\"", "\"claude-sonnet-5-5\"", "\"What is new?\"", "\"run\"", "\"end_turn\""];
            let json = words.iter().fold(json, |json, word| json.replace(word, &hostile));
            *event = serde_json::from_str(&json)?;
        }
        let timeline = Timeline::new(&events);
        let html = Comparison::new((HOSTILE, &timeline), ("plain", &timeline)).to_html();
        let _folder = open(&page, &html).await?;
        wait_for(&page, "plain").await?;
        page.find(By::Css("#table summary")).await?.click().await?;
        press(&page, &[Key::Down, Key::Down, Key::Down, Key::Down, Key::Enter]).await?;
        let body = wait_for(&page, "<!--<img").await?;
        for part in ["</script><script>", "&lt;", r"\u{202e}evil\u{1b}\u{0}", r"\u{2028}"] {
            assert!(body.contains(part), "{part} in {body}");
        }
        assert!(!body.chars().any(|character| "\u{202e}\u{2028}\u{1b}\0".contains(character)), "{body:?}");
        assert_eq!(page.title().await?, "Timeline of a run");
        let found = "return [document.querySelectorAll('img').length, document.scripts.length, performance.getEntriesByType('resource').length]";
        assert_eq!(page.execute(found, Vec::new()).await?.convert::<[u64; 3]>()?, [0, 2, 0]);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_has_colours_for_light_and_dark_and_room_in_narrow_windows() {
    in_browser(async |page| {
        let slow = Timeline::new(&small());
        let _folder = open(&page, &Comparison::new(("slow", &slow), ("fast", &slow)).to_html()).await?;
        // Waits until the canvas shows this colour at its top left corner.
        const CORNER: &str = "
            const [expected, done] = arguments;
            const look = () => {
                const pixel = document.getElementById('canvas').getContext('2d').getImageData(2, 2, 1, 1).data;
                if ([...pixel].slice(0, 3).join() === expected) done(true);
                else requestAnimationFrame(look);
            };
            look();
        ";
        for (scheme, corner) in [("light", "255,255,255"), ("dark", "20,23,26")] {
            let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
            page.cdp().send_raw("Emulation.setEmulatedMedia", features).await?;
            page.execute_async(CORNER, vec![json!(corner)]).await.map_err(|error| format!("{scheme}: {error}"))?;
        }
        for width in [1400, 400] {
            page.set_window_rect(0, 0, width, 900).await?;
            let wider = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
            assert_eq!(page.execute(wider, Vec::new()).await?.convert::<i64>()?, 0, "{width}");
        }
        Ok(())
    })
    .await;
}
