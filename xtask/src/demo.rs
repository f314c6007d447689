//! The demo: four scenarios over real HTTP, with the time each call takes.

mod cast;
mod figures;
mod handoffs;
mod live;
mod many;
mod mock_server;
mod options;
mod page;
mod parallel;
pub(crate) mod picture;
mod screen;
mod specialists;

use figures::Figures;
pub(crate) use options::Demo;
use program::println;
use screen::Screen;

use crate::task::Done;

/// What a scenario needs: the model's client, the pace, and where to show what happens.
pub(crate) struct Stage {
    claude: agent_llm::Claude,
    screen: Screen,
    /// The latencies of the script are those of a real model divided by this; `None` with a real one.
    speed: Option<f64>,
    /// Whether a page with the timelines is written.
    page: bool,
}

/// Runs the scenarios.
pub(crate) fn run(options: &Demo) -> Done {
    tokio::runtime::Runtime::new()?.block_on(async {
        let screen = Screen::new(!options.json);
        // Keeps the mock server alive; with --live there is none.
        let (_server, stage) = match options.live {
            true => (None, live::stage(screen, options.model.as_deref())?),
            false => mock_server::stage(screen, options.speed)
                .await
                .map(|(server, stage)| (Some(server), stage))?,
        };
        let stage = Stage { page: options.page, ..stage };
        stage.screen.introduction(stage.speed.map(mock_server::latency));
        let scenarios = vec![
            parallel::play(&stage).await?,
            specialists::play(&stage).await?,
            many::play(&stage).await?,
            handoffs::play(&stage).await?,
        ];
        if options.json {
            println!("{}", serde_json::to_string(&Figures { scenarios })?);
        }
        Ok(())
    })
}
