// The page: what a model is drawn into, and what mouse and keys do.

/**
 * Draws a model, or an array of `{name, model}` on one scale. Called again, it keeps the zoom, the place and the selected
 * bar: so a page can draw a run while it goes on.
 */
function draw(models) {
  const isFirst = !view.runs;
  const old = view.selected && view.runs[view.selected.run]?.model.bars[view.selected.index];
  const at = !isFirst && view.zoom > 1 ? timeAt(view.labels) : 0;
  view.runs = Array.isArray(models) ? models : [{ model: models }];
  view.marked = new Set();
  view.layout = layOut(view.runs);
  findJumps(view.layout, view.runs);
  const kept = old && view.runs[view.selected.run]?.model.bars.findIndex((bar) => bar.id === old.id);
  view.selected = old && kept >= 0 ? { run: view.selected.run, index: kept } : null;
  fillSummaries();
  fillLegend();
  fillTable();
  if (isFirst) listen();
  resize();
  if (at > 0) chart().scrollLeft = (at / view.layout.end) * plotWidth();
  if (view.selected && !byId("panel").hidden) fillPanel(view.selected);
  else if (!byId("panel").hidden) closePanel();
  repaintAll();
}

/** The row and the item of a bar. */
function find({ run, index }) {
  const row = view.layout.rows.find((row) => row.run === run && itemsOf(row).some((item) => item.index === index));
  return { row, item: row && itemsOf(row).find((item) => item.index === index) };
}

/** Selects a bar, scrolls to it and says what it is. */
function select(place) {
  view.selected = place;
  reveal(place);
  byId("said").textContent = shown(sentenceOf(view.runs[place.run].model.bars[place.index]));
  if (!byId("panel").hidden) fillPanel(place);
  paintSoon();
}

/** Shows which bars a piece of advice is about, and selects the first. */
function mark(places) {
  view.marked = new Set(places.map(({ run, index }) => `${run}:${index}`));
  if (places.length) select(places[0]);
  byId("picture").scrollIntoView({ block: "nearest" });
  paintSoon();
}

/** Scrolls such that a bar is visible. */
function reveal(place) {
  const { row, item } = find(place);
  if (!row) return;
  const box = chart();
  if (row.top < box.scrollTop + AXIS) box.scrollTop = row.top - AXIS;
  const bottom = row.top + row.height;
  if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight + PAD;
  const [left, right] = [xOf(item.start), xOf(item.end)];
  if (left < view.labels || left > view.width - 20) {
    box.scrollLeft += left - view.labels - (view.width - view.labels) * 0.2;
  } else if (right > view.width && right - left < view.width - view.labels) {
    box.scrollLeft += right - view.width + 20;
  }
}

/** Zooms by a factor. The time at `x` stays where it is. */
function zoom(factor, x) {
  const fixed = x ?? zoomCentre();
  const ms = timeAt(fixed);
  view.zoom = Math.min(MOST_ZOOM, Math.max(1, view.zoom * factor));
  resize();
  chart().scrollLeft = view.labels + (ms / view.layout.end) * plotWidth() - fixed;
}

/** The middle of the selected bar, if it is visible, or else of the picture. */
function zoomCentre() {
  const { item } = view.selected ? find(view.selected) : {};
  const middle = item ? (xOf(item.start) + xOf(item.end)) / 2 : 0;
  return middle > view.labels && middle < view.width ? middle : (view.labels + view.width) / 2;
}

function fit() {
  view.zoom = 1;
  resize();
}

/** Selects the next bar in a lane, or the nearest one of another lane. */
function move(key) {
  const rows = view.layout.rows.filter((row) => itemsOf(row).length);
  if (!rows.length) return;
  if (!view.selected) return selectItem(itemsOf(rows[0])[0]);
  const { row, item } = find(view.selected);
  const items = itemsOf(row);
  const place = items.indexOf(item);
  if (key === "ArrowRight" && items[place + 1]) selectItem(items[place + 1]);
  if (key === "ArrowLeft" && items[place - 1]) selectItem(items[place - 1]);
  const other = rows[rows.indexOf(row) + (key === "ArrowDown" ? 1 : key === "ArrowUp" ? -1 : 0)];
  if (other && other !== row) selectItem(nearest(itemsOf(other), item));
}

function nearest(items, { start, end }) {
  const distance = (item) => Math.max(0, item.start - end, start - item.end) + Math.abs(item.start - start) / 1e6;
  return items.reduce((best, item) => (distance(item) < distance(best) ? item : best));
}

function selectItem({ run, index }) {
  select({ run, index });
}

/** Selects the first or the last bar of the run that is selected. */
function goToEnd(isLast) {
  const run = view.selected?.run ?? 0;
  const items = view.layout.rows.filter((row) => row.run === run).flatMap(itemsOf);
  if (!items.length) return;
  const first = (best, item) => (item.start < best.start ? item : best);
  const last = (best, item) => (item.end >= best.end && item.bar.kind !== "run" ? item : best);
  selectItem(items.reduce(isLast ? last : first));
}

/** Selects the next or the previous step of the critical path, another bar each time. */
function alongPath(by) {
  const run = view.selected?.run ?? 0;
  const path = view.runs[run].model.critical_path.map((step) => step.bar);
  const bars = path.filter((bar, place) => bar !== path[place - 1]);
  if (!bars.length) return;
  const now = view.selected ? bars.indexOf(view.selected.index) : -1;
  const next = now < 0 ? (by > 0 ? 0 : bars.length - 1) : (now + by + bars.length) % bars.length;
  select({ run, index: bars[next] });
}

const KEYS = {
  ArrowLeft: () => move("ArrowLeft"),
  ArrowRight: () => move("ArrowRight"),
  ArrowUp: () => move("ArrowUp"),
  ArrowDown: () => move("ArrowDown"),
  Home: () => goToEnd(false),
  End: () => goToEnd(true),
  Enter: () => openPanel(),
  "+": () => zoom(1.5),
  "=": () => zoom(1.5),
  "-": () => zoom(1 / 1.5),
  0: () => fit(),
  c: () => alongPath(1),
  C: () => alongPath(-1),
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && !byId("panel").hidden) closePanel();
  else if (Object.hasOwn(KEYS, event.key)) KEYS[event.key]();
  else return;
  event.preventDefault();
}

function place(event) {
  const box = byId("canvas").getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

function onWheel(event) {
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  zoom(Math.exp(-event.deltaY * 0.002), place(event)[0]);
}

function onClick(event) {
  const item = itemAt(...place(event));
  if (!item) return;
  selectItem(item);
  openPanel();
}

function onMove(event) {
  const item = itemAt(...place(event));
  chart().title = item ? line(sentenceOf(item.bar), 300) : "";
  chart().style.cursor = item ? "pointer" : "default";
}

function repaintAll() {
  for (const canvas of document.querySelectorAll("canvas.swatch")) paintSwatch(canvas);
  for (const canvas of document.querySelectorAll("canvas.shares")) canvas.paint();
  paintSoon();
}

function listen() {
  const box = chart();
  box.addEventListener("scroll", paintSoon, { passive: true });
  box.addEventListener("keydown", onKey);
  box.addEventListener("wheel", onWheel, { passive: false });
  byId("canvas").addEventListener("click", onClick);
  byId("canvas").addEventListener("mousemove", onMove);
  byId("panel").addEventListener("keydown", (event) => event.key === "Escape" && closePanel());
  byId("zoom-in").addEventListener("click", () => zoom(1.5));
  byId("zoom-out").addEventListener("click", () => zoom(1 / 1.5));
  byId("fit").addEventListener("click", fit);
  byId("next-step").addEventListener("click", () => alongPath(1));
  byId("dim").addEventListener("change", (event) => {
    view.dims = event.target.checked;
    paintSoon();
  });
  byId("table").addEventListener("toggle", fillTable);
  new ResizeObserver(() => {
    resize();
    repaintAll();
  }).observe(byId("split"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    forgetPalette();
    repaintAll();
  });
}
