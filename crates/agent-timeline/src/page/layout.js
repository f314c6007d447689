// Where everything is: the rows of the picture, and the bars of each.

const ROW = 24;
const TITLE = 38;
const AXIS = 26;
const PAD = 10;

/**
 * The rows of several models on one scale. A row is the title of a run, or a lane with two lists of bars, each sorted by
 * start, in which no two overlap: `wholes` (runs and delegating calls) and `parts` (turns and calls).
 */
function layOut(runs) {
  const rows = [];
  let top = AXIS;
  const add = (row, height) => {
    rows.push({ ...row, top, height });
    top += height;
  };
  runs.forEach(({ name, model }, run) => {
    if (name !== undefined) add({ run, title: name }, TITLE);
    const first = rows.length;
    for (const lane of model.lanes) add({ run, lane, wholes: [], parts: [] }, ROW);
    const delegates = new Set(model.bars.map((bar) => bar.parent));
    model.bars.forEach((bar, index) => {
      const row = rows[first + bar.lane];
      if (!row) return;
      const isWhole = bar.kind === "run" || (bar.kind === "call" && delegates.has(index));
      row[isWhole ? "wholes" : "parts"].push(placed(bar, index, run));
    });
    for (const row of rows.slice(first)) {
      for (const list of [row.wholes, row.parts]) list.sort((a, b) => a.start - b.start || a.index - b.index);
    }
    addPath(rows, first, model);
  });
  const ends = runs.map(({ model }) => model.end_ms);
  return { rows, height: top + PAD, end: Math.max(1e-3, ...ends) };
}

/** A bar with what the picture needs to know of it. */
function placed(bar, index, run) {
  return { bar, index, run, start: bar.start_ms, end: bar.end_ms, path: [] };
}

/** Marks the bars of the critical path, each with its steps. */
function addPath(rows, first, model) {
  const found = new Map();
  for (const row of rows.slice(first)) {
    for (const item of [...(row.wholes ?? []), ...(row.parts ?? [])]) found.set(item.index, item);
  }
  for (const step of model.critical_path) found.get(step.bar)?.path.push(step);
}

/** The bars of a lane between two times: binary search, since a lane may have thousands. */
function between(list, from, to) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle].end < from) low = middle + 1;
    else high = middle;
  }
  let last = low;
  while (last < list.length && list[last].start <= to) last++;
  return list.slice(low, last);
}

/** The rows between two heights. */
function rowsBetween(rows, from, to) {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].top + rows[middle].height < from) low = middle + 1;
    else high = middle;
  }
  let last = low;
  while (last < rows.length && rows[last].top <= to) last++;
  return rows.slice(low, last);
}

/** All bars of a row, in order of time. A bar that holds others comes before them. */
function itemsOf(row) {
  if (row.title !== undefined) return [];
  row.items ??= [...row.wholes, ...row.parts].sort((a, b) => a.start - b.start || a.index - b.index);
  return row.items;
}

/** Steps of an axis: 1, 2 or 5 of a power of ten. */
function tickStep(span, most) {
  const rough = span / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough);
}

/** A time at a line of the axis. */
function tickText(ms, step) {
  if (step < 1000) return `${Number((ms / 1000).toFixed(6))} s`;
  if (ms < 60000 || ms % 1000) return `${ms / 1000} s`;
  const seconds = ms / 1000;
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} min`;
}
