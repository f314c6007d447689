//! What the journal costs: runs of the drill's team, whose models and tools take no time, with it and without, beside what the
//! disk takes for a sync in the same minute.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use agent_core::{Conversation, Team};
use agent_journal::Journal;
use futures::future::try_join_all;

use drill::{Done, EFFECTS, TASK, Ways, median, team};
use program::println;

use crate::disk;

/// How often each is measured.
const TIMES: usize = 50;

/// How many runs there are at once.
const AT_ONCE: usize = 100;

/// Where it is measured: on the disk that holds the project, since a folder for temporary files may be in memory.
const FOLDER: &str = "target";

/// Measures, and says what it found.
pub(crate) fn run() -> Done {
    std::fs::create_dir_all(FOLDER)?;
    let folder = tempfile::tempdir_in(FOLDER)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        one_run(folder.path()).await?;
        many_runs(folder.path()).await
    })
}

fn instant_team() -> Done<Team> {
    team(&Ways { repeatable: true, in_background: true, takes_time: false, log: None })
}

/// Runs one after the other, with the journal and without in turn.
async fn one_run(folder: &Path) -> Done {
    let journal = Journal::open(folder.join("one"))?;
    let (mut plain, mut journaled, mut synced, mut syncs) = (Vec::new(), Vec::new(), Vec::new(), 0);
    let (mut kept, mut kept_syncs) = (Vec::new(), 0);
    for time in 0..TIMES {
        let began = Instant::now();
        instant_team()?.run(&mut Conversation::start("lead", TASK)).await?;
        plain.push(began.elapsed());
        synced.extend(disk::syncs(folder, EFFECTS)?);
        let before = journal.syncs();
        journaled.push(on_journal(&journal, &format!("trip-{time}"), false).await?);
        syncs += journal.syncs() - before;
        let before = journal.syncs();
        kept.push(on_journal(&journal, &format!("kept-{time}"), true).await?);
        kept_syncs += journal.syncs() - before;
    }
    let events = journal.kept_events("kept-0", 0)?;
    let (plain, journaled, sync) = (median(&plain), median(&journaled), median(&synced));
    let syncs = syncs as f64 / TIMES as f64;
    let cost = journaled.saturating_sub(plain);
    println!(
        "a run of {EFFECTS} effects, one at a time; medians of {TIMES}, and the disk's own of {}",
        synced.len()
    );
    println!("  without a journal           {:8.2} ms", ms(plain));
    println!("  with one                    {:8.2} ms", ms(journaled));
    println!("  its syncs                   {syncs:8.1}");
    println!("  with its events kept        {:8.2} ms", ms(median(&kept)));
    println!("  its syncs                   {:8.1}", kept_syncs as f64 / TIMES as f64);
    println!("  its events                  {:8}", events.len());
    println!("  fdatasync by itself         {:8.3} ms", ms(sync));
    println!("  cost / its syncs            {:8.2}", cost.as_secs_f64() / (syncs * sync.as_secs_f64()));
    Ok(())
}

/// Many runs at once, on one journal.
async fn many_runs(folder: &Path) -> Done {
    let journal = Journal::open(folder.join("many"))?;
    let began = Instant::now();
    let plain = (0..AT_ONCE).map(|_| async {
        tokio::spawn(async {
            instant_team()?.run(&mut Conversation::start("lead", TASK)).await.map_err(Into::into)
        })
        .await?
    });
    let ended: Done<Vec<_>> = try_join_all(plain).await;
    ended?;
    let plain = began.elapsed();
    let (began, before) = (Instant::now(), journal.syncs());
    let runs = (0..AT_ONCE).map(|run| {
        let journal = journal.clone();
        async move {
            tokio::spawn(async move { on_journal(&journal, &format!("trip-{run}"), false).await }).await?
        }
    });
    let ended: Done<Vec<Duration>> = try_join_all(runs).await;
    ended?;
    let (took, syncs) = (began.elapsed(), journal.syncs() - before);
    let effects = (AT_ONCE * EFFECTS) as f64;
    println!("{AT_ONCE} such runs at once");
    println!("  without a journal           {:8.1} ms", ms(plain));
    println!("  with one                    {:8.1} ms", ms(took));
    println!("  effects a second            {:8.0}", effects / took.as_secs_f64());
    println!("  effects a sync              {:8.1}", effects / syncs as f64);
    Ok(())
}

/// A run on the journal, until nobody drives its session any more; how long it took.
async fn on_journal(journal: &Journal, id: &str, keeps_events: bool) -> Done<Duration> {
    let began = Instant::now();
    let mut conversation = Conversation::start("lead", TASK).with_id(id);
    let host = journal.host(instant_team()?, &mut conversation).await?;
    let host = if keeps_events { host.keep_events() } else { host };
    host.run(&mut conversation).await?;
    Ok(began.elapsed())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
