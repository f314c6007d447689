// The panel of one bar: what was asked and answered, what it took, and what it waited for.

/** The title of a bar. */
function titleOf(bar) {
  if (bar.kind === "run") return `Run of ${line(bar.label)}`;
  if (bar.kind === "turn") return `Turn of ${line(bar.label)}`;
  if (bar.tool && bar.tool !== bar.label) return `Call of ${line(bar.label)} (${line(bar.tool)})`;
  return `Call of ${line(bar.label)}`;
}

/** A bar in one sentence, for people who do not see the picture. */
function sentenceOf(bar) {
  const states = statesOf(bar).map(([state, ms]) => `${stateOf(state).words} ${time(ms)}`);
  const end = bar.is_open ? "not ended" : bar.is_failed ? "failed" : "";
  const whole = `${titleOf(bar)}: from ${moment(bar.start_ms)}, took ${time(bar.end_ms - bar.start_ms)}`;
  return [whole, ...states, end].filter(Boolean).join(", ");
}

/** How long a bar was in each state, in order of their beginnings. */
function statesOf(bar) {
  const sums = new Map();
  for (const { state, start_ms, end_ms } of bar.segments) {
    sums.set(state, (sums.get(state) ?? 0) + end_ms - start_ms);
  }
  return [...sums];
}

/** The tokens of a usage in words. */
function tokensOf(usage) {
  const read = usage.cache_read_input_tokens ?? 0;
  const input = usage.input_tokens + read + (usage.cache_creation_input_tokens ?? 0);
  const cached = read ? ` (${read.toLocaleString("en")} from a cache)` : "";
  return `${input.toLocaleString("en")} in${cached}, ${usage.output_tokens.toLocaleString("en")} out`;
}

function fillPanel({ run, index }) {
  const { model } = view.runs[run];
  const bar = model.bars[index];
  const close = element("button", "Close", { type: "button", class: "close", title: "Close (Escape)" });
  close.addEventListener("click", closePanel);
  const title = element("h3", titleOf(bar), { id: "panel-title", tabindex: "-1" });
  const panel = byId("panel");
  panel.replaceChildren(element("div", null, { class: "panel-head" }, [title, close]));
  if (bar.error) panel.append(element("p", bar.is_failed ? "Failed" : "Error", { class: "bad" }), textBlock(bar.error));
  panel.append(statesTable(bar), facts(bar, model, run));
  for (const [name, text] of [["Asked", bar.asked], ["Answered", bar.answered]]) {
    if (text) panel.append(element("h4", name), textBlock(text));
  }
  if (bar.notes?.length) {
    const notes = bar.notes.map((note) => element("li", note, { dir: "auto" }));
    panel.append(element("h4", "Also"), element("ul", null, {}, notes));
  }
}

function textBlock(text) {
  return element("pre", text, { tabindex: "0", dir: "auto" });
}

function statesTable(bar) {
  const rows = statesOf(bar).map(([state, ms]) =>
    element("tr", null, {}, [
      element("td", null, {}, [swatch(state)]),
      element("th", stateOf(state).words, { scope: "row" }),
      element("td", time(ms), { class: "number" }),
    ]),
  );
  return element("table", null, { class: "states" }, [element("tbody", null, {}, rows)]);
}

/** What is known of a bar, as a list of names and values. */
function facts(bar, model, run) {
  const list = element("dl");
  const add = (name, ...values) => list.append(element("dt", name), element("dd", null, { dir: "auto" }, values));
  const text = (value) => document.createTextNode(shown(value));
  add("Time", text(`${time(bar.end_ms - bar.start_ms)}, from ${moment(bar.start_ms)} to ${moment(bar.end_ms)}`));
  const isOnPath = model.critical_path.some((step) => model.bars[step.bar] === bar);
  add("Critical path", text(isOnPath ? "yes: if it gets faster, so does the run" : "no"));
  if (bar.is_open) add("State", text("has not ended"));
  if (bar.could_start_ms !== undefined) {
    add("Could start", text(`at ${moment(bar.could_start_ms)}, if its tool were read_only`));
  }
  if (bar.held_by !== undefined) add("Waited for", jumpTo(model, run, bar.held_by));
  if (bar.turn !== undefined) add("Made by", jumpTo(model, run, bar.turn));
  if (bar.parent !== undefined) add("Part of", jumpTo(model, run, bar.parent));
  const { model: by, provider, server, usage, stop_reason: stop } = bar;
  if (by || provider) add("Model", text([by, provider, server].filter(Boolean).join(", ")));
  if (usage) add("Tokens", text(tokensOf(usage)));
  if (usage?.cost_micro_usd) add("Cost", text(dollars(usage.cost_micro_usd)));
  if (stop) add("Stop reason", text(stop));
  add("Agent", text(bar.agent));
  add("Id", text(bar.id));
  return list;
}

/** A button that selects another bar. */
function jumpTo(model, run, index) {
  const button = element("button", titleOf(model.bars[index]), { type: "button", class: "link" });
  button.addEventListener("click", () => {
    select({ run, index });
    openPanel();
  });
  return button;
}

function openPanel() {
  if (!view.selected) return;
  fillPanel(view.selected);
  if (byId("panel").hidden) {
    byId("panel").hidden = false;
    resize();
    reveal(view.selected);
  }
  byId("panel-title").focus();
}

function closePanel() {
  byId("panel").hidden = true;
  byId("panel").replaceChildren();
  resize();
  chart().focus();
}
