//! A conversation that is kept, and what pages see of it.

use std::sync::Arc;

use agent_core::{Agent, Cancel, Conversation, event::LiveText};
use futures::{Stream, stream};
use serde_json::json;
use tokio::sync::{Mutex, watch};
use uuid::Uuid;

use crate::frame::{Frame, end, frames};

pub(crate) struct Session {
    conversation: Mutex<Conversation>,
    cancel: Cancel,
    /// Each page reads it from where it stands, and waits for more.
    shown: watch::Sender<Shown>,
}

/// What all pages of a conversation show.
#[derive(Default)]
struct Shown {
    frames: Vec<Frame>,
    is_answering: bool,
}

impl Session {
    pub(crate) fn new(agent: &str, id: Uuid) -> Self {
        let conversation = Conversation::new(agent).with_id(id.to_string());
        Self { conversation: conversation.into(), cancel: Cancel::new(), shown: watch::Sender::default() }
    }

    /// The frames from this number on, each with its number; it waits for those that are not there yet.
    pub(crate) fn frames(&self, first: usize) -> impl Stream<Item = (usize, Frame)> + use<> {
        stream::unfold((self.shown.subscribe(), first), |(mut shown, number)| async move {
            let is_there = |shown: &Shown| shown.frames.len() > number;
            let frame = shown.wait_for(is_there).await.ok()?.frames[number].clone();
            Some(((number, frame), (shown, number + 1)))
        })
    }

    /// Has the agent answer, in a task that no page can end by going away; false if it still answers
    /// what was said before.
    pub(crate) fn say(self: Arc<Self>, agent: &Agent, text: String) -> bool {
        let begins = self.shown.send_if_modified(|shown| {
            let begins = !shown.is_answering;
            if begins {
                shown.is_answering = true;
                shown.frames.push(Frame::new("said", json!({"text": text})));
            }
            begins
        });
        if begins {
            let answer = tokio::spawn(self.clone().answer(agent.clone(), text));
            tokio::spawn(async move {
                let last = answer.await.unwrap_or_else(|bug| {
                    Frame::new("end", json!({"error": format!("a bug, please report it: {bug}")}))
                });
                self.shown.send_modify(|shown| {
                    shown.is_answering = false;
                    shown.frames.push(last);
                });
            });
        }
        begins
    }

    /// Gives the last frame back: by then the conversation is free for the next message.
    async fn answer(self: Arc<Self>, agent: Agent, text: String) -> Frame {
        let mut conversation = self.conversation.lock().await;
        conversation.say(text);
        let run = agent.run(&mut conversation).cancelled_by(&self.cancel);
        // Who stops a reply has read its words: the model shall know them, too.
        let (mut run, mut live) = (run.keep_partial_reply(true), LiveText::top_level());
        while let Some(event) = run.next().await {
            let new = frames(&mut live, &event);
            if !new.is_empty() {
                self.shown.send_modify(|shown| shown.frames.extend(new));
            }
        }
        end(run.await)
    }

    pub(crate) fn stop(&self) {
        self.cancel.all();
    }
}
