//! The shapes of the tasks with which LLMCompiler was measured (Kim and others, ICML 2024): its public data
//! sets say how many things a question asks for.

use std::time::Duration;

/// A task: calls, and which of them need which.
pub(crate) struct Shape {
    pub(crate) name: String,
    pub(crate) question: String,
    pub(crate) steps: Vec<Step>,
}

pub(crate) struct Step {
    pub(crate) tool: &'static str,
    /// What the call is about.
    pub(crate) about: String,
    /// The places of the steps whose results it needs.
    pub(crate) needs: Vec<usize>,
    pub(crate) takes: Duration,
}

/// How long the searches take, one after the other.
const SEARCHES: [u64; 5] = [900, 1_400, 1_100, 700, 1_200];
/// How long a calculation takes.
const CALCULATION: Duration = Duration::from_millis(300);

/// All shapes: HotpotQA's comparisons search for two things, the recommendations of films for eight. ParallelQA
/// searches for two to five, calculates with each, and compares.
pub(crate) fn all() -> Vec<Shape> {
    let parallel_qa = |things: usize| Shape::new(format!("ParallelQA, {things} things"), things, true);
    let mut all = vec![
        Shape::new("HotpotQA, comparison".to_owned(), 2, false),
        Shape::new("Films".to_owned(), 8, false),
    ];
    all.extend((2..=5).map(parallel_qa));
    all
}

impl Shape {
    fn new(name: String, things: usize, calculates: bool) -> Self {
        let question = format!("Which of the {things} things is the largest, after the changes?");
        let mut steps: Vec<Step> = (0..things)
            .map(|thing| Step {
                tool: "search",
                about: format!("the size of thing {thing}"),
                needs: Vec::new(),
                takes: Duration::from_millis(SEARCHES[thing % SEARCHES.len()]),
            })
            .collect();
        if calculates {
            let calculation = |thing: usize| Step {
                tool: "calculate",
                about: format!("{}% more", 10 * (thing + 1)),
                needs: vec![thing],
                takes: CALCULATION,
            };
            steps.extend((0..things).map(calculation));
            let about = "the largest".to_owned();
            steps.push(Step {
                tool: "calculate",
                about,
                needs: (things..2 * things).collect(),
                takes: CALCULATION,
            });
        }
        Self { name, question, steps }
    }

    /// How many steps must end before this one can begin, one after the other.
    pub(crate) fn layer(&self, place: usize) -> usize {
        self.steps[place].needs.iter().map(|needed| self.layer(*needed) + 1).max().unwrap_or(0)
    }

    /// How long the calls take if each begins when what it needs is there.
    pub(crate) fn critical_path(&self) -> Duration {
        (0..self.steps.len()).map(|place| self.end_of(place)).max().unwrap_or_default()
    }

    fn end_of(&self, place: usize) -> Duration {
        let step = &self.steps[place];
        step.takes + step.needs.iter().map(|needed| self.end_of(*needed)).max().unwrap_or_default()
    }
}
