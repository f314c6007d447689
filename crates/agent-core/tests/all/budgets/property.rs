//! Over random trees of agents and budgets, with any parallelism, failures and cancels, no budget is
//! overshot.

use std::{
    collections::{BTreeMap, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    sync::{Arc, Mutex},
    time::Duration,
};

use agent_core::{
    Agent, BoxStream, Conversation, Delta, Limits, Llm, LlmError, Request, StopReason, Team, Usage,
    budget::{Budget, SharedBudget, Spent, Usd},
    model::{Counts, LlmErrorKind, Priced},
};
use futures::{StreamExt, stream};
use proptest::prelude::*;
use serde_json::json;

use crate::common::{Act, Log};

const MAX_TOKENS: u32 = 100;

/// A model that does at random what models do: it answers, calls, delegates, fails, begins again. It
/// uses any number of tokens up to what it may use. It notes what each conversation has used.
#[derive(Clone, Default)]
struct Chance {
    seed: u64,
    used: Arc<Mutex<BTreeMap<String, Spent>>>,
}

/// A source of numbers.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        self.0 = hasher.finish();
        self.0 % sides
    }
}

impl Chance {
    fn note(&self, conversation: &str, usage: Usage) {
        let mut used = self.used.lock().unwrap();
        let spent = used.entry(conversation.to_owned()).or_default();
        spent.requests += 1;
        spent.input_tokens += usage.all_input_tokens();
        spent.output_tokens += usage.output_tokens;
        spent.cost += price(&usage);
    }

    /// What the conversations under this id have used.
    fn used(&self, id: &str) -> Spent {
        let mut sum = Spent::default();
        for (other, spent) in self.used.lock().unwrap().iter() {
            if other == id || other.starts_with(&format!("{id}/")) {
                sum += *spent;
            }
        }
        sum
    }
}

fn price(usage: &Usage) -> Usd {
    Usd::from_micros(usage.all_input_tokens() + 5 * usage.output_tokens)
}

impl Llm for Chance {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let mut hasher = DefaultHasher::new();
        (self.seed, &*request.conversation, request.messages.len()).hash(&mut hasher);
        let mut dice = Dice(hasher.finish());
        // The server counts fewer tokens than are estimated, but for equal words the same.
        let percent = 1 + self.seed % 100;
        let input = (request.estimated_input_tokens() * percent).div_ceil(100);
        let id = request.conversation.to_string();
        let attempts = 1 + u64::from(dice.roll(5) == 0);
        let mut deltas = Vec::new();
        for attempt in 1..=attempts {
            let usage = Usage::new(input, dice.roll(u64::from(MAX_TOKENS) + 1));
            let counts = Box::new(Counts::from(usage));
            // The server counts the request when it has it.
            let note = (self.clone(), id.clone(), usage);
            let start = Delta::Start { id: None, model: None, usage: counts.clone(), extra: [].into() };
            deltas.push((dice.roll(30), Some(note), Ok(start)));
            if attempt < attempts {
                deltas.push((0, None, Ok(Delta::Restarted { reason: "it broke off".to_owned() })));
                continue;
            }
            let count = if request.tools.is_empty() { 0 } else { dice.roll(4) };
            for index in 0..count as usize {
                let input = match dice.roll(2) {
                    0 if request.depth < 3 => json!({"to": format!("agent_{}", dice.roll(3))}),
                    _ => json!({"ms": dice.roll(20)}),
                };
                deltas.push((0, None, Ok(Delta::call(index, format!("c{index}"), "act", input))));
            }
            if count == 0 {
                deltas.push((0, None, Ok(Delta::words(0, "Done."))));
            }
            let stop_reason = if count > 0 { StopReason::ToolUse } else { StopReason::EndTurn };
            let (stop_details, extra) = (None, [].into());
            deltas.push(match dice.roll(8) {
                0 => (0, None, Err(LlmError::new(LlmErrorKind::Server, "it is down"))),
                _ => {
                    (dice.roll(30), None, Ok(Delta::Stop { stop_reason, stop_details, usage: counts, extra }))
                }
            });
        }
        let timed = stream::iter(deltas).then(|(ms, note, delta)| async move {
            if let Some((model, id, usage)) = note {
                // A request that is stopped after this has been paid for.
                model.note(&id, usage);
            }
            tokio::time::sleep(Duration::from_millis(ms)).await;
            delta
        });
        timed.boxed()
    }
}

fn budget() -> impl Strategy<Value = Budget> {
    let limit = |most: u64| prop::option::weighted(0.3, 0..most);
    let kept = prop_oneof![3 => Just(0_u8), 1 => 0..=100_u8];
    (limit(12), limit(6_000), limit(1_200), limit(8_000), limit(12_000), limit(10), kept).prop_map(
        |(requests, input, output, tokens, usd, calls, kept)| {
            let mut budget = Budget::new().keep_for_answer(kept).warn_at(50);
            (budget.requests, budget.input_tokens, budget.output_tokens) = (requests, input, output);
            (budget.tokens, budget.usd, budget.calls) = (tokens, usd.map(Usd::from_micros), calls);
            budget
        },
    )
}

/// Fails if more was used than the budget allows.
fn check(whose: &str, budget: &Budget, used: Spent) -> Result<(), TestCaseError> {
    let limits = [
        (budget.requests, used.requests),
        (budget.input_tokens, used.input_tokens),
        (budget.output_tokens, used.output_tokens),
        (budget.tokens, used.input_tokens + used.output_tokens),
        (budget.usd.map(Usd::micros), used.cost.micros()),
    ];
    for (limit, used) in limits {
        prop_assert!(limit.is_none_or(|limit| used <= limit), "{whose}: {budget:?} but {used}");
    }
    Ok(())
}

async fn check_run(
    seed: u64,
    budgets: [Budget; 6],
    stopped_after: Option<u64>,
    at_once: usize,
) -> Result<(), TestCaseError> {
    let model = Chance { seed, ..Chance::default() };
    let [run, conversation_budget, shared, large, one, two] = budgets;
    let of_tools = [Some(one.clone()), Some(two.clone()), None];
    let agents = of_tools.iter().enumerate().map(|(number, budget)| {
        let act = Act::new("act", &Log::default()).spec(|spec| spec.budget = budget.clone());
        let prices = |_: &str, usage: &Usage| Some(price(usage));
        let priced = Priced::new(model.clone(), "any", prices).unwrap();
        let agent = Agent::builder(format!("agent_{number}"), priced).base_prompt("").tool(act);
        agent.max_tokens(MAX_TOKENS).build().unwrap()
    });
    let team = Team::new(agents).unwrap();
    let process = SharedBudget::new("process", large.clone());
    let tenant = SharedBudget::new("tenant", shared.clone()).within(&process);
    let limits = Limits::new()
        .budget(run.clone())
        .conversation_budget(conversation_budget.clone())
        .shared_budget(tenant.clone())
        .calls_at_once(at_once);
    let mut conversations = ["a", "b"].map(|id| Conversation::start("agent_0", "Go.").with_id(id));
    let mut before = [Spent::default(); 2];
    for round in 0..3 {
        let [a, b] = &mut conversations;
        let runs = [a, b].map(|conversation| team.run(conversation).limits(limits.clone()));
        let all = futures::future::join_all(runs);
        match stopped_after.filter(|_| round == 0) {
            Some(ms) => drop(tokio::time::timeout(Duration::from_millis(ms), all).await),
            None => drop(all.await),
        }
        prop_assert_eq!((tenant.reserved(), process.reserved()), Default::default());
        check("tenant", &shared, tenant.spent())?;
        check("process", &large, process.spent())?;
        for (conversation, before) in conversations.iter_mut().zip(&mut before) {
            let (id, really) = (conversation.id().to_owned(), model.used(conversation.id()));
            check(&id, &conversation_budget, really)?;
            let known = conversation.spent();
            prop_assert!(known.input_tokens >= really.input_tokens, "{id} forgets: {known:?} of {really:?}");
            prop_assert!(
                known.output_tokens >= really.output_tokens,
                "{id} forgets: {known:?} of {really:?}"
            );
            prop_assert!(run.calls.is_none_or(|most| conversation.spent_since_user().calls <= most));
            let since = |now: u64, before: u64| now - before;
            let mut in_run = Spent::default();
            in_run.requests = since(really.requests, before.requests);
            in_run.input_tokens = since(really.input_tokens, before.input_tokens);
            in_run.output_tokens = since(really.output_tokens, before.output_tokens);
            in_run.cost = Usd::from_micros(since(really.cost.micros(), before.cost.micros()));
            check(&format!("run of {id}"), &run, in_run)?;
            if round > 0 {
                *before = really;
                conversation.say("And now?");
            }
        }
        // The conversations that a call delegated, by the agent that made the call.
        let delegated = model.used.lock().unwrap().clone();
        let top = delegated.keys().filter(|id| id.matches('/').count() == 1);
        for id in top {
            check(id, &one, model.used(id))?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn invariant_11_no_budget_is_overshot(
        seed: u64,
        budgets in prop::array::uniform6(budget()),
        stopped_after in prop::option::of(0..300_u64),
        at_once in 1..5_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.unwrap().block_on(check_run(seed, budgets, stopped_after, at_once))?;
    }
}
