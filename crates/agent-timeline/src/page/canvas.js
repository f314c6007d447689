// The picture: a canvas as large as the window onto it, which draws only what is visible.

/** The zoom: 1 shows the whole run. */
const view = { zoom: 1, labels: 160, width: 800, height: 400, layout: null, selected: null, marked: new Set() };
const MOST_ZOOM = 20000;

function chart() {
  return byId("chart");
}

/** The width of the whole run in pixels. */
function plotWidth() {
  return Math.max(50, view.width - view.labels - PAD) * view.zoom;
}

/** Where a time is, in pixels from the left of the canvas. */
function xOf(ms) {
  return view.labels + (ms / view.layout.end) * plotWidth() - chart().scrollLeft;
}

function timeAt(x) {
  return ((x - view.labels + chart().scrollLeft) / plotWidth()) * view.layout.end;
}

/** Fits the canvas and what can be scrolled to the window and the zoom. */
function resize() {
  const box = chart();
  view.width = box.clientWidth;
  view.labels = Math.round(Math.min(220, Math.max(90, view.width * 0.22)));
  // With room for a scroll bar, so that the one does not bring the other.
  box.style.height = `${Math.min(view.layout.height + 18, Math.max(240, window.innerHeight * 0.72))}px`;
  view.height = Math.min(box.clientHeight, view.layout.height);
  byId("space").style.width = `${view.labels + plotWidth() + PAD}px`;
  byId("space").style.height = `${view.layout.height}px`;
  const canvas = byId("canvas");
  const ratio = window.devicePixelRatio || 1;
  canvas.style.width = `${view.width}px`;
  canvas.style.height = `${view.height}px`;
  const [width, height] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
  // A new size clears the canvas.
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  paintSoon();
}

let isPainting = false;

function paintSoon() {
  if (isPainting) return;
  isPainting = true;
  requestAnimationFrame(() => {
    isPainting = false;
    paint();
  });
}

function paint() {
  const canvas = byId("canvas");
  const context = canvas.getContext("2d", { alpha: false });
  const ratio = window.devicePixelRatio || 1;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = palette().back;
  context.fillRect(0, 0, view.width, view.height);
  context.font = "13px system-ui, sans-serif";
  context.textBaseline = "middle";
  const scroll = chart().scrollTop;
  const rows = rowsBetween(view.layout.rows, scroll + AXIS, scroll + view.height);
  paintStripes(context, rows, scroll);
  paintGrid(context);
  clipPlot(context, () => {
    for (const row of rows) if (row.lane) paintLane(context, row, row.top - scroll);
    paintJumps(context, scroll);
    paintSelection(context, rows, scroll);
  });
  for (const row of rows) paintLabel(context, row, row.top - scroll);
  paintAxis(context);
}

/** Draws beside the labels and below the axis. */
function clipPlot(context, draw) {
  context.save();
  context.beginPath();
  context.rect(view.labels, AXIS, view.width - view.labels, view.height - AXIS);
  context.clip();
  draw();
  context.restore();
}

function paintStripes(context, rows, scroll) {
  context.fillStyle = palette().stripe;
  rows.forEach((row) => {
    if (row.lane?.is_agent) context.fillRect(0, row.top - scroll, view.width, row.height);
  });
}

function ticks() {
  const span = timeAt(view.width) - timeAt(view.labels);
  const step = tickStep(span, (view.width - view.labels) / 90);
  const first = Math.max(0, Math.ceil(timeAt(view.labels) / step) * step);
  const last = Math.min(view.layout.end * 1.001, timeAt(view.width));
  const all = [];
  // Without any length, there is no scale.
  if (!view.runs.some(({ model }) => model.end_ms > 0)) return { step, all: [0] };
  for (let ms = first; ms <= last; ms += step) all.push(ms);
  return { step, all };
}

function paintGrid(context) {
  context.fillStyle = palette().grid;
  for (const ms of ticks().all) context.fillRect(Math.round(xOf(ms)), AXIS, 1, view.height);
}

function paintAxis(context) {
  const { back, muted, grid } = palette();
  context.fillStyle = back;
  context.fillRect(0, 0, view.width, AXIS);
  context.fillStyle = grid;
  context.fillRect(0, AXIS - 1, view.width, 1);
  context.fillRect(view.labels - 1, 0, 1, view.height);
  context.fillStyle = muted;
  const { step, all } = ticks();
  for (const ms of all) {
    const text = tickText(ms, step);
    const x = xOf(ms);
    const width = context.measureText(text).width;
    const left = Math.min(Math.max(x - width / 2, view.labels + 3), view.width - width - 4);
    context.fillText(text, left, AXIS / 2);
  }
}

function paintLabel(context, row, y) {
  const { back, stripe, text, muted } = palette();
  if (row.title !== undefined) {
    context.font = "600 15px system-ui, sans-serif";
    const title = line(row.title, 60);
    // The lines of the grid do not cross the words.
    context.fillStyle = back;
    context.fillRect(0, y, context.measureText(title).width + 14, row.height);
    context.fillStyle = text;
    context.fillText(title, 8, y + row.height / 2 + 3);
    context.font = "13px system-ui, sans-serif";
    return;
  }
  context.fillStyle = row.lane.is_agent ? stripe : back;
  context.fillRect(0, y, view.labels - 1, row.height);
  context.fillStyle = row.lane.is_agent ? text : muted;
  context.font = row.lane.is_agent ? "600 13px system-ui, sans-serif" : "13px system-ui, sans-serif";
  const left = 8 + 12 * Math.min(row.lane.depth, 6);
  row.label ??= fitted(context, row.lane.label, view.labels - left - 6);
  context.fillText(row.label, left, y + row.height / 2);
  context.font = "13px system-ui, sans-serif";
}

/** The beginning of a text that fits. */
function fitted(context, text, width) {
  let fits = line(text, 60);
  if (context.measureText(fits).width <= width) return fits;
  while (fits.length > 1 && context.measureText(`${fits}…`).width > width) fits = fits.slice(0, -1);
  return `${fits}…`;
}

function paintLane(context, row, y) {
  const [from, to] = [timeAt(view.labels), timeAt(view.width)];
  for (const item of between(row.wholes, from, to)) paintWhole(context, item, y);
  let drawn = -1;
  for (const item of between(row.parts, from, to)) {
    const right = xOf(item.end);
    // Several bars within one pixel: one is enough.
    if (right < drawn + 0.5 && !item.path.length && !isSelected(item)) continue;
    paintPart(context, item, y);
    drawn = Math.max(drawn, right);
  }
}

/** A run or a delegating call: a frame, in which its turns are drawn. What its call waited for is drawn too. */
function paintWhole(context, item, y) {
  const x = xOf(item.start);
  const width = Math.max(2, xOf(item.end) - x);
  const colour = palette().delegated;
  context.fillStyle = colour.base;
  context.fillRect(x, y + ROW / 2 - 1.5, width, 3);
  context.fillRect(x, y + 5, 2, ROW - 10);
  context.fillRect(x + width - 2, y + 5, 2, ROW - 10);
  paintSegments(context, item, y, true);
}

function paintPart(context, item, y) {
  const { could_start_ms: could } = item.bar;
  const start = xOf(item.start);
  if (could !== undefined) {
    context.strokeStyle = palette().muted;
    context.setLineDash([3, 2]);
    context.strokeRect(xOf(could) + 0.5, y + 6.5, Math.max(0, start - xOf(could) - 1), ROW - 13);
    context.setLineDash([]);
  }
  paintSegments(context, item, y);
  if (!item.bar.segments.length) {
    paintSegment(context, item.bar.is_failed ? "failed" : "running", start, y + 4, 2.5, ROW - 8);
  }
  if (item.bar.is_open) {
    context.fillStyle = palette().text;
    context.fillText("…", xOf(item.end) + 2, y + ROW / 2);
  }
}

function paintSegments(context, item, y, isWhole = false) {
  const isDim = view.dims && !item.path.length;
  context.globalAlpha = isDim ? 0.3 : 1;
  for (const { state, start_ms, end_ms } of item.bar.segments) {
    const [x, right] = [xOf(start_ms), xOf(end_ms)];
    if (right < view.labels || x > view.width) continue;
    const width = Math.max(1.5, right - x - (right - x > 4 ? 1 : 0));
    // The frame of a delegating call shows this already.
    if (state === "delegated" && isWhole) continue;
    paintSegment(context, state, x, y + 4, width, ROW - 8);
    paintLength(context, state, end_ms - start_ms, Math.max(x, view.labels), Math.min(right, view.width), y);
  }
  context.globalAlpha = 1;
  context.fillStyle = palette().path;
  for (const { start_ms, end_ms } of item.path) {
    const x = xOf(start_ms);
    context.fillRect(x, y + ROW - 4, Math.max(1.5, xOf(end_ms) - x), 3);
  }
}

/** How long a segment took, where there is room, on a plain ground. */
function paintLength(context, state, ms, left, right, y) {
  if (right - left < 54 || state === "delegated") return;
  const text = time(ms);
  const colour = palette()[state] ?? palette().other;
  const width = context.measureText(text).width;
  const x = (left + right - width) / 2;
  if (stateOf(state).pattern !== "solid") {
    context.fillStyle = colour.base;
    context.fillRect(x - 3, y + 6, width + 6, ROW - 12);
  }
  context.fillStyle = colour.label;
  context.fillText(text, x, y + ROW / 2);
}

/** Lines between steps of the critical path in different lanes. */
function paintJumps(context, scroll) {
  context.fillStyle = palette().path;
  for (const jump of view.layout.jumps ?? []) {
    const x = xOf(jump.at);
    if (x < view.labels - 2 || x > view.width + 2) continue;
    const [top, bottom] = [Math.min(jump.from, jump.to) - scroll, Math.max(jump.from, jump.to) - scroll];
    if (bottom < AXIS || top > view.height) continue;
    context.fillRect(Math.round(x) - 1, top, 1.5, bottom - top);
  }
}

/** Where the critical path goes from one lane to another. */
function findJumps(layout, runs) {
  layout.jumps = [];
  runs.forEach(({ model }, run) => {
    const tops = new Map();
    const lanes = layout.rows.filter((row) => row.run === run && row.lane);
    model.bars.forEach((bar, index) => tops.set(index, (lanes[bar.lane]?.top ?? 0) + ROW - 4));
    model.critical_path.forEach((step, place, path) => {
      const before = path[place - 1];
      if (before && tops.get(before.bar) !== tops.get(step.bar)) {
        layout.jumps.push({ at: step.start_ms, from: tops.get(before.bar), to: tops.get(step.bar) + 3 });
      }
    });
  });
}

function isSelected(item) {
  return view.selected && view.selected.run === item.run && view.selected.index === item.index;
}

function paintSelection(context, rows, scroll) {
  context.strokeStyle = palette().focus;
  for (const row of rows) {
    const visible = (list) => between(list ?? [], timeAt(view.labels), timeAt(view.width));
    for (const item of [...visible(row.wholes), ...visible(row.parts)]) {
      const isMarked = view.marked.has(`${item.run}:${item.index}`);
      if (!isSelected(item) && !isMarked) continue;
      const x = xOf(item.start);
      context.lineWidth = isSelected(item) ? 3 : 1.5;
      context.strokeRect(x - 2, row.top - scroll + 2, Math.max(4, xOf(item.end) - x) + 3, ROW - 4);
    }
  }
  context.lineWidth = 1;
}

/** The bar under a point of the canvas. Parts lie over what holds them. */
function itemAt(x, y) {
  if (x < view.labels || y < AXIS) return null;
  const at = y + chart().scrollTop;
  const row = view.layout.rows.find((row) => row.lane && at >= row.top && at < row.top + row.height);
  if (!row) return null;
  const near = (timeAt(x + 3) - timeAt(x - 3)) / 2;
  const hits = (list) => between(list, timeAt(x) - near, timeAt(x) + near);
  return hits(row.parts)[0] ?? hits(row.wholes)[0] ?? null;
}
