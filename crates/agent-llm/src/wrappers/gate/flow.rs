//! When the next request may go: what the gate knows of the server, and what follows from it.
//!
//! No clock, no queue and no request is in here: times come in, since the gate was made, and
//! decisions go out.

use std::time::Duration;

use super::{bucket::Bucket, hold::Hold};

/// How many requests may be open before the server has said anything.
const FIRST: f64 = 4.0;
/// What each request that the server takes adds to that, until it refuses one; then it is one a
/// window.
const OPENING: f64 = 0.5;
/// What each request that the server takes adds to the pace, in requests a second.
const QUICKENING: f64 = 0.02;
/// What a new pace is of the rate that was measured.
const CAUTION: f64 = 0.9;
/// What a pace may run up while a timer is late.
const LATE: f64 = 1.5;
/// The wait after a first refusal that names none; doubled for each that follows, up to
/// [`LONGEST`].
const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(8);
/// The longest hold, if nothing else is said.
const LONGEST_HOLD: Duration = Duration::from_secs(600);

/// The state of the way to the server.
#[derive(Debug)]
pub(crate) struct Flow {
    /// Whether it heeds what the server says, or is only a bound.
    learns: bool,
    max_open: usize,
    window: f64,
    open: usize,
    /// Of those that are open, the ones the server has not answered yet.
    unheard: usize,
    held: Option<Hold>,
    longest_hold: Duration,
    /// The pace that refusals taught.
    learned: Option<Bucket>,
    /// The pace that replies' headers tell.
    told: Option<Bucket>,
    /// What has been sent since somebody has had to wait.
    stretch: Option<Stretch>,
    last: Option<Refused>,
    /// Refusals since the server last took a request.
    in_a_row: u32,
}

/// A time without a break in which as much was sent as could be.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    since: Duration,
    sent: u32,
}

/// A time when the server refused; all requests that were under way then share it.
#[derive(Debug)]
struct Refused {
    at: Duration,
    stretch: Option<Stretch>,
    pace: Option<f64>,
}

/// The server had no room for a request.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Whether it was for too many requests (429), and not for its load (529).
    pub(crate) too_many: bool,
    /// How long it asks to wait.
    pub(crate) retry_after: Option<Duration>,
    /// What it said.
    pub(crate) why: String,
}

/// What the next request waits for.
#[derive(Debug, PartialEq)]
pub(crate) enum Wait {
    /// The end of the time that the server asked for.
    Held(Duration),
    /// Its place in the pace.
    Pace(Duration),
    /// The end of one that is open.
    Open,
}

impl Flow {
    pub(crate) fn new() -> Self {
        Self {
            learns: true,
            max_open: 256,
            window: FIRST,
            open: 0,
            unheard: 0,
            held: None,
            longest_hold: LONGEST_HOLD,
            learned: None,
            told: None,
            stretch: None,
            last: None,
            in_a_row: 0,
        }
    }

    /// One that lets out so many at once, whatever the server says.
    pub(crate) fn at_most(open: usize) -> Self {
        Self { learns: false, max_open: open.max(1), window: f64::INFINITY, ..Self::new() }
    }

    pub(crate) fn bound(&mut self, max_open: usize) {
        self.max_open = max_open.max(1);
    }

    pub(crate) fn hold_at_most(&mut self, time: Duration) {
        self.longest_hold = time;
    }

    pub(crate) fn open(&self) -> usize {
        self.open
    }

    /// When the last hold ends.
    pub(crate) fn held_until(&self) -> Duration {
        self.held.as_ref().map_or(Duration::ZERO, |held| held.until)
    }

    /// How long all are held from now, and why; nothing if they are not.
    pub(crate) fn held(&self, now: Duration) -> Option<(Duration, String)> {
        self.held.as_ref().and_then(|held| Some((held.left(now)?, held.why.clone())))
    }

    /// Sends a request, if one may go.
    pub(crate) fn send(&mut self, now: Duration) -> Result<(), Wait> {
        if let Some(held) = &mut self.held {
            if let Some(left) = held.left(now) {
                return Err(Wait::Held(left));
            }
            if std::mem::take(&mut held.probe) {
                self.window = 1.0; // One finds out for all.
            }
        }
        if self.open >= self.max_open.min(self.window as usize) {
            return Err(Wait::Open);
        }
        let pace = self.paces().map(|pace| pace.wait(now)).max().unwrap_or_default();
        if !pace.is_zero() {
            return Err(Wait::Pace(pace));
        }
        self.paces().for_each(Bucket::take);
        self.open += 1;
        self.unheard += 1;
        if let Some(stretch) = &mut self.stretch {
            stretch.sent += 1;
        }
        Ok(())
    }

    /// Whether somebody has to wait now. Only while that is so do what is sent and what is refused
    /// say what the server takes.
    pub(crate) fn pressed(&mut self, pressed: bool, now: Duration) {
        match pressed {
            true => {
                let since = self.held.as_ref().map_or(now, |held| held.until.max(now));
                // Those that are open were sent at once, as a rule: the others had no place.
                let sent = self.unheard as u32;
                self.stretch.get_or_insert(Stretch { since, sent });
            }
            false => self.stretch = None,
        }
    }

    /// The server has taken a request.
    pub(crate) fn taken(&mut self, now: Duration) {
        self.unheard -= 1;
        self.in_a_row = 0;
        if self.stretch.is_none() || !self.learns {
            return; // What nobody needs is not tried.
        }
        let by = if self.last.is_some() { 1.0 / self.window } else { OPENING };
        self.window = (self.window + by).min(self.max_open as f64).max(1.0);
        if let Some(pace) = &mut self.learned {
            pace.quicken(now, QUICKENING);
        }
    }

    /// The server has refused a request that was sent at this time.
    pub(crate) fn refused(&mut self, sent: Duration, refusal: Refusal, now: Duration) {
        if !self.learns {
            return;
        }
        let known = self.last.as_ref().is_some_and(|last| sent <= last.at);
        if !known {
            self.in_a_row += 1;
            self.back_off(refusal.too_many, now);
        }
        let doubled = SHORTEST.saturating_mul(1 << (self.in_a_row.clamp(1, 8) - 1)).min(LONGEST);
        let asked = refusal.retry_after.unwrap_or(doubled);
        let mut hold = Hold::begin(now, asked, self.longest_hold, refusal.why);
        self.stretch = Some(Stretch { since: hold.until, sent: 0 });
        // If it is cut short, it says nothing of the rate.
        hold.probe = hold.probe || !self.measure(hold.until, now);
        self.hold(hold);
    }

    /// What begins once a time in which the server refuses.
    fn back_off(&mut self, too_many: bool, now: Duration) {
        let stretch = self.stretch.take().filter(|_| too_many);
        if stretch.is_none() {
            self.window = (self.window / 2.0).max(1.0);
        }
        let pace = self.learned.as_ref().map(Bucket::rate);
        self.last = Some(Refused { at: now, stretch, pace });
    }

    /// The server took what was sent and not refused, from one end of a hold to the next. That is
    /// its rate, whatever it had saved up, since that is used up both times. If it took nothing,
    /// its rate is not known, and the answer is no.
    fn measure(&mut self, until: Duration, now: Duration) -> bool {
        let Some(Refused { stretch: Some(stretch), pace, .. }) = &mut self.last else { return true };
        stretch.sent = stretch.sent.saturating_sub(1);
        let seconds = until.saturating_sub(stretch.since).as_secs_f64().max(0.001);
        let measured = CAUTION * f64::from(stretch.sent) / seconds;
        let rate = measured.max(pace.map_or(0.0, |pace| pace / 2.0));
        let took_some = stretch.sent > 0;
        self.learned = (rate > 0.0).then(|| Bucket::new(rate.max(self.slowest()), LATE, 0.0, now));
        took_some
    }

    fn hold(&mut self, hold: Hold) {
        match &mut self.held {
            Some(held) if hold.until <= held.until => held.probe |= hold.probe,
            held => *held = Some(hold),
        }
    }

    /// A reply's head says what the server still takes: `remaining` of `limit`, all of it in
    /// `reset`.
    pub(crate) fn told(&mut self, of: &str, limit: u64, remaining: u64, reset: Duration, now: Duration) {
        if !self.learns {
            return;
        }
        if of == "requests" {
            // Heads are written in whole seconds.
            let rate = limit.saturating_sub(remaining).max(1) as f64 / reset.as_secs_f64().max(1.0);
            let left = remaining as f64 - self.unheard as f64;
            self.told = Some(Bucket::new(rate.max(self.slowest()), limit.max(1) as f64, left, now));
        } else if remaining == 0 {
            // What a request will cost is not known; a tenth of the limit is enough for one.
            let why = format!("the account has no {of} left");
            self.hold(Hold::begin(now, reset / 10, self.longest_hold, why));
        }
    }

    /// A request is over.
    pub(crate) fn ended(&mut self, heard: bool) {
        self.open -= 1;
        self.unheard -= usize::from(!heard);
    }

    /// How long one waits that has so many before it, as far as that is known, and why.
    pub(crate) fn outlook(&mut self, wait: &Wait, ahead: usize) -> (Duration, String) {
        let rate = self.paces().map(|pace| pace.rate()).min_by(f64::total_cmp);
        let behind = rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(ahead as f64 / rate));
        match (wait, &self.held) {
            (Wait::Held(wait), Some(held)) => (wait.saturating_add(behind), held.why.clone()),
            (Wait::Held(wait) | Wait::Pace(wait), _) => {
                let rate = rate.unwrap_or_default();
                let reason = format!("the server takes about {rate:.1} requests a second, {ahead} go first");
                (wait.saturating_add(behind), reason)
            }
            (Wait::Open, _) => (behind, format!("{} requests are open, {ahead} go first", self.open)),
        }
    }

    /// The slowest pace: a request for each of the longest holds, to see.
    fn slowest(&self) -> f64 {
        1.0 / self.longest_hold.max(Duration::from_secs(1)).as_secs_f64()
    }

    fn paces(&mut self) -> impl Iterator<Item = &mut Bucket> {
        self.learned.iter_mut().chain(&mut self.told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    /// Plays a list of facts, each `TIME FACT`, with times in milliseconds; says what was sent and
    /// what the next request waits for.
    fn play(facts: &str) -> String {
        let (mut flow, mut lines) = (Flow::new(), Vec::new());
        for fact in facts.split(", ") {
            let words: Vec<&str> = fact.split(' ').collect();
            let now = millis(words[0].parse().unwrap());
            let number = |place: usize| words[place].parse::<u64>().unwrap();
            let refusal = |too_many| {
                let retry_after = words.get(3).map(|_| millis(number(3)));
                Refusal { too_many, retry_after, why: "full".to_owned() }
            };
            match words[1] {
                "send" => {
                    let wait = loop {
                        match flow.send(now) {
                            Ok(()) => lines.push(format!("{now:?} sent")),
                            Err(wait) => break wait,
                        }
                    };
                    flow.pressed(true, now);
                    lines.push(format!("{now:?} {wait:?}"));
                }
                "taken" => {
                    flow.taken(now);
                    flow.ended(true);
                }
                "429" | "529" => {
                    flow.refused(millis(number(2)), refusal(words[1] == "429"), now);
                    flow.ended(false);
                }
                "told" => flow.told(words[2], number(3), number(4), millis(number(5)), now),
                _ => panic!("no such fact: {fact}"),
            }
        }
        lines.join("\n")
    }

    #[test]
    fn four_are_open_at_first_and_two_that_are_taken_make_room_for_another() {
        insta::assert_snapshot!(play("0 send, 100 taken, 100 send, 200 taken, 200 send"), @"
        0ns sent
        0ns sent
        0ns sent
        0ns sent
        0ns Open
        100ms sent
        100ms Open
        200ms sent
        200ms sent
        200ms Open
        ");
    }

    #[test]
    fn a_429_holds_all_as_told_and_gives_a_pace() {
        // Three of four taken by the end of the hold, which is two a second; nine tenths of it are
        // 1.8.
        insta::assert_snapshot!(play("0 send, 400 taken, 400 taken, 400 taken, 500 429 0 1000, 600 send, 1500 send, 2332 send, 2334 send"), @"
        0ns sent
        0ns sent
        0ns sent
        0ns sent
        0ns Open
        600ms Held(900ms)
        1.5s sent
        1.5s Pace(277.777222ms)
        2.332s sent
        2.332s Pace(277.777222ms)
        2.334s Pace(275.777222ms)
        ");
    }

    #[test]
    fn refusals_of_what_was_sent_before_are_one() {
        insta::assert_snapshot!(play("0 send, 500 429 0 1000, 500 429 0 1000, 500 429 0 2000, 2400 send, 2500 send, 5300 send"), @"
        0ns sent
        0ns sent
        0ns sent
        0ns sent
        0ns Open
        2.4s Held(100ms)
        2.5s Pace(777.775ms)
        5.3s sent
        5.3s Pace(1.388886111s)
        ");
    }

    #[test]
    fn a_529_halves_what_may_be_open_and_waits_longer_each_time() {
        insta::assert_snapshot!(play("0 send, 1 529 0, 1 529 0, 1 529 0, 1 529 0, 1 send, 501 send, 502 529 501, 502 529 501, 502 send, 1502 send, 1503 529 1502, 1503 send"), @"
        0ns sent
        0ns sent
        0ns sent
        0ns sent
        0ns Open
        1ms Held(500ms)
        501ms sent
        501ms sent
        501ms Open
        502ms Held(1s)
        1.502s sent
        1.502s Open
        1.503s Held(2s)
        ");
    }

    #[test]
    fn where_the_server_took_nothing_one_finds_out_for_all() {
        // No rate was measured: a pace of nothing would be no pace at all.
        insta::assert_snapshot!(play("0 send, 9 429 0 1000, 9 429 0 1000, 9 429 0 1000, 9 429 0 1000, 1009 send, 1100 taken, 1100 send"), @"
        0ns sent
        0ns sent
        0ns sent
        0ns sent
        0ns Open
        1.009s sent
        1.009s Open
        1.1s sent
        1.1s sent
        1.1s Open
        ");
    }

    #[test]
    fn after_a_hold_that_is_cut_short_one_finds_out_for_all() {
        // An hour is asked for; the three that are open are taken, which says nothing of what comes
        // later.
        insta::assert_snapshot!(play("0 send, 1 429 0 3600000, 2 taken, 2 taken, 2 taken, 500000 send, 600001 send, 600002 429 600001 2999000, 1200002 send, 1200003 taken, 1200003 send"), @"
        0ns sent
        0ns sent
        0ns sent
        0ns sent
        0ns Open
        500s Held(100.001s)
        600.001s sent
        600.001s Open
        1200.002s sent
        1200.002s Open
        1200.003s sent
        1200.003s sent
        1200.003s Open
        ");
    }

    #[test]
    fn no_more_goes_than_remains() {
        insta::assert_snapshot!(play("0 send, 0 taken, 0 taken, 0 taken, 0 told requests 50 3 60000, 0 send, 1276 send, 1277 send"), @"
        0ns sent
        0ns sent
        0ns sent
        0ns sent
        0ns Open
        0ns sent
        0ns sent
        0ns Pace(1.276594468s)
        1.276s Pace(594.468µs)
        1.277s sent
        1.277s Pace(1.276190213s)
        ");
        insta::assert_snapshot!(play("0 told requests 50 50 0, 0 told input-tokens 9 0 60000, 0 send, 6000 send"), @"
        0ns Held(6s)
        6s sent
        6s sent
        6s sent
        6s sent
        6s Open
        ");
    }

    #[test]
    fn what_heads_say_holds_no_longer_than_a_refusal() {
        insta::assert_snapshot!(play("0 told requests 9 0 86400000, 0 send, 0 told requests 1 0 86400000, 0 send, 600000 send"), @"
        0ns Pace(599.9994s)
        0ns Pace(599.9994s)
        600s sent
        600s Pace(599.9994s)
        ");
        insta::assert_snapshot!(play("0 told input-tokens 9 0 86400000, 0 send, 600000 send"), @"
        0ns Held(600s)
        600s sent
        600s Open
        ");
    }

    #[test]
    fn the_outlook_counts_those_before() {
        let mut flow = Flow::new();
        flow.told("requests", 60, 0, Duration::from_secs(60), Duration::ZERO);
        let wait = flow.send(Duration::ZERO).unwrap_err();
        let (wait, why) = flow.outlook(&wait, 9);
        assert_eq!(
            (wait.as_secs_f64().round(), why.as_str()),
            (10.0, "the server takes about 1.0 requests a second, 9 go first")
        );
    }
}
