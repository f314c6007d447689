//! What every drill takes.

use clap::Args;

use crate::number::number;

/// How often runs are killed, and what is said of it.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct Rounds {
    /// Number of runs. Each is killed and started again until it ends [default: 200 on a journal,
    /// 50 on Restate, 10 on three servers]
    #[arg(value_parser = number::<usize>)]
    pub rounds: Option<usize>,
    /// Seed of the random moments. The same seed gives the same moments [default: a new one each
    /// time]
    #[arg(long, value_name = "NUMBER", value_parser = number::<u64>)]
    pub seed: Option<u64>,
    /// Prints the figures as JSON on the last line
    #[arg(long)]
    pub json: bool,
}

impl Rounds {
    /// The words that say this.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let rounds = self.rounds.map(|rounds| rounds.to_string());
        let seed = self.seed.map(|seed| format!("--seed={seed}"));
        let json = self.json.then(|| "--json".to_owned());
        [rounds, seed, json].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::Rounds;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        rounds: Rounds,
    }

    #[test]
    fn what_was_read_is_read_again_from_its_words() {
        for words in [&[][..], &["20", "--json"], &["--seed", "7"], &["--json", "1000", "--seed=1"]] {
            let read = |words: &[String]| {
                Line::try_parse_from([&["drill".to_owned()], words].concat()).unwrap().rounds
            };
            let rounds = read(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
            assert_eq!(read(&rounds.words()), rounds, "{words:?}");
            assert_eq!(
                rounds.words().len(),
                words.len() - usize::from(words.contains(&"--seed")),
                "{words:?}"
            );
        }
    }
}
