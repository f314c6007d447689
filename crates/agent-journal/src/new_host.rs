//! From a journal to a host for a conversation.

use agent_core::{Conversation, Team};

use crate::{Journal, JournalError, JournalHost};

impl Journal {
    /// Makes a host that runs this conversation and saves it in this journal. If the journal has no
    /// session with the conversation's id, a new session starts. If the journal has such a session,
    /// `conversation` becomes the saved state.
    ///
    /// A program that may have been restarted passes an empty conversation, and says something only
    /// after that:
    ///
    /// ```
    /// # use agent_core::{Agent, Conversation, Team, script::{Reply, Script}};
    /// # use agent_journal::Journal;
    /// # let folder = tempfile::tempdir()?;
    /// # let file = folder.path().join("runs.journal");
    /// # let team = Team::new([Agent::builder("clerk", Script::new([Reply::text("Done.")])).build()?])?;
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let journal = Journal::open(&file)?;
    /// let mut conversation = Conversation::new("clerk").with_id("order-17");
    /// let host = journal.host(team, &mut conversation).await?;
    /// if conversation.messages().is_empty() {
    ///     conversation.say("Pay what I owe.");
    /// }
    /// host.run(&mut conversation).await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// The conversation may also have more than the session, because you loaded it with
    /// [`Journal::conversation`] and said something. Then the addition is saved, too. If the two
    /// differ in what they share, for example in the first message, this fails with
    /// [`JournalError::Diverged`].
    ///
    /// The conversation needs its own id: set it with [`Conversation::with_id`] and see
    /// [`check_session_id`](agent_core::conversation::check_session_id). This also fails if another
    /// host drives the session ([`JournalError::Driven`]).
    pub async fn host(
        &self,
        team: Team,
        conversation: &mut Conversation,
    ) -> Result<JournalHost, JournalError> {
        let (ledger, lease) = self.open_session(conversation).await?;
        Ok(JournalHost::new(team, ledger, lease))
    }
}
