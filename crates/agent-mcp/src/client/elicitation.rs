//! Questions of a server for a person.

use std::{collections::BTreeMap, fmt, future::Future, sync::Arc};

use agent_core::{Context, Json};
use futures::{FutureExt, future::BoxFuture};
use reqwest::Url;
use rmcp::model::{ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationSchema};
use serde_json::{Map, Value};

use super::{
    calls::Caller,
    form::{NO_ANSWER, accepted, question, yes},
};

/// How a server's questions for a person are answered. By default a server can't ask any.
///
/// - [`ask_a_person`](Self::ask_a_person): the call waits, as a call that needs an approval
///   ([`Outcome::Wait`](agent_core::Outcome::Wait)). So the answer may come days later, and in
///   another process. The call is stopped at the server, and made again when there is an answer:
///   what the tool does before it asks, it does twice.
/// - [`answered_by`](Self::answered_by): a function answers while the call goes on.
///
/// Questions that send a person to a web page are declined, unless
/// [`with_web_pages`](Self::with_web_pages) allows them.
#[derive(Clone)]
pub struct Elicitation {
    how: How,
    web_pages: bool,
}

#[derive(Clone)]
enum How {
    Wait,
    Function(Arc<Answer>),
}

type Answer = dyn Fn(Form) -> BoxFuture<'static, FormAnswer> + Send + Sync;

/// What a server wants to know from a person.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Form {
    /// The server's name.
    pub server: String,
    /// The server's words. They may say anything, so show them as the server's.
    pub message: String,
    /// The JSON Schema of the answer: an object whose fields are texts, numbers, booleans or
    /// choices. An empty object if the server sends the person to a web page.
    pub schema: Json,
    /// The web page to which the server sends the person. `None` for a form. It may be any page of
    /// the web, so show the whole address, and open it only if the person says so.
    pub url: Option<String>,
    /// The key of the call in which the server asks; see [`Context::key`].
    pub call: String,
}

/// A person's answer.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub enum FormAnswer {
    /// This. Fields that it lacks get their defaults. If it then does not fit the schema, the
    /// server is told that the question was cancelled, and listeners get a
    /// [`CallProgress`](agent_core::EventKind::CallProgress) that says why.
    Accept(Json),
    /// No.
    Decline,
    /// No answer.
    Cancel,
}

/// Answers to questions for which calls wait. Give it to the run that goes on:
/// `team.run(&mut conversation).with(answers)`. Approve the call, too.
///
/// An answer counts only for the question that it was given to, so a server can't ask one thing and
/// get the answer for another.
#[derive(Clone, Debug, Default)]
pub struct FormAnswers(BTreeMap<String, (String, Json)>);

impl FormAnswers {
    /// No answers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an answer. `key` and `question` are those of the
    /// [pending call](agent_core::conversation::PendingApproval). Fields with defaults can be left
    /// out.
    pub fn accept(
        mut self,
        key: impl Into<String>,
        question: impl Into<String>,
        answer: impl Into<Json>,
    ) -> Self {
        self.0.insert(key.into(), (question.into(), answer.into()));
        self
    }
}

/// What came of a question.
pub(super) enum Asked {
    Answer(ElicitResult),
    /// A person has to be asked this first.
    Person(String),
}

impl Elicitation {
    /// The call waits until a person answers.
    ///
    /// [`End::Waiting`](agent_core::End::Waiting) has the question. Approve the call and give the
    /// answer with [`FormAnswers`], or deny the call. If the question can be answered by a yes, and
    /// the tool does not need an approval itself, an approval is the answer. That is so if each
    /// field that it requires has a default, or all but one, which is a boolean. That one is `true`
    /// then. If it can't be answered by a yes, the question says so, and an approval alone leads to
    /// the same question again.
    pub fn ask_a_person() -> Self {
        Self { how: How::Wait, web_pages: false }
    }

    /// This function answers.
    pub fn answered_by<F>(answer: impl Fn(Form) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = FormAnswer> + Send + 'static,
    {
        Self { how: How::Function(Arc::new(move |form| answer(form).boxed())), web_pages: false }
    }

    /// Also lets servers send a person to a web page, for example to sign in there or to pay: what
    /// is typed there is read by no model and not by this program. By default such questions are
    /// declined.
    ///
    /// The question shows the address. An approval of the call, or [`FormAnswer::Accept`] with
    /// anything in it, says that the person has opened the page.
    pub fn with_web_pages(mut self) -> Self {
        self.web_pages = true;
        self
    }

    pub(super) fn has_web_pages(&self) -> bool {
        self.web_pages
    }

    /// Asks a question of the server.
    pub(super) async fn ask(&self, server: &str, asked: &ElicitRequestParams, caller: &Caller) -> Asked {
        match asked {
            ElicitRequestParams::FormElicitationParams { message, requested_schema, .. } => {
                self.ask_form(server, message, requested_schema, caller).await
            }
            ElicitRequestParams::UrlElicitationParams { message, url, .. } if self.web_pages => {
                self.ask_to_open(server, message, url, caller).await
            }
            _ => Asked::Answer(ElicitResult::new(ElicitationAction::Decline)),
        }
    }

    async fn ask_form(
        &self,
        server: &str,
        message: &str,
        requested_schema: &ElicitationSchema,
        caller: &Caller,
    ) -> Asked {
        let schema = match serde_json::to_value(requested_schema) {
            Ok(Value::Object(schema)) => schema,
            _ => return Asked::Answer(ElicitResult::new(ElicitationAction::Cancel)),
        };
        let answer = match &self.how {
            How::Wait => {
                let yes = yes(&schema).filter(|_| caller.can_consent());
                let question = question(server, message, &schema, yes.as_ref());
                match given(&caller.context, &question) {
                    Some(answer) => FormAnswer::Accept(answer),
                    None => match yes.filter(|_| caller.take_consent()) {
                        Some(yes) => FormAnswer::Accept(Value::Object(yes).into()),
                        None => return Asked::Person(question),
                    },
                }
            }
            How::Function(answer) => answer(form(server, message, schema.clone(), None, caller)).await,
        };
        Asked::Answer(match answer {
            FormAnswer::Accept(answer) => {
                accepted(&answer, &schema).unwrap_or_else(|why| unfit(server, caller, &why))
            }
            FormAnswer::Decline => ElicitResult::new(ElicitationAction::Decline),
            FormAnswer::Cancel => ElicitResult::new(ElicitationAction::Cancel),
        })
    }
}

impl Elicitation {
    /// The server sends a person to a web page.
    async fn ask_to_open(&self, server: &str, message: &str, url: &str, caller: &Caller) -> Asked {
        let page = Url::parse(url).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
        let Some(page) = page else {
            let why =
                format!("the server {server:?} wants to send a person to {url:?}, which is no web page");
            caller.context.progress(format!("{why}, so that is declined"));
            return Asked::Answer(ElicitResult::new(ElicitationAction::Decline));
        };
        let answer = match &self.how {
            How::Wait => {
                let hint = if caller.can_consent() { "" } else { NO_ANSWER };
                let question =
                    format!("The server {server:?} asks a person to open {page} : {message}{hint}");
                match given(&caller.context, &question).is_some() || caller.take_consent() {
                    true => FormAnswer::Accept(Value::Object(Map::new()).into()),
                    false => return Asked::Person(question),
                }
            }
            How::Function(answer) => {
                answer(form(server, message, Map::new(), Some(page.into()), caller)).await
            }
        };
        Asked::Answer(ElicitResult::new(match answer {
            FormAnswer::Accept(_) => ElicitationAction::Accept,
            FormAnswer::Decline => ElicitationAction::Decline,
            FormAnswer::Cancel => ElicitationAction::Cancel,
        }))
    }
}

fn form(
    server: &str,
    message: &str,
    schema: Map<String, Value>,
    url: Option<String>,
    caller: &Caller,
) -> Form {
    let (server, message, call) = (server.to_owned(), message.to_owned(), caller.context.key());
    Form { server, message, schema: Value::Object(schema).into(), url, call }
}

/// An answer does not fit. The server learns nothing of it, so the program does.
fn unfit(server: &str, caller: &Caller, why: &str) -> ElicitResult {
    caller.context.progress(format!(
        "the answer to a question of the server {server:?} does not fit, so the server is told that the question was \
         cancelled: {why}"
    ));
    ElicitResult::new(ElicitationAction::Cancel)
}

/// The answer that was given to this question of this call.
fn given(context: &Context, question: &str) -> Option<Json> {
    let (to, answer) = context.get::<FormAnswers>()?.0.get(&context.key())?;
    // Questions are escaped before a person reads them.
    let is_same = to == question || *to == agent_core::message::safe_lines(question);
    (context.approved() && is_same).then(|| answer.clone())
}

impl fmt::Debug for Elicitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.how {
            How::Wait => "Elicitation(a person)",
            How::Function(_) => "Elicitation(a function)",
        })
    }
}
