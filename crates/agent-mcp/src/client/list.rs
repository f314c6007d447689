//! The tools that a server offers at the moment.

use std::{collections::HashMap, sync::Arc};

use agent_core::{ToolSpec, message::safe_line};
use rmcp::model::{Tool, ToolAnnotations};

use super::{
    Approval, McpErrorKind,
    connection::Connection,
    names, pages,
    schema::{Rules, shown},
    settings::Settings,
};

/// The tools of a server, by the server's names, in the order in which it lists them.
#[derive(Default)]
pub(super) struct List {
    pub(super) offers: Vec<Arc<Offer>>,
    /// The list as it was sent, to tell whether a new one differs.
    tools: Vec<Tool>,
}

/// A tool that a server offers.
pub(super) struct Offer {
    /// The server's name for it.
    pub(super) name: String,
    /// All that the server says about it.
    pub(super) definition: Tool,
    /// What the model is shown, and how calls run.
    pub(super) spec: ToolSpec,
    /// How inputs are checked; an error if the schema can't be used.
    pub(super) input: Result<Rules, String>,
    /// How structured results are checked.
    pub(super) output: Option<Rules>,
}

impl List {
    pub(super) fn of(tools: Vec<Tool>, settings: &Settings) -> Self {
        let is_used = |tool: &&Tool| {
            let is = |name: &String| *name == tool.name;
            settings.only.as_ref().is_none_or(|only| only.iter().any(is)) && !settings.without.iter().any(is)
        };
        let used: Vec<&Tool> = tools.iter().filter(is_used).collect();
        let names = names::mapped(used.iter().map(|tool| &*tool.name));
        let offers = used.into_iter().map(|tool| Arc::new(Offer::of(tool, &names[&*tool.name], settings)));
        Self { offers: offers.collect(), tools }
    }

    pub(super) fn offer(&self, name: &str) -> Option<&Arc<Offer>> {
        self.offers.iter().find(|offer| offer.name == name)
    }

    pub(super) fn is_of(&self, tools: &[Tool]) -> bool {
        self.tools == tools
    }

    /// Fails if the settings name a tool that the server does not have.
    pub(super) fn check(&self, settings: &Settings) -> Result<(), McpErrorKind> {
        let known = || self.tools.iter().map(|tool| tool.name.to_string());
        let changed = settings.changes.iter().map(|(name, _)| name);
        let mut named = settings.only.iter().flatten().chain(&settings.without).chain(changed);
        match named.find(|name| known().all(|known| known != **name)) {
            Some(tool) => {
                let known = known().map(|name| safe_line(&name).into_owned()).collect();
                Err(McpErrorKind::NoSuchTool { tool: tool.clone(), known })
            }
            None => Ok(()),
        }
    }
}

impl Offer {
    fn of(tool: &Tool, name: &str, settings: &Settings) -> Self {
        let input = Rules::of(&tool.input_schema);
        let output = tool.output_schema.as_deref().and_then(|schema| Rules::of(schema).ok());
        let (schema, rule) = shown(&tool.input_schema);
        let title = tool.title.as_deref().or_else(|| tool.annotations.as_ref()?.title.as_deref());
        let mut description = tool.description.as_deref().or(title).unwrap_or_default().to_owned();
        if let Some(rule) = rule {
            description = format!("{description}\n\n{rule}");
        }
        let mut spec = ToolSpec::new(name, description.trim(), schema);
        spec.timeout = Some(settings.call_timeout);
        hints(&mut spec, tool.annotations.as_ref().unwrap_or(&ToolAnnotations::default()), settings);
        if let Err(why) = &input {
            spec.fault = Some(format!(
                "the server's schema of its input can't be used: {}; leave the tool out with `without([{:?}])`",
                safe_line(why),
                tool.name
            ));
        }
        for (_, change) in settings.changes.iter().filter(|(name, _)| *name == tool.name) {
            change(&mut spec);
        }
        Self { name: tool.name.to_string(), definition: tool.clone(), spec, input, output }
    }
}

/// How calls run, from what the server says about the tool and whether it is believed.
fn hints(spec: &mut ToolSpec, said: &ToolAnnotations, settings: &Settings) {
    let believed = |hint: Option<bool>| settings.is_trusted && hint == Some(true);
    spec.read_only = believed(said.read_only_hint);
    spec.idempotent = believed(said.idempotent_hint);
    let is_harmless = spec.read_only || (settings.is_trusted && said.destructive_hint == Some(false));
    spec.needs_approval = match settings.approval {
        Approval::Never => false,
        Approval::Destructive => !is_harmless,
        Approval::Always => true,
    };
}

/// Reads the server's list.
pub(super) async fn read(connection: &Connection, settings: &Settings) -> Result<Vec<Tool>, McpErrorKind> {
    let info = connection.peer().peer_info();
    if info.is_none_or(|info| info.capabilities.tools.is_none()) {
        return Ok(Vec::new());
    }
    let tools = pages::all(connection, settings, "tools/list", |peer, at| async move {
        peer.list_tools(at).await.map(|page| (page.tools, page.next_cursor))
    });
    let (mut list, mut places) = (Vec::<Tool>::new(), HashMap::new());
    for tool in tools.await? {
        let place = *places.entry(tool.name.to_string()).or_insert(list.len());
        // The later one of two with one name wins, as it would in a table.
        match list.get_mut(place) {
            Some(earlier) => *earlier = tool,
            None => list.push(tool),
        }
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{http::Http, settings::Reach};
    use serde_json::{Value, json};

    fn settings() -> Settings {
        Settings::new(Reach::Http(Http::at("http://127.0.0.1".to_owned())))
    }

    fn offer(tool: Value, settings: &Settings) -> Arc<Offer> {
        let tool: Tool = serde_json::from_value(tool).unwrap();
        List::of(vec![tool], settings).offers[0].clone()
    }

    #[test]
    fn what_the_program_says_wins_over_the_server() {
        let check = |hints: Value, trusted: bool, approval: Approval, expected: [bool; 3]| {
            let mut settings = settings();
            (settings.is_trusted, settings.approval) = (trusted, approval);
            let tool = json!({"name": "t", "inputSchema": {"type": "object"}, "annotations": hints});
            let spec = offer(tool.clone(), &settings).spec.clone();
            assert_eq!([spec.read_only, spec.idempotent, spec.needs_approval], expected, "{hints}");

            settings.changes.push(("t".to_owned(), Arc::new(|spec: &mut ToolSpec| spec.read_only = true)));
            assert!(offer(tool, &settings).spec.read_only);
        };
        let (reads, destroys) = (json!({"readOnlyHint": true}), json!({"destructiveHint": true}));
        check(json!({}), true, Approval::Never, [false, false, false]);
        check(reads.clone(), true, Approval::Destructive, [true, false, false]);
        check(json!({"idempotentHint": true}), true, Approval::Destructive, [false, true, true]);
        check(destroys.clone(), true, Approval::Never, [false, false, false]);
        check(destroys, true, Approval::Destructive, [false, false, true]);
        check(json!({"destructiveHint": false}), true, Approval::Destructive, [false, false, false]);
        check(reads.clone(), true, Approval::Always, [true, false, true]);
        // Nothing that a server says makes its calls run sooner if it is not trusted.
        check(json!({"readOnlyHint": true, "idempotentHint": true}), false, Approval::Never, [false; 3]);
        check(reads, false, Approval::Destructive, [false, false, true]);
    }

    #[test]
    fn a_schema_that_leads_elsewhere_is_a_fault_with_its_reason() {
        let schema = json!({"type": "object", "properties": {"a": {"$ref": "https://example.com/a.json"}}});
        let offer = offer(json!({"name": "t", "inputSchema": schema}), &settings());
        let fault = offer.spec.fault.as_deref().unwrap();
        assert!(fault.contains("nothing is fetched") && fault.contains("without([\"t\"])"), "{fault}");
    }
}
