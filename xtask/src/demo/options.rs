//! The demo's options.

/// A real model's reply takes 2 s; divided by this, the whole demo ends in 15 s.
const SPEED: f64 = 4.0;

const USAGE: &str = "\
usage: cargo xtask demo [--speed N] [--json] [--live]

  --speed N  how many times faster than a real model the scripted one is (4; 1 is 2 s a reply)
  --json     no log; one line of figures at the end
  --live     asks Claude, or any server at ANTHROPIC_BASE_URL, instead of the scripted one";

/// What was asked for.
pub(super) struct Options {
    pub(super) speed: f64,
    pub(super) json: bool,
    pub(super) live: bool,
}

impl Options {
    pub(super) fn read(arguments: &[&str]) -> Result<Self, String> {
        let mut options = Self { speed: SPEED, json: false, live: false };
        let mut arguments = arguments.iter();
        while let Some(&argument) = arguments.next() {
            match argument {
                "--json" => options.json = true,
                "--live" => options.live = true,
                "--speed" => options.speed = arguments.next().and_then(|text| speed(text)).ok_or(USAGE)?,
                _ => return Err(USAGE.to_owned()),
            }
        }
        Ok(options)
    }
}

fn speed(text: &str) -> Option<f64> {
    text.parse().ok().filter(|speed| (0.1..=1000.0).contains(speed))
}

#[cfg(test)]
mod tests {
    use super::Options;

    #[test]
    fn options_are_read_or_the_usage_is_shown() {
        let check = |arguments: &[&str], expected: Option<(f64, bool, bool)>| {
            let read =
                Options::read(arguments).ok().map(|options| (options.speed, options.json, options.live));
            assert_eq!(read, expected, "{arguments:?}");
        };
        check(&[], Some((4.0, false, false)));
        check(&["--json", "--speed", "1"], Some((1.0, true, false)));
        check(&["--live"], Some((4.0, false, true)));
        check(&["--speed"], None);
        check(&["--speed", "0"], None);
        check(&["--fast"], None);
    }
}
