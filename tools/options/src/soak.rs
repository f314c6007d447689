//! What the soak takes.

use clap::Args;

use crate::number::number;

/// How long the conversation is, and how often its process is killed.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct Soak {
    /// Number of model turns
    #[arg(default_value_t = 1_000, value_parser = number::<u32>)]
    pub turns: u32,
    /// Number of kills
    #[arg(default_value_t = 200, value_parser = number::<u32>)]
    pub kills: u32,
    /// Seed of the random moments. The same seed gives the same moments [default: a new one each
    /// time]
    #[arg(long, value_name = "NUMBER", value_parser = number::<u64>)]
    pub seed: Option<u64>,
    /// Prints the figures as JSON on the last line
    #[arg(long)]
    pub json: bool,
}

impl Soak {
    /// The words that say this.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let numbers = [self.turns, self.kills].map(|number| number.to_string());
        let seed = self.seed.map(|seed| format!("--seed={seed}"));
        numbers.into_iter().chain(seed).chain(self.json.then(|| "--json".to_owned())).collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::Soak;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        soak: Soak,
    }

    #[test]
    fn what_was_read_is_read_again_from_its_words() {
        for words in ["", "150 20 --json", "--seed 7", "500", "30 4 --seed=1"] {
            let read = |words: Vec<String>| {
                Line::try_parse_from(["soak".to_owned()].into_iter().chain(words)).unwrap().soak
            };
            let soak = read(words.split_whitespace().map(str::to_owned).collect());
            assert_eq!(read(soak.words()), soak, "{words:?}");
        }
    }
}
