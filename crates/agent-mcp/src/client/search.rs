//! Many tools, of which a model reads only those that it has searched for.

use std::{collections::HashMap, fmt, sync::Arc};

use agent_core::{
    BoxStream, Context, Conversation, Delta, Json, Llm, LlmError, Message, Outcome, Request, Tool, ToolSpec,
    Usage, agent::Rules, async_trait, budget::Usd,
};
use serde_json::json;

/// The name of the tool that searches.
const NAME: &str = "search_tools";

/// The most tools that one search finds, and the most characters of a description in its result.
const FOUND: usize = 8;
const LONGEST: usize = 300;

/// Many tools, of which requests have only the names, and one tool that searches them. The
/// descriptions of 200 tools are tens of thousands of tokens in each request.
///
/// A model that has searched gets what was found in its next requests, and can call it. Calls then
/// run as those of any tool. A tool that was called stays, too.
///
/// ```
/// # use agent_core::{Agent, Llm, Tool, BuildError};
/// # fn build(model: impl Llm + 'static, tools: Vec<std::sync::Arc<dyn Tool>>) -> Result<Agent, BuildError> {
/// use agent_mcp::ToolSearch;
///
/// let search = ToolSearch::new(tools); // such as `server.tools()`
/// let agent = Agent::builder("helper", search.model(model)).tools(search.tools()).build()?;
/// # Ok(agent) }
/// ```
///
/// Some APIs do the same on their side, which keeps their prompt cache: see
/// [`on_claude`](Self::on_claude).
#[derive(Clone)]
pub struct ToolSearch(Arc<Inner>);

struct Inner {
    tools: Vec<Arc<dyn Tool>>,
    /// The places of the tools, by their names.
    places: HashMap<String, usize>,
    spec: ToolSpec,
}

impl ToolSearch {
    /// Makes a search of these tools.
    pub fn new(tools: impl IntoIterator<Item = impl Tool + 'static>) -> Self {
        let tools: Vec<Arc<dyn Tool>> =
            tools.into_iter().map(|tool| Arc::new(tool) as Arc<dyn Tool>).collect();
        let names: Vec<String> = tools.iter().map(|tool| tool.spec().name.clone()).collect();
        let description = format!(
            "Finds tools by words of their names and descriptions. A tool can be called after it was found. There are: \
             {}",
            names.join(", ")
        );
        let query = json!({"type": "string", "description": "Words, or names of tools."});
        let schema = json!({"type": "object", "properties": {"query": query}, "required": ["query"]});
        let mut spec = ToolSpec::new(NAME, description, schema);
        spec.read_only = true;
        let places = names.into_iter().enumerate().map(|(place, name)| (name, place)).collect();
        Self(Arc::new(Inner { tools, places, spec }))
    }

    /// The tools, and the one that searches them, for an agent whose model is
    /// [`model`](Self::model).
    pub fn tools(&self) -> Vec<Arc<dyn Tool>> {
        let search: Arc<dyn Tool> = Arc::new(Search(self.0.clone()));
        [search].into_iter().chain(self.0.tools.iter().cloned()).collect()
    }

    /// A wrapper around a model: its requests have only the tools that were found or called.
    pub fn model(&self, llm: impl Llm + 'static) -> Arc<dyn Llm> {
        Arc::new(Filtered { llm: Arc::new(llm), search: self.0.clone() })
    }

    /// The tools and the server tool for an agent on the Messages API, which searches by itself:
    /// the tools are sent with `defer_loading`, and the model reads only those that it has searched
    /// for. No wrapper around the model is needed.
    ///
    /// ```
    /// # use agent_core::{Agent, Llm, Tool, BuildError};
    /// # fn build(claude: impl Llm + 'static, tools: Vec<std::sync::Arc<dyn Tool>>) -> Result<Agent, BuildError> {
    /// # use agent_mcp::ToolSearch;
    /// let (tools, search) = ToolSearch::on_claude(tools);
    /// let agent = Agent::builder("helper", claude).tools(tools).server_tool(search).build()?;
    /// # Ok(agent) }
    /// ```
    pub fn on_claude(
        tools: impl IntoIterator<Item = impl Tool + 'static>,
    ) -> (Vec<Arc<dyn Tool>>, serde_json::Value) {
        let deferred = |tool| Arc::new(Deferred::new(Arc::new(tool))) as Arc<dyn Tool>;
        let search = json!({"type": "tool_search_tool_bm25_20251119", "name": "tool_search_tool_bm25"});
        (tools.into_iter().map(deferred).collect(), search)
    }
}

impl Inner {
    /// The tools that fit a query best, the best first.
    fn find(&self, query: &str) -> Vec<&ToolSpec> {
        let words: Vec<String> = words(query).collect();
        let mut found: Vec<(usize, &ToolSpec)> = self
            .tools
            .iter()
            .map(|tool| tool.spec())
            .map(|spec| (points(&words, spec), spec))
            .filter(|(points, _)| *points > 0)
            .collect();
        // Stable: of two equal ones, the first listed comes first.
        found.sort_by_key(|(points, _)| std::cmp::Reverse(*points));
        found.into_iter().take(FOUND).map(|(_, spec)| spec).collect()
    }

    /// The places of the tools that the messages have found or called, in that order.
    fn loaded(&self, messages: &[Message]) -> Vec<usize> {
        let mut loaded = Vec::new();
        let mut load = |name: &str| {
            let new = self.places.get(name).filter(|place| !loaded.contains(*place)).copied();
            loaded.extend(new);
        };
        let mut searches = Vec::new();
        for message in messages {
            for call in message.tool_calls() {
                match call.name == NAME {
                    true => searches.push(call.id.as_str()),
                    false => load(&call.name),
                }
            }
            for (id, content, _) in message.tool_results().filter(|(id, ..)| searches.contains(id)) {
                debug_assert!(!id.is_empty(), "each call has an id");
                let text = content.to_text();
                let names = text.lines().filter_map(|line| line.strip_prefix("- ")?.split(':').next());
                names.for_each(&mut load);
            }
        }
        loaded
    }
}

/// How well a tool fits the words: its own name counts most, then words in the name.
fn points(query: &[String], spec: &ToolSpec) -> usize {
    let (name, description) = (spec.name.to_lowercase(), spec.description.to_lowercase());
    let schema = spec.input_schema.text().to_lowercase();
    let in_name: Vec<String> = words(&name).collect();
    let point = |word: &String| match word {
        word if *word == name => 100,
        word if in_name.contains(word) => 10,
        word if name.contains(word.as_str()) => 5,
        word if description.contains(word.as_str()) => 3,
        word if schema.contains(word.as_str()) => 1,
        _ => 0,
    };
    query.iter().map(point).sum()
}

/// The words of a text, and the names in it.
fn words(text: &str) -> impl Iterator<Item = String> {
    let text = text.to_lowercase();
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let names: Vec<String> = text.split(|c: char| !is_part(c)).map(str::to_owned).collect();
    let parts = names.clone().into_iter().flat_map(|name| {
        let parts: Vec<String> = name.split(['_', '-']).map(str::to_owned).collect();
        if parts.len() > 1 { parts } else { Vec::new() }
    });
    names.into_iter().chain(parts).filter(|word| word.len() > 1)
}

/// The tool that searches.
struct Search(Arc<Inner>);

#[async_trait]
impl Tool for Search {
    fn spec(&self) -> &ToolSpec {
        &self.0.spec
    }

    async fn call(&self, input: Json, _: Context) -> Outcome {
        #[derive(serde::Deserialize)]
        struct Query {
            query: String,
        }
        let query: Query = match input.parse() {
            Ok(query) => query,
            Err(error) => return Outcome::error(format!("invalid input: {error}")),
        };
        let found = self.0.find(&query.query);
        if found.is_empty() {
            return Outcome::output("No tool fits. Search with other words, or with a name of the list.");
        }
        let line = |spec: &&ToolSpec| {
            let words: String = spec.description.chars().take(LONGEST).collect();
            format!("- {}: {}", spec.name, words.replace('\n', " "))
        };
        let lines: Vec<String> = found.iter().map(line).collect();
        Outcome::output(format!("These can be called now:\n{}", lines.join("\n")))
    }
}

/// A model that is sent only the tools that were found or called.
struct Filtered {
    llm: Arc<dyn Llm>,
    search: Arc<Inner>,
}

impl Llm for Filtered {
    fn stream(&self, mut request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let loaded = self.search.loaded(&request.messages);
        let always = request.tools.iter().filter(|spec| !self.search.places.contains_key(&spec.name));
        // What was found last stands last, so that the beginning of requests stays the same.
        let found = loaded.iter().filter_map(|place| {
            let name = &self.search.tools[*place].spec().name;
            request.tools.iter().find(|spec| spec.name == *name)
        });
        request.tools = always.chain(found).cloned().collect();
        self.llm.stream(request)
    }

    fn supports_answer_schema(&self, schema: &Json) -> bool {
        self.llm.supports_answer_schema(schema)
    }

    fn max_cost(&self, usage: &Usage) -> Option<Usd> {
        self.llm.max_cost(usage)
    }
}

/// A tool that the API keeps back until the model has searched for it.
struct Deferred {
    tool: Arc<dyn Tool>,
    spec: ToolSpec,
}

impl Deferred {
    fn new(tool: Arc<dyn Tool>) -> Self {
        let mut spec = tool.spec().clone();
        spec.extra.insert("defer_loading".to_owned(), json!(true).into());
        Self { tool, spec }
    }
}

#[async_trait]
impl Tool for Deferred {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, input: Json, context: Context) -> Outcome {
        self.tool.call(input, context).await
    }

    fn introduce(&self, conversation: &Conversation, request: Request, rules: &dyn Rules) -> Request {
        self.tool.introduce(conversation, request, rules)
    }
}

impl fmt::Debug for ToolSearch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolSearch").field("tools", &self.0.tools.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use agent_core::ToolSpec;
    use serde_json::json;

    use super::{points, words};

    #[test]
    fn the_best_fit_comes_first() {
        let spec =
            |name: &str, description: &str| ToolSpec::new(name, description, json!({"type": "object"}));
        let tools = [
            spec("list_issues", "Lists issues of a repository."),
            spec("create_issue", "Opens a new issue."),
            spec("send_mail", "Sends a message, for example about an issue."),
            spec("weather", "The weather to come."),
        ];
        let check = |query: &str, expected: &[&str]| {
            let query: Vec<String> = words(query).collect();
            let mut found: Vec<(usize, &str)> =
                tools.iter().map(|spec| (points(&query, spec), spec.name.as_str())).collect();
            found.retain(|(points, _)| *points > 0);
            found.sort_by_key(|(points, _)| std::cmp::Reverse(*points));
            let names: Vec<&str> = found.into_iter().map(|(_, name)| name).collect();
            assert_eq!(names, expected, "{query:?}");
        };
        check("create_issue", &["create_issue", "list_issues", "send_mail"]);
        check("weather", &["weather"]);
        check("mail", &["send_mail"]);
        check("database", &[]);
    }
}
