//! All guards of a team.

use std::{fmt, sync::Arc, time::Duration};

use agent_core::{Llm, Team, Tool};

use crate::{
    CallGuard, InputGuard, InputRewriter, OutputGuard, ResultGuard, Windows,
    check::Named,
    guarded_tool::GuardedTool,
    models::{CheckedModel, JudgedModel, OutputCheck, RewrittenModel},
};

/// Guards, by what they check. [`around`](Self::around) puts them around a team.
///
/// Each guard has a name, which refusals and events contain. A guard that fails, panics or takes
/// longer than [`timeout`](Self::timeout) has refused. Guards of one kind check one after the other,
/// in the order in which they were added, each what the one before it has let through. Only
/// [input guards](Self::input) run in parallel. Clones are cheap.
#[must_use = "guards do nothing until they are around a team, a model or a tool"]
#[derive(Clone, Default)]
pub struct Guards {
    input: Vec<Named<dyn InputGuard>>,
    rewriters: Vec<Named<dyn InputRewriter>>,
    output: Vec<Named<dyn OutputGuard>>,
    calls: Vec<Named<dyn CallGuard>>,
    results: Vec<Named<dyn ResultGuard>>,
    windows: Option<Windows>,
    tries: Option<u32>,
    limit: Option<Duration>,
}

fn named<G: ?Sized>(name: impl Into<Arc<str>>, guard: Arc<G>) -> Named<G> {
    Named { name: name.into(), guard }
}

impl Guards {
    const TRIES: u32 = 3;

    /// Makes an empty set of guards.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a guard that judges what the user says, beside the request to the model. It sees the
    /// user's words, also if a [rewriter](Self::rewrite_input) replaces them for the model.
    pub fn input(mut self, name: impl Into<Arc<str>>, guard: impl InputGuard + 'static) -> Self {
        self.input.push(named(name, Arc::new(guard)));
        self
    }

    /// Adds a guard that may replace what the user says, before the request to the model.
    pub fn rewrite_input(mut self, name: impl Into<Arc<str>>, guard: impl InputRewriter + 'static) -> Self {
        self.rewriters.push(named(name, Arc::new(guard)));
        self
    }

    /// Adds a guard that checks what a model says, and what a tool [answers](agent_core::Outcome::Answer)
    /// in its place. Replies are held back until they are checked.
    pub fn output(mut self, name: impl Into<Arc<str>>, guard: impl OutputGuard + 'static) -> Self {
        self.output.push(named(name, Arc::new(guard)));
        self
    }

    /// Adds a guard that checks calls before they are made.
    pub fn call(mut self, name: impl Into<Arc<str>>, guard: impl CallGuard + 'static) -> Self {
        self.calls.push(named(name, Arc::new(guard)));
        self
    }

    /// Adds a guard that checks the results of calls.
    pub fn result(mut self, name: impl Into<Arc<str>>, guard: impl ResultGuard + 'static) -> Self {
        self.results.push(named(name, Arc::new(guard)));
        self
    }

    /// Checks and shows the text of replies in parts, instead of all at the end. The replies then
    /// have no id of the server, so a backend whose server keeps the history sends all of it.
    pub fn windows(mut self, windows: Windows) -> Self {
        self.windows = Some(windows);
        self
    }

    /// Sets how many replies a model may give to one request until a guard allows one
    /// ([`OutputVerdict::Retry`](crate::OutputVerdict)). The default is 3.
    pub fn tries(mut self, tries: u32) -> Self {
        self.tries = Some(tries);
        self
    }

    /// Sets how long each check may take. By default there is no limit.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Puts the guards around all models and tools of a team. For one agent, make a team of it.
    pub fn around(&self, team: Team) -> Team {
        let team = match self.input.is_empty() && self.rewriters.is_empty() && self.output.is_empty() {
            true => team,
            false => team.wrap_models(|llm| self.model(llm)),
        };
        // A tool may give the answer, so guards of output are around tools, too.
        match self.calls.is_empty() && self.results.is_empty() && self.output.is_empty() {
            true => team,
            false => team.wrap_tools(|tool| self.tool(tool)),
        }
    }

    /// Puts the guards of input and output around one model, to build an agent with it.
    pub fn model(&self, llm: impl Llm + 'static) -> Arc<dyn Llm> {
        let (mut llm, limit): (Arc<dyn Llm>, _) = (Arc::new(llm), self.limit);
        if !self.rewriters.is_empty() {
            llm = Arc::new(RewrittenModel { llm, guards: self.rewriters.clone(), limit });
        }
        if !self.output.is_empty() {
            let check = self.output_check();
            let (windows, tries) = (self.windows, self.tries.unwrap_or(Self::TRIES));
            llm = Arc::new(CheckedModel { llm, check, windows, tries });
        }
        if !self.input.is_empty() {
            llm = Arc::new(JudgedModel { llm, guards: self.input.clone(), limit });
        }
        llm
    }

    fn output_check(&self) -> OutputCheck {
        OutputCheck { guards: self.output.clone(), limit: self.limit }
    }

    /// Puts the guards of calls, results and output around one tool. Those of output check only an
    /// [answer that ends the run](agent_core::Outcome::Answer). The tool keeps its
    /// [spec](agent_core::ToolSpec) with all flags. Its time limit includes the checks.
    ///
    /// Two things still use the input that the model wrote, also if a guard replaces it: the record,
    /// and the key by which calls take turns
    /// ([`ToolSpec::exclusive_by`](agent_core::ToolSpec::exclusive_by)). A call that starts while
    /// the reply streams is checked before it starts.
    pub fn tool(&self, tool: impl Tool + 'static) -> Arc<dyn Tool> {
        let (calls, results) = (self.calls.clone(), self.results.clone());
        let (output, limit) = (self.output_check(), self.limit);
        Arc::new(GuardedTool { tool: Arc::new(tool), calls, results, output, limit })
    }
}

/// Shows the names of the guards.
impl fmt::Debug for Guards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn names<G: ?Sized>(guards: &[Named<G>]) -> Vec<&str> {
            guards.iter().map(|guard| &*guard.name).collect()
        }
        f.debug_struct("Guards")
            .field("input", &names(&self.input))
            .field("rewriters", &names(&self.rewriters))
            .field("output", &names(&self.output))
            .field("calls", &names(&self.calls))
            .field("results", &names(&self.results))
            .field("windows", &self.windows)
            .field("tries", &self.tries)
            .field("limit", &self.limit)
            .finish()
    }
}
