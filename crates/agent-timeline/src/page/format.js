// Times, numbers and texts for people, and elements that hold only text.

/** A time in milliseconds as people read it: 350 ms, 1.2 s, 2 min 5 s, 5 h 10 min. */
function time(ms) {
  if (ms < 0.5) return ms > 0 ? `${ms.toFixed(2)} ms` : "0 s";
  if (ms < 999.5) return `${ms.toFixed(0)} ms`;
  if (ms < 99950) return `${Number((ms / 1000).toFixed(1))} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(ms / 60_000);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A moment of a run, to the millisecond. */
function moment(ms) {
  return `${(ms / 1000).toFixed(3)} s`;
}

function count(number, one, many) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/** An amount in millionths of a dollar. */
function dollars(micros) {
  const text = (micros / 1e6).toFixed(6);
  return `$${text.replace(/0{1,4}$/, "")}`;
}

// Control characters except tab and line feed, and what is invisible or changes the reading direction.
const HIDDEN = new RegExp(
  "[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f" +
    "\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufeff\\uffa0\\ufff0-\\ufffb]|[\\u{e0000}-\\u{e0fff}]",
  "gu",
);

/** A text whose hidden characters are shown as escapes, so that it looks like what it is. */
function shown(text) {
  return String(text).replace(HIDDEN, (hidden) => `\\u{${hidden.codePointAt(0).toString(16)}}`);
}

/** The same on one line, cut to so many characters. */
function line(text, most = 80) {
  const one = shown(text).replace(/\s+/g, " ").trim();
  return one.length > most ? `${one.slice(0, most - 1)}…` : one;
}

/**
 * A new element. `text` is only ever text: the page has no other way to add any.
 * `others` are attributes, or children as an array.
 */
function element(name, text, others = {}, children = []) {
  const made = document.createElement(name);
  if (text !== undefined && text !== null) made.textContent = shown(text);
  for (const [key, value] of Object.entries(others)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function byId(id) {
  return document.getElementById(id);
}
