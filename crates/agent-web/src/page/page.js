"use strict";

// Everything that comes from a session is set as text, never as HTML. The page's policy would refuse HTML, too.

/** Where the routes are, also if they are mounted under another path. */
const BASE = location.pathname.replace(/\/$/, "");

/** How often the list is asked for, in ms. */
const LIST_EVERY = 2000;

/** How long to wait before the events are asked for again after the service has refused them, in ms. */
const AGAIN = 2000;

/** The most events that are shown as a list. */
const MOST_EVENTS = 1000;

const byId = (id) => document.getElementById(id);

/** An element with a class, text and children. */
function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  for (const child of children) {
    made.append(typeof child === "object" ? child : document.createTextNode(String(child)));
  }
  return made;
}

/** A button that does something. It can't be pressed again until that is done. */
function button(label, className, act) {
  const made = element("button", className, label);
  made.type = "button";
  made.addEventListener("click", async () => {
    made.disabled = true;
    await act();
    made.disabled = false;
  });
  return made;
}

// The service.

const pathOf = (id, rest = "") => `${BASE}/sessions/${encodeURIComponent(id)}${rest}`;

/** Asks the service. With a body it is a POST. Throws what the service says if it can't. */
async function ask(path, body) {
  const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(path, body === undefined ? {} : post).catch(() => {
    throw new Error("The program that serves this page does not answer.");
  });
  const text = await answer.text();
  let value = null;
  try {
    value = text ? JSON.parse(text) : null;
  } catch {
    // It is a sentence, not JSON.
  }
  if (!answer.ok) throw new Error(value?.error ?? (text || `The service answered ${answer.status}.`));
  return value;
}

// How things are written.

function ago(ms) {
  const seconds = Math.max(0, Math.round((Date.now() - ms) / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

function cost(session) {
  const tokens = session.input_tokens + session.output_tokens;
  const short = tokens < 10_000 ? String(tokens) : `${Math.round(tokens / 1000)}k`;
  const dollars = Number(session.cost_micro_usd) / 1e6;
  return dollars > 0 ? `$${dollars.toFixed(dollars < 1 ? 4 : 2)} · ${short} tokens` : `${short} tokens`;
}

function line(text, most = 300) {
  const one = String(text).replace(/\s+/g, " ").trim();
  return one.length > most ? `${one.slice(0, most - 1)}…` : one;
}

/** Calls a function soon, and only once, however often it is asked to. */
function soon(wait, act) {
  let timer = null;
  return () => {
    timer ??= setTimeout(() => {
      timer = null;
      act();
    }, wait);
  };
}

// The list.

/** The session that is shown, and what the page knows of it. */
let shown = null;

async function refreshList() {
  try {
    fillList(await ask(`${BASE}/sessions`));
    byId("list-status").textContent = "";
  } catch (error) {
    byId("list-status").textContent = error.message;
  }
}

/** The list as it was last asked for. */
let listed = null;

function fillList(sessions) {
  const list = byId("list");
  const text = JSON.stringify(sessions);
  if (text === listed) {
    // What has not changed stays as it is, so that nothing moves under a pointer.
    const ages = sessions.toReversed().filter((session) => !session.error);
    list.querySelectorAll(".age").forEach((made, place) => (made.textContent = `${ago(ages[place].began_ms)} ago`));
    return;
  }
  listed = text;
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.id : null;
  list.replaceChildren(...sessions.toReversed().map(row));
  if (sessions.length === 0) list.append(element("li", "faint", "There are no sessions yet."));
  if (focused) [...list.querySelectorAll("button")].find((made) => made.dataset.id === focused)?.focus();
  const own = sessions.find((session) => session.id === shown?.id);
  if (own) fillHead(own);
}

function row(session) {
  if (session.error) return element("li", "", element("p", "state unreadable", session.error));
  const made = element(
    "button",
    "",
    element("span", "id", session.id),
    state(session),
    element("span", "faint", `${session.agent} · ${cost(session)}`),
    element("span", "faint age", `${ago(session.began_ms)} ago`),
  );
  made.type = "button";
  made.dataset.id = session.id;
  made.title = `began ${new Date(session.began_ms).toLocaleString()}`;
  made.setAttribute("aria-current", String(session.id === shown?.id));
  made.addEventListener("click", () => show(session.id));
  return element("li", "", made);
}

const state = (session) => element("span", `state ${session.state}`, session.state);

// One session.

/** Shows a session from the beginning, and follows it. */
function show(id) {
  shown?.source.close();
  shown = { id, last: 0, began: null, words: "", agent: "", isWritten: false, isLost: false, source: null };
  location.hash = encodeURIComponent(id);
  byId("session").hidden = false;
  byId("nothing").hidden = true;
  byId("title").textContent = id;
  byId("note").textContent = "";
  for (const place of ["said", "events", "approvals", "facts", "timeline"]) byId(place).replaceChildren();
  byId("approvals").hidden = true;
  byId("no-events").hidden = true;
  for (const made of byId("list").querySelectorAll("button")) {
    made.setAttribute("aria-current", String(made.dataset.id === id));
  }
  listen(shown);
  refreshSession();
}

function listen(session) {
  const source = new EventSource(pathOf(session.id, "/events"));
  session.source = source;
  source.onopen = () => {
    if (session !== shown || !session.isLost) return;
    session.isLost = false;
    note("");
    refreshSession();
  };
  source.onmessage = (message) => {
    if (session === shown) heard(JSON.parse(message.data, exact));
  };
  source.addEventListener("error", (message) => {
    if (session !== shown) return;
    // The service says why, or the browser has lost the connection and comes back by itself.
    if (message.data) return note(JSON.parse(message.data).error, true);
    session.isLost = true;
    if (source.readyState !== EventSource.CLOSED) return note("The connection is lost. The page goes on when it is back.");
    // The service has refused, and the browser does not come back by itself. What was heard before is not shown again.
    refreshSession();
    setTimeout(() => session === shown && listen(session), AGAIN);
  });
}

function note(text, isBad = false) {
  byId("note").textContent = text;
  byId("note").classList.toggle("bad", isBad);
}

/** Does something, and says so if it can't be done. */
async function attempt(act) {
  try {
    note("");
    await act();
  } catch (error) {
    note(error.message, true);
  }
  await Promise.all([refreshSession(), refreshList()]);
}

async function refreshSession() {
  const asked = shown;
  const { last } = asked;
  try {
    const { session, transcript } = await ask(pathOf(asked.id));
    if (asked !== shown) return;
    // Another session has this id now: the one that was shown is gone.
    if (session.last_event < last) return show(asked.id);
    fillHead(session);
    fillSaid(transcript);
    fillApprovals(transcript.waiting);
  } catch (error) {
    if (asked === shown) note(error.message, true);
  }
}

const refreshSoon = soon(150, refreshSession);

function fillHead(session) {
  byId("state").className = `state ${session.state}`;
  byId("state").textContent = session.state;
  const turns = session.turns === 1 ? "1 turn" : `${session.turns} turns`;
  byId("facts").textContent = [session.agent, turns, cost(session), `began ${ago(session.began_ms)} ago`].join(" · ");
  // A run that waits for a person goes on in some places. Others say that nothing runs.
  byId("cancel").disabled = !["running", "waiting"].includes(session.state);
  byId("no-events").hidden = session.last_event > 0;
  if (session.last_event > 0) showTimeline();
  byId("session").setAttribute("aria-busy", String(session.state === "running"));
}

// What was said.

function fillSaid({ messages, waiting }) {
  if (shown.isWritten && isSaid(messages, shown.words)) shown.words = "";
  const text = JSON.stringify([messages, waiting]);
  // What has not changed stays as it is, so that nothing moves under a pointer.
  if (text === shown.text) return showWords();
  shown.text = text;
  const keys = new Set(waiting.map((call) => call.key));
  const column = byId("said-column");
  const isAtEnd = column.scrollHeight - column.scrollTop - column.clientHeight < 80;
  byId("said").replaceChildren(...said(shown.id, messages, keys, true), writing());
  if (isAtEnd) column.scrollTop = column.scrollHeight;
}

/** Whether the record has these words: they are shown until then. */
function isSaid(messages, words) {
  const texts = messages.flatMap((message) => message.blocks).filter((part) => part.kind === "text");
  return texts.some(({ text }) => text !== "" && (words.includes(text) || text.includes(words)));
}

/** The messages of a conversation. Results are shown with their calls. */
function said(id, messages, waiting, isOwn) {
  const blocks = messages.flatMap((message) => message.blocks);
  const results = new Map(blocks.filter((part) => part.kind === "result").map((part) => [part.id, part]));
  const made = [];
  for (const message of messages) {
    const parts = message.blocks.filter((part) => part.kind !== "result");
    if (parts.length === 0) continue;
    const who = element("div", "who", element("b", "", message.from));
    if (isOwn && message.turn) who.append(`turn ${message.turn}`, forkButton(message.turn));
    made.push(element("li", "message", who, ...parts.map((part) => block(id, part, results, waiting))));
  }
  return made;
}

function block(id, part, results, waiting) {
  if (part.kind === "call") return call(id, part, results.get(part.id), waiting);
  return element("div", part.kind === "text" ? "text" : "text faint-text", part.text);
}

function call(id, part, result, waiting) {
  const key = `${id}/${part.id}`;
  const made = element("div", "call", element("b", "", part.tool), element("div", "input", part.input));
  if (part.delegated) {
    const { agent, messages } = part.delegated;
    made.append(element("div", "open", `with ${agent}`));
    made.append(element("ol", "nested", ...said(key, messages, waiting, false)));
  }
  if (result) made.append(element("div", result.is_error ? "result failed" : "result", result.text));
  else if (waiting.has(key)) made.append(element("div", "open", "waits for you"));
  else if (!part.delegated) made.append(element("div", "open", "no result yet"));
  return made;
}

/** The reply that is written now. */
function writing() {
  const made = element("li", "message writing", element("div", "who", element("b", "", shown.agent)));
  made.append(element("div", "text", shown.words));
  made.hidden = shown.words === "";
  made.id = "writing";
  return made;
}

const showWords = soon(50, () => {
  const made = byId("writing");
  if (!made) return;
  const column = byId("said-column");
  const isAtEnd = column.scrollHeight - column.scrollTop - column.clientHeight < 80;
  made.replaceWith(writing());
  if (isAtEnd) column.scrollTop = column.scrollHeight;
});

// The timeline, in a frame of its own.

function showTimeline() {
  if (byId("timeline").firstChild) return;
  const frame = element("iframe");
  frame.title = "Timeline";
  frame.src = pathOf(shown.id, "/timeline");
  byId("timeline").append(frame);
}

const refreshTimeline = soon(600, () => byId("timeline").firstChild?.contentWindow.refresh?.());

// What a person does.

function fillApprovals(waiting) {
  const section = byId("approvals");
  const before = [...section.children].map((made) => made.dataset.key).join("\n");
  // What a person is typing stays, unless other calls wait now.
  if (before === waiting.map((call) => call.key).join("\n")) return;
  section.replaceChildren(...waiting.map(approval));
  section.hidden = waiting.length === 0;
}

function approval(waits) {
  const reason = element("input");
  reason.placeholder = "why not? (the model reads it)";
  reason.setAttribute("aria-label", "Reason for a denial");
  const decide = (approve) => () =>
    attempt(() => {
      const why = reason.value.trim() || "a person denied it";
      return ask(pathOf(shown.id, "/decisions"), { key: waits.key, approve, reason: why });
    });
  const form = element("form", "", button("Allow", "approve", decide(true)), button("Deny", "deny", decide(false)));
  form.append(reason);
  form.addEventListener("submit", (event) => event.preventDefault());
  const made = element(
    "div",
    "approval",
    element("div", "question", waits.question),
    element("div", "call", element("b", "", waits.tool), element("div", "input", waits.input)),
    form,
  );
  made.dataset.key = waits.key;
  return made;
}

function forkButton(turns) {
  const made = button("Fork here", "", () => fork(turns));
  made.title = `Copies the session up to turn ${turns}, to continue the copy in another direction`;
  return made;
}

/** Copies the session up to this turn, or all of it, and shows the copy. */
const fork = (turns) =>
  attempt(async () => {
    const sessions = await ask(`${BASE}/sessions`);
    const taken = new Set(sessions.map((session) => session.id));
    const stem = turns === null ? `${shown.id}-copy` : `${shown.id}-turn-${turns}`;
    let id = stem;
    for (let number = 2; taken.has(id); number += 1) id = `${stem}-${number}`;
    await ask(pathOf(shown.id, "/fork"), turns === null ? { id } : { id, turns });
    show(id);
    note("This is a copy. A program that has its agents can continue it.");
  });

// Events.

/** After these, more was said. */
const SAYS = new Set([
  "turn_started", "turn_ended", "turn_failed", "call_started", "call_ended", "call_waiting", "delegated",
  "transferred", "came_back", "ended",
]);

function heard({ offset, run_began_ms, event }) {
  // A browser that comes back goes on after the last one. This is only to be sure.
  if (offset <= shown.last) return;
  shown.last = offset;
  byId("no-events").hidden = true;
  const { kind, value } = event.kind;
  if (event.depth === 0) follow(kind, value, event.agent);
  if (SAYS.has(kind)) refreshSoon();
  refreshTimeline();
  shown.began ??= run_began_ms;
  const what = describe(kind, value);
  if (what) addEvent(run_began_ms + event.at_ms - shown.began, event.agent, what);
  if (kind === "ended" || kind === "call_waiting") refreshList();
}

/** Follows the words of the reply that is written now. */
function follow(kind, value, agent) {
  const piece = kind === "delta" && value.kind === "piece" ? value.value.piece : null;
  const isRestarted = kind === "delta" && value.kind === "restarted";
  if (piece?.kind === "text") shown.words += piece.value;
  else if (["turn_started", "turn_failed", "ended"].includes(kind) || isRestarted) shown.words = "";
  else if (kind !== "turn_ended") return;
  shown.isWritten = kind === "turn_ended";
  shown.agent = agent;
  showWords();
}

function addEvent(ms, agent, what) {
  const list = byId("events");
  const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  const isBad = what.startsWith("!");
  list.append(
    element(
      "li",
      "",
      element("span", "at", `${(ms / 1000).toFixed(2)} s`),
      element("span", "agent", agent),
      element("span", isBad ? "what bad" : "what", what),
    ),
  );
  if (list.children.length > MOST_EVENTS) list.firstChild.remove();
  if (isAtEnd) list.scrollTop = list.scrollHeight;
}

/** Keeps a number that JavaScript can't hold as it was written. Older browsers round it. */
function exact(key, value, context) {
  const isRounded = typeof value === "number" && context?.source && !Number.isSafeInteger(value) && JSON.rawJSON;
  return isRounded && /^-?\d+$/.test(context.source) ? JSON.rawJSON(context.source) : value;
}

/** How a run ends, in words. */
const ENDS = {
  Waiting: () => "waits for a person",
  Cut: (reason) => `the reply was cut: ${reason}`,
  Refused: (details) => ["the model declined", details?.explanation].filter(Boolean).join(": "),
  TurnLimit: (turns) => `no answer after ${turns} turns`,
  Budget: () => "a budget is used up",
  Other: (why) => why,
};

/** A line for an event; nothing for those that are not shown. */
const LINES = {
  turn_started: () => "asks its model",
  turn_ended: ({ calls }) => `has its reply${calls ? `, with ${calls} call${calls > 1 ? "s" : ""}` : ""}`,
  turn_failed: ({ error }) => `! ${error}`,
  call_queued: ({ tool }) => `… ${tool} waits for other calls`,
  call_started: ({ tool, input }) => `> ${tool} ${JSON.stringify(input)}`,
  plan_started: ({ tool }) => `… ${tool}: its first step starts`,
  call_progress: ({ tool, text }) => `… ${tool}: ${text}`,
  call_ended: ({ tool, is_error, result }) => (is_error ? `! ${tool} failed: ${result}` : `< ${tool} = ${result}`),
  call_not_made: ({ tool, why }) => `! ${tool} ${why}`,
  call_discarded: ({ tool }) => `! ${tool} ran early, but its reply does not count`,
  call_goes_on: ({ tool, why }) => `! ${tool} ${why}, but has not returned`,
  call_detached: ({ tool }) => `… ${tool} goes on in the background`,
  call_waiting: ({ question }) => `? ${question}`,
  delegated: ({ to }) => `delegates to ${to}`,
  transferred: ({ from }) => `takes over from ${from}`,
  transfer_failed: ({ from, why }) => `! does not take over from ${from}: ${why}`,
  came_back: ({ from, why }) => `! has it back from ${from}: ${why}`,
  ended: (end) => {
    const [how, text] = typeof end === "string" ? [end, ""] : Object.entries(end)[0];
    return how === "Answered" ? `answers: ${text}` : `ends: ${Object.hasOwn(ENDS, how) ? ENDS[how](text) : how}`;
  },
  retry: ({ attempt: number, wait_ms, reason }) =>
    `! attempt ${number} failed, again in ${(wait_ms / 1000).toFixed(1)} s: ${reason}`,
  wait: ({ reason }) => `… waits: ${reason}`,
  restarted: ({ reason }) => `! starts its reply again: ${reason}`,
};

function describe(kind, value) {
  if (kind === "delta") return value.kind === "notice" ? describe(value.value.kind, value.value.value) : restarted(value);
  return Object.hasOwn(LINES, kind) ? line(LINES[kind](value ?? {})) : null;
}

const restarted = ({ kind, value }) => (kind === "restarted" ? line(LINES.restarted(value)) : null);

// It begins.

/** Shows the session that the address names, also after the button "back". */
function showNamed() {
  let id = "";
  try {
    id = decodeURIComponent(location.hash.slice(1));
  } catch {
    // The address was cut. The list is there.
  }
  if (id && id !== shown?.id) show(id);
}

byId("cancel").addEventListener("click", () => attempt(() => ask(pathOf(shown.id, "/cancel"), {})));
byId("fork").addEventListener("click", () => fork(null));
setInterval(() => document.hidden || refreshList(), LIST_EVERY);
addEventListener("hashchange", showNamed);
showNamed();
refreshList();
