// What to change, where the time went, and the figures, for each run.

function fillSummaries() {
  const summaries = view.runs.map((run, place) => summary(run, place));
  byId("summaries").replaceChildren(...comparison(), ...summaries);
}

/** The difference of two runs in one sentence. */
function comparison() {
  if (view.runs.length !== 2) return [];
  const [first, second] = view.runs;
  const [slow, fast] = [first.model.figures.wall_ms, second.model.figures.wall_ms];
  if (!(fast > 0)) return [];
  const times = (slow / fast).toFixed(1);
  const text = `${second.name}: ${time(fast)} instead of ${time(slow)}, ${times} times as fast.`;
  return [element("p", text, { class: "comparison" })];
}

function summary({ name, model }, run) {
  const section = element("section", null, { class: "summary" });
  const figures = model.figures;
  if (!model.bars.length) {
    section.append(element("h2", name ?? "The run"), element("p", "There are no events of this run, so there is nothing to show."));
    return section;
  }
  section.append(
    element("h2", name ?? "The run"),
    element("p", null, { class: "figures" }, figureList(figures)),
    element("h3", "What to change"),
    advice(model, run),
    element("h3", "Where the time on the critical path went"),
    shares(figures),
  );
  return section;
}

/** The figures, each a number and what it is. */
function figureList(figures) {
  const { usage } = figures;
  const tokens = usage.input_tokens + usage.output_tokens + (usage.cache_read_input_tokens ?? 0) +
    (usage.cache_creation_input_tokens ?? 0);
  const all = [
    [time(figures.wall_ms), "in all"],
    [time(figures.sum_ms), "of work, one after another"],
    [`${figures.speed_up.toFixed(1)}×`, "as fast as one after another"],
    [figures.most_calls.toLocaleString("en"), `${figures.most_calls === 1 ? "tool" : "tools"} at once at most`],
    [figures.requests.toLocaleString("en"), figures.requests === 1 ? "turn" : "turns"],
    [figures.calls.toLocaleString("en"), figures.calls === 1 ? "call" : "calls"],
  ];
  if (figures.failed) all.push([figures.failed.toLocaleString("en"), "failed"]);
  if (tokens) all.push([tokens.toLocaleString("en"), "tokens"]);
  if (usage.cost_micro_usd) all.push([dollars(usage.cost_micro_usd), "cost"]);
  return all.map(([number, words]) =>
    element("span", null, { class: "figure" }, [element("b", number), ` ${words}`]),
  );
}

/** Advice whose gain is what is gained if something takes no time at all. */
const BOUNDS = new Set(["small_replies", "slow_tool", "first_token", "thinking", "streaming"]);

/** A sentence whose names are in backticks. */
function quotedNames(text) {
  const parts = text.replace(/(\d) (ms|s|min|%)(?!\w)/g, "$1\u00a0$2").split("`");
  return parts.map((part, place) => element(place % 2 ? "code" : "span", part));
}

/** The advice, what gains most first. Each marks the bars it is about. */
function advice(model, run) {
  if (!model.advice.length) return element("p", "Nothing stands out.");
  const items = model.advice.map((one) => {
    const most = BOUNDS.has(one.kind) ? "at most " : "";
    const gain = one.gain_ms >= 1 ? `${most}−${time(one.gain_ms)}` : "no gain alone";
    const looks = one.gain_ms >= 1 ? "gain" : "gain none";
    const button = element("button", null, { type: "button", class: "advice", title: "Show these bars" }, [
      element("span", null, { class: "advice-text" }, quotedNames(one.text)),
      element("span", gain, { class: looks }),
    ]);
    button.addEventListener("click", () => mark(one.bars.map((index) => ({ run, index }))));
    return element("li", null, {}, [button]);
  });
  return element("ol", null, { class: "advices" }, items);
}

/** One line that is as long as the run, divided by what it waited for. */
function shares(figures) {
  const canvas = element("canvas", null, { class: "shares", "aria-hidden": "true" });
  canvas.paint = () => paintShares(canvas, figures.shares);
  const known = figures.shares.reduce((sum, share) => sum + share.part, 0);
  const items = figures.shares.filter((share) => share.part >= 0.005).map((share) => shareItem(share));
  if (1 - known >= 0.005 && figures.wall_ms > 0) items.push(element("li", `${percent(1 - known)} between steps`));
  return element("div", null, {}, [canvas, element("ul", null, { class: "share-list" }, items)]);
}

function shareItem(share) {
  const words = `${percent(share.part)} ${line(shareWords(share), 60)} (${time(share.time_ms)})`;
  return element("li", null, {}, [swatch(share.state), ` `, element("span", words)]);
}

function percent(part) {
  return `${Math.round(part * 100)} %`;
}

function paintShares(canvas, all) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, 22];
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = palette().grid;
  context.fillRect(0, 0, width, height);
  let x = 0;
  for (const { state, part } of all) {
    const piece = part * width;
    paintSegment(context, state, x, 0, Math.max(0.5, piece - 1), height);
    x += piece;
  }
}

/** The states that the runs have. */
function fillLegend() {
  const states = new Set();
  for (const { model } of view.runs) {
    for (const bar of model.bars) for (const { state } of bar.segments) states.add(state);
  }
  const isOpen = view.runs.some(({ model }) => model.bars.some((bar) => bar.is_open));
  const items = Object.keys(STATES).filter((state) => states.has(state)).map((state) =>
    element("li", null, {}, [swatch(state), " ", element("span", stateOf(state).words)]),
  );
  items.push(element("li", null, {}, [element("span", null, { class: "path-mark" }), " critical path"]));
  if (view.runs.some(({ model }) => model.bars.some((bar) => bar.could_start_ms !== undefined))) {
    items.push(element("li", null, {}, [element("span", null, { class: "could-mark" }), " could run here, if read_only"]));
  }
  if (isOpen) items.push(element("li", "… has not ended, as far as is known"));
  byId("legend").replaceChildren(...items);
}

/** The same data as a table. It is made when it is opened, since it may have thousands of rows. */
function fillTable() {
  if (!byId("table").open) return;
  const heads = ["What", "Agent", "Start", "Time", "States", "Tokens", "Cost", "Ended"];
  const head = element("tr", null, {}, heads.map((text) => element("th", text, { scope: "col" })));
  const bodies = view.runs.map(({ name, model }, run) => {
    const rows = model.bars.map((bar, index) => tableRow(bar, run, index));
    if (name !== undefined) rows.unshift(element("tr", null, {}, [element("th", name, { colspan: heads.length })]));
    return element("tbody", null, {}, rows);
  });
  const table = element("table", null, { class: "all" }, [element("thead", null, {}, [head]), ...bodies]);
  byId("rows").replaceChildren(table);
}

function tableRow(bar, run, index) {
  const open = element("button", titleOf(bar), { type: "button", class: "link" });
  open.addEventListener("click", () => {
    select({ run, index });
    openPanel();
  });
  const states = statesOf(bar).map(([state, ms]) => `${stateOf(state).words} ${time(ms)}`);
  const cost = bar.usage?.cost_micro_usd;
  const cells = [
    line(bar.agent),
    moment(bar.start_ms),
    time(bar.end_ms - bar.start_ms),
    states.join(", "),
    bar.usage ? tokensOf(bar.usage) : "",
    cost ? dollars(cost) : "",
    bar.is_open ? "no" : bar.is_failed ? "failed" : "yes",
  ];
  const first = element("td", null, {}, [open]);
  return element("tr", null, {}, [first, ...cells.map((text) => element("td", text))]);
}
