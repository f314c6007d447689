// How each state looks. States differ in their pattern and lightness too, not only in their hue.

const STATES = {
  first_token: { words: "waits for the first token", pattern: "rising" },
  thinking: { words: "model thinks", pattern: "dots" },
  streaming: { words: "model writes", pattern: "solid" },
  running: { words: "tool runs", pattern: "solid" },
  delegated: { words: "works (see below)", pattern: "frame" },
  failed: { words: "failed", pattern: "cross" },
  permit: { words: "waits for a permit", pattern: "level" },
  exclusive: { words: "waits for its turn", pattern: "upright" },
  gate: { words: "waits for the rate limit", pattern: "falling" },
  retry: { words: "waits to retry", pattern: "sparse" },
  person: { words: "waits for a person", pattern: "checks" },
};

/** A state that this page does not know looks like this. */
const OTHER = { words: "something else", pattern: "frame" };

function stateOf(name) {
  return Object.hasOwn(STATES, name) ? STATES[name] : OTHER;
}

/** What a share of the critical path is, in words. */
function shareWords(share) {
  if (share.state === "running") return share.name ? `tool ${share.name}` : "tools";
  if (share.state === "delegated") return `work of ${share.name}`;
  if (share.state === "failed") return share.name ? `${share.name} failed` : "failed attempts of models";
  const model = { first_token: "model: first token", thinking: "model: thinking", streaming: "model: writing" };
  return model[share.state] ?? stateOf(share.state).words;
}

let colours = null;

/** The colours of the page as it is now, light or dark. */
function palette() {
  if (colours) return colours;
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  colours = { fills: {} };
  for (const name of ["back", "text", "muted", "grid", "stripe", "path", "focus"]) colours[name] = read(name);
  for (const name of Object.keys(STATES)) {
    const css = name.replace("_", "-");
    colours[name] = { base: read(css), ink: read(`${css}-ink`), label: read(`${css}-label`) };
  }
  colours.other = colours.delegated;
  return colours;
}

/** The colours are read again. */
function forgetPalette() {
  colours = null;
}

/** A fill for a canvas: a colour or a pattern. */
function fillOf(context, name) {
  const { fills, [name]: colour = palette().other } = palette();
  return (fills[name] ??= pattern(context, stateOf(name).pattern, colour));
}

/** Draws one tile of a pattern. */
function pattern(context, kind, { base, ink }) {
  if (kind === "solid" || kind === "frame") return base;
  const size = 8;
  const tile = document.createElement("canvas");
  tile.width = tile.height = size;
  const draw = tile.getContext("2d");
  draw.fillStyle = base;
  draw.fillRect(0, 0, size, size);
  draw.strokeStyle = draw.fillStyle = ink;
  draw.lineWidth = kind === "falling" ? 2.4 : 1.4;
  const stroke = (...ends) => {
    draw.beginPath();
    for (const [x1, y1, x2, y2] of ends) (draw.moveTo(x1, y1), draw.lineTo(x2, y2));
    draw.stroke();
  };
  const rising = [[-2, 2, 2, -2], [-2, 10, 10, -2], [6, 10, 10, 6]];
  const falling = [[-2, 6, 2, 10], [-2, -2, 10, 10], [6, -2, 10, 2]];
  const dot = (x, y, radius) => (draw.beginPath(), draw.arc(x, y, radius, 0, 7), draw.fill());
  if (kind === "rising") stroke(...rising);
  if (kind === "falling") stroke(...falling);
  if (kind === "cross") stroke(...rising, ...falling);
  if (kind === "level") stroke([0, 2, 8, 2], [0, 6, 8, 6]);
  if (kind === "upright") stroke([2, 0, 2, 8], [6, 0, 6, 8]);
  if (kind === "dots") (dot(2, 2, 1.1), dot(6, 6, 1.1));
  if (kind === "sparse") dot(4, 4, 1.7);
  if (kind === "checks") (draw.fillRect(0, 0, 4, 4), draw.fillRect(4, 4, 4, 4));
  return context.createPattern(tile, "repeat");
}

/** A small picture of a state, for legends. */
function swatch(name) {
  const canvas = element("canvas", null, { width: 44, height: 28, class: "swatch", "aria-hidden": "true" });
  canvas.dataset.state = name;
  paintSwatch(canvas);
  return canvas;
}

function paintSwatch(canvas) {
  const context = canvas.getContext("2d");
  const name = canvas.dataset.state;
  context.setTransform(2, 0, 0, 2, 0, 0);
  context.clearRect(0, 0, 22, 14);
  paintSegment(context, name, 0, 0, 22, 14);
}

/** Draws a piece of a bar. */
function paintSegment(context, name, x, y, width, height) {
  const colour = palette()[name] ?? palette().other;
  if (stateOf(name).pattern === "frame") {
    context.fillStyle = colour.base;
    context.fillRect(x, y + height / 2 - 2, width, 4);
    return;
  }
  context.fillStyle = fillOf(context, name);
  context.fillRect(x, y, width, height);
  if (width > 3 && stateOf(name).pattern !== "solid") {
    context.strokeStyle = colour.ink;
    context.lineWidth = 1;
    context.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
  }
}
