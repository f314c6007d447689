//! Which budgets pay for a conversation: its own, those of the conversations that delegated it, and
//! those that all sessions share.

use agent_core::{
    Conversation, Limits,
    budget::{Budget, BudgetScope, SharedBudget, Spent},
};
use restate_sdk::{context::ObjectContext, errors::TerminalError};

use crate::{
    accounts::shared_key,
    budgets::Budgets,
    ledger::{Account, EVERYBODY},
    process::Process,
    purse::Purse,
};

/// The header with the budgets above a delegated conversation.
const HEADER: &str = "agent-budgets";

impl Budgets {
    /// The budgets of a conversation that its user drives.
    pub(crate) fn of_session(process: &Process, conversation: &Conversation) -> Self {
        let (spent, of_run) = (conversation.spent(), conversation.spent_since_user());
        let Limits { budget, conversation_budget, .. } = &process.limits;
        let account = |scope, budget: &Option<Box<Budget>>, before| {
            let budget = budget.as_deref().filter(|budget| budget.has_limits())?.clone();
            Some(Account { conversation: conversation.id().to_owned(), scope, budget, before, spent })
        };
        let run = account(BudgetScope::Run, budget, spent.since(&of_run));
        let all = account(BudgetScope::Conversation, conversation_budget, Spent::default());
        let accounts: Vec<Account> = run.into_iter().chain(all).collect();
        let own = accounts.len();
        // Without budgets of its own, it still begins and ends those of what it delegates.
        let is_needed = process.has_tool_budgets || own > 0;
        let purse = Purse { key: conversation.id().to_owned(), accounts, is_shared: false };
        let shared = process.limits.shared_budget.iter().flat_map(SharedBudget::parts);
        let purses = is_needed.then_some(purse).into_iter().chain(shared.filter_map(shared_purse));
        Self::new(process, conversation, purses.collect(), own)
    }

    /// The budgets of a delegated conversation: its own, and those that the handler was given.
    pub(crate) fn of_delegated(
        ctx: &ObjectContext<'_>,
        process: &Process,
        conversation: &Conversation,
    ) -> Result<Self, TerminalError> {
        let own = conversation.delegation_limits().budget.as_deref().filter(|budget| budget.has_limits());
        let id = conversation.id().to_owned();
        let own = own.map(|budget| Account {
            conversation: id.clone(),
            scope: BudgetScope::Delegation(id.clone()),
            budget: budget.clone(),
            before: Spent::default(),
            spent: conversation.spent(),
        });
        let mut purses: Vec<Purse> = match ctx.headers().get(HEADER) {
            None => Vec::new(),
            Some(header) => serde_json::from_str(header)
                .map_err(|error| TerminalError::new(format!("header {HEADER:?} can't be read: {error}")))?,
        };
        let count = usize::from(own.is_some());
        match purses.first_mut().filter(|purse| !purse.is_shared) {
            Some(purse) => drop(purse.accounts.splice(..0, own)),
            // No accounts above it are of this session.
            None => {
                let accounts = own.into_iter().collect();
                purses.insert(0, Purse { key: id, accounts, is_shared: false });
            }
        }
        Ok(Self::new(process, conversation, purses, count))
    }

    /// The header for a conversation that is delegated now.
    pub(crate) fn hand_down(&self) -> Option<(String, String)> {
        let header = || serde_json::to_string(&self.purses).expect("names and numbers can be written");
        (!self.purses.is_empty()).then(|| (HEADER.to_owned(), header()))
    }
}

/// A budget that all sessions share.
fn shared_purse((scope, budget): (&BudgetScope, &Budget)) -> Option<Purse> {
    let BudgetScope::Shared(name) = scope else { return None };
    let account = Account {
        conversation: EVERYBODY.to_owned(),
        scope: scope.clone(),
        budget: budget.clone(),
        before: Spent::default(),
        spent: Spent::default(),
    };
    let purse = Purse { key: shared_key(name), accounts: vec![account], is_shared: true };
    budget.has_limits().then_some(purse)
}
