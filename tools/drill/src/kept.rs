//! What an engine keeps of a run, as a process left it.

use std::collections::{BTreeMap, BTreeSet};

use agent_core::{Block, Conversation, Message, Outcome, message::BlockKind};

use crate::{bill::Paid, log::background_call};

/// What a result says whose call may have been made, and may not be made again.
const UNKNOWN: &str = "outcome unknown: ";

/// What is kept of one session.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The conversation, if its run has come to its end.
    pub answered: Option<Conversation>,
    /// What each call led to, by its key; those of delegated conversations are among them. One that led to a delegation leads
    /// to what comes of that, too.
    pub outcomes: BTreeMap<String, Vec<Outcome>>,
    /// The keys of calls that began and may not be made twice, and whose end is not there.
    pub unknown: BTreeSet<String>,
    /// The same where it can't be told whether they began.
    pub perhaps_unknown: BTreeSet<String>,
    /// What was paid for its requests, if it has a budget.
    pub paid: Option<Paid>,
    /// How many permits of calls are held or waited for, after the end of the run.
    pub permits: usize,
}

impl Kept {
    /// How this end differs from that of a run that nobody stopped. Nothing may differ, but that of the calls that `may` says
    /// the outcome is unknown.
    pub fn differs(&self, undisturbed: &Self, may: &MayBeUnknown<'_>) -> Option<String> {
        let (Some(one), Some(other)) = (&self.answered, &undisturbed.answered) else {
            return Some("it has not come to its end".to_owned());
        };
        if !self.outcomes.keys().eq(undisturbed.outcomes.keys()) {
            return Some("other calls were made".to_owned());
        }
        let calls = self.outcomes.iter().zip(undisturbed.outcomes.values());
        let mut calls = calls.filter(|((key, is), was)| {
            let is_unknown =
                matches!(is.as_slice(), [Outcome::Error(why)] if why.to_text().starts_with(UNKNOWN));
            !may.is_right(key, is_unknown, is == was)
        });
        if let Some(((key, is), _)) = calls.next() {
            return Some(format!("call {key} led to {is:?}"));
        }
        messages_differ(one, other, may)
    }
}

/// The calls whose outcome is unknown in a run that was stopped.
#[derive(Clone, Copy, Debug)]
pub struct MayBeUnknown<'a> {
    /// The keys of those of which it must be.
    pub must: &'a BTreeSet<String>,
    /// The keys of those of which it may be.
    pub may: &'a BTreeSet<String>,
}

impl MayBeUnknown<'_> {
    fn is_right(&self, key: &str, is_unknown: bool, is_same: bool) -> bool {
        match is_unknown {
            true => self.must.contains(key) || self.may.contains(key),
            false => is_same && !self.must.contains(key),
        }
    }
}

/// Its messages, without the time at which a result of a background call was told: first all that was not told so, with equal
/// answers in a row as one, and then what was.
fn untimed(conversation: &Conversation) -> Vec<&Message> {
    let all = conversation.messages().iter();
    let (told, mut others): (Vec<&Message>, Vec<&Message>) =
        all.partition(|message| background_call(message).is_some());
    others.dedup();
    others.extend(told);
    others
}

/// Block by block; results by the ids of their calls.
fn messages_differ(one: &Conversation, other: &Conversation, may: &MayBeUnknown<'_>) -> Option<String> {
    let shape = |conversation: &Conversation| -> Vec<_> {
        untimed(conversation).iter().map(|message| (message.role(), message.content().len())).collect()
    };
    if shape(one) != shape(other) || one.transfer_records() != other.transfer_records() {
        return Some("its messages are others".to_owned());
    }
    let blocks = |conversation: &Conversation| -> Vec<Block> {
        untimed(conversation).iter().flat_map(|message| message.content().to_vec()).collect()
    };
    let is_right = |is: &Block, was: &Block| match (is.kind(), was.kind()) {
        (
            BlockKind::ToolResult { tool_use_id, content, is_error },
            BlockKind::ToolResult { tool_use_id: same, .. },
        ) if tool_use_id == same => {
            let is_unknown = *is_error && content.to_text().starts_with(UNKNOWN);
            may.is_right(&format!("{}/{same}", one.id()), is_unknown, is.json() == was.json())
        }
        _ => is.json() == was.json(),
    };
    let (is, was) = (blocks(one), blocks(other));
    let wrong = is.iter().zip(&was).find(|(is, was)| !is_right(is, was));
    wrong.map(|(is, was)| format!("{} stands in it, not {}", is.json().text(), was.json().text()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use agent_core::{Response, StopReason, conversation::Change};

    use super::*;

    const BOTH: [&str; 2] = ["= a", "= b"];

    /// A session of two calls that led to this (`= text` or `failed: text`), and one in a delegated conversation.
    fn kept([one, other]: [&str; 2], deep: &str, last: &str) -> Kept {
        let outcome = |text: &str| match text.split_once(' ').unwrap() {
            ("=", text) => Outcome::output(text),
            (_, text) => Outcome::error(text),
        };
        let mut conversation = Conversation::start("lead", "Go.").with_id("s");
        let reply = |content: Vec<Block>, stop| Change::Answered(Response::new(content, stop));
        let call = |id: &str| Block::tool_use(id, "look", serde_json::json!({}));
        conversation.apply("s", reply(vec![call("1"), call("2")], StopReason::ToolUse)).unwrap();
        for (id, text) in [("1", one), ("2", other)] {
            conversation
                .apply("s", Change::Recorded { call: id.to_owned(), done: outcome(text).into() })
                .unwrap();
        }
        conversation.apply("s", reply(vec![Block::text(last)], StopReason::EndTurn)).unwrap();
        let outcomes = [("s/1", one), ("s/2", other), ("s/3/1", deep)];
        let outcomes = outcomes.map(|(key, text)| (key.to_owned(), vec![outcome(text)])).into();
        Kept { answered: Some(conversation), outcomes, ..Kept::default() }
    }

    /// How a session in which the outcomes of these calls are unknown differs from one in which nothing was stopped.
    fn check(is: &Kept, unknown: &[&str], expected: Option<&str>) {
        let (keys, none) = (unknown.iter().map(|&key| key.to_owned()).collect(), BTreeSet::new());
        let must = MayBeUnknown { must: &keys, may: &none };
        let differs = is.differs(&kept(BOTH, "= c", "Done."), &must);
        assert_eq!(differs.as_deref(), expected);
    }

    #[test]
    fn only_the_outcome_of_a_call_that_began_and_did_not_end_may_differ_and_must() {
        let lost = "failed: outcome unknown: it may have had its effect";
        let lost_text = "Error(Text(\"outcome unknown: it may have had its effect\"))";
        check(&kept(BOTH, "= c", "Done."), &[], None);
        check(&kept(["= a", lost], "= c", "Done."), &["s/2"], None);
        check(&kept(BOTH, lost, "Done."), &["s/3/1"], None);
        check(&kept(["= a", lost], "= c", "Done."), &[], Some(&format!("call s/2 led to [{lost_text}]")));
        check(&kept(["= a", lost], "= c", "Done."), &["s/1"], Some("call s/1 led to [Output(Text(\"a\"))]"));
        check(&kept(BOTH, lost, "Done."), &["s/2"], Some("call s/2 led to [Output(Text(\"b\"))]"));
        check(&kept(BOTH, lost, "Done."), &[], Some(&format!("call s/3/1 led to [{lost_text}]")));
    }

    #[test]
    fn where_it_is_not_known_whether_a_call_began_both_are_right() {
        let (none, may) = (BTreeSet::new(), ["s/2".to_owned()].into());
        let differs =
            |is: &Kept| is.differs(&kept(BOTH, "= c", "Done."), &MayBeUnknown { must: &none, may: &may });
        let lost = "failed: outcome unknown: it may have had its effect";
        assert_eq!(differs(&kept(BOTH, "= c", "Done.")), None);
        assert_eq!(differs(&kept(["= a", lost], "= c", "Done.")), None);
        assert!(differs(&kept([lost, "= b"], "= c", "Done.")).unwrap().starts_with("call s/1 led to"));
        assert!(differs(&kept(["= a", "= x"], "= c", "Done.")).unwrap().starts_with("call s/2 led to"));
    }

    #[test]
    fn no_word_calls_or_result_may_differ() {
        let undisturbed = kept(BOTH, "= c", "Done.");
        let other_words =
            r#"{"type":"text","text":"Dome."} stands in it, not {"type":"text","text":"Done."}"#;
        check(&kept(BOTH, "= c", "Dome."), &[], Some(other_words));
        check(&Kept::default(), &[], Some("it has not come to its end"));
        let mut fewer = undisturbed.clone();
        fewer.outcomes.remove("s/3/1");
        check(&fewer, &[], Some("other calls were made"));
        // The model read something else than what was written down.
        let read_other =
            Kept { outcomes: undisturbed.outcomes.clone(), ..kept(["= a", "= x"], "= c", "Done.") };
        assert!(
            read_other
                .differs(&undisturbed, &MayBeUnknown { must: &BTreeSet::new(), may: &BTreeSet::new() })
                .unwrap()
                .contains("stands in it, not")
        );
        let mut longer = undisturbed.clone();
        longer.answered.as_mut().unwrap().say("More.");
        check(&longer, &[], Some("its messages are others"));
    }
}
