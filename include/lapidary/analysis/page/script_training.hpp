#pragma once

#include <string_view>

namespace lapidary::page {

/// The run over time: loss, rate, norm, speed.
inline constexpr std::string_view script_training = R"js(
const training = data.training;
const run = { axis: "steps", smooth: 0 };

// Where a number of updates lies on the axis that was chosen.
function place(updates) {
  if (run.axis === "steps" || training.missing) return updates;
  const sums = run.axis === "tokens" ? training.tokens : training.seconds;
  const at = Math.min(training.count, Math.max(0, (updates - training.first) / training.width));
  const i = Math.min(training.count - 1, Math.floor(at));
  const before = i > 0 ? sums[i - 1] : 0;
  return (before + (at - i) * (sums[i] - before)) / (run.axis === "hours" ? 3600 : 1);
}
const axisTitle = () => ({ steps: "step", tokens: "tokens", hours: "hours" })[run.axis];
const axisText = (x) => (run.axis === "steps" ? "step " + count(Math.round(x)) : run.axis === "tokens" ? short(x) + " tokens" : number(x, 4) + " h");
const timeline = (more) => Object.assign({ title: axisTitle(), ticks: { callback: (value) => short(value), maxTicksLimit: 9 } }, more);

const curve = (values) => values.map((y, i) =>
  ({ x: place(training.first + i * training.width + (training.width - 1) / 2), y: known(y) ? y : NaN }));
// An exponential mean, corrected for its start.
function smoothed(points, share) {
  let sum = 0, weight = 0;
  return points.map(({ x, y }) => {
    if (!Number.isFinite(y)) return { x, y };
    sum = share * sum + (1 - share) * y;
    weight = share * weight + (1 - share);
    return { x, y: sum / weight };
  });
}

// The lines of one logged series: where a point is many steps, the band between their extremes too.
function seriesSets(name, label, hue) {
  const { mean, low, high } = training[name];
  const points = curve(mean);
  const base = { parsing: false, pointRadius: 0, pointHitRadius: 0, borderWidth: 1.6, borderColor: hue, backgroundColor: hue };
  const sets = [];
  if (low) {
    const edge = Object.assign({}, base, { borderWidth: 0, unlisted: true, backgroundColor: faded(hue, 0.18) });
    sets.push(Object.assign({ data: curve(low) }, edge), Object.assign({ data: curve(high), fill: "-1" }, edge));
  }
  if (run.smooth > 0) {
    sets.push(Object.assign({}, base, { data: points, unlisted: true, borderWidth: 1, borderColor: faded(hue, 0.3) }));
  }
  sets.push(Object.assign({}, base, { label, data: run.smooth > 0 ? smoothed(points, run.smooth) : points, extremes: low && { low, high } }));
  return sets;
}

const decisionText = (one) => (one.action === "skip" ? "left out" : one.action === "rewind" ? "rewound to step " + count(one.back_to) : one.action || "–");
// Steps that went wrong, at the value that was seen there, or at the foot of the curve if it was no number, with what was done about them.
function decisionSets(key) {
  const foot = training[key] && training[key].mean ? training[key].mean.filter(known).reduce((low, y) => Math.min(low, y), Infinity) : 0;
  const points = data.record.decisions.map((one) => ({ x: place(one.step), y: known(one[key]) ? one[key] : foot, one })).filter(({ y }) => known(y));
  return points.length === 0 ? [] : [{ label: "bad step", data: points, parsing: false, order: -2, clip: false, showLine: false, pointStyle: "triangle", decision: true,
    pointRadius: 6, pointHoverRadius: 8, borderColor: colour("card"), backgroundColor: colour("bad") }];
}
const seriesTip = { callbacks: {
  title: (items) => (items.length ? axisText(items[0].raw.x) : ""),
  label: (item) => {
    if (item.dataset.decision) return " bad step " + count(item.raw.one.step) + ": " + [item.raw.one.reason, decisionText(item.raw.one)].filter(Boolean).join(", ");
    const extremes = item.dataset.extremes;
    const between = extremes ? "  (" + number(extremes.low[item.dataIndex]) + " to " + number(extremes.high[item.dataIndex]) + ")" : "";
    return " " + item.dataset.label + "  " + number(item.raw.y) + between;
  } } };

function lossSets(hue) {
  const held = training.validation.map(([updates, y]) => ({ x: place(updates), y: known(y) ? y : NaN }));
  return [...seriesSets("loss", "training", hue), ...(held.length === 0 ? [] : [{ label: "held out", data: held, parsing: false, order: -1,
    borderColor: line(1), backgroundColor: line(1), borderWidth: 2, pointRadius: held.length > 60 ? 0 : 3, pointHoverRadius: 5 }]),
    ...decisionSets("loss")];
}
const checkpointPlaces = () => data.record.checkpoints.filter((one) => !one.problem).map((one) => place(one.step));

function trainingSection() {
  const host = contentOf("training");
  if (training.missing) return host.append(missing(training));
  const width = training.width;
  host.append(el("p", { class: "about" },
    count(training.logged) + " steps are logged. " + (width > 1 ? "A point stands for " + count(width) + " of them: their mean, in a band from the lowest to the highest. "
      : "Every point is one of them. ") + (training.validation.length ? "Held-out loss is measured at checkpoints, which are the ticks at the foot of the chart. " : "") +
    "Drag over a chart to zoom into all four, double-click for the whole run." + (training.cut ? " The last line of the log was half written and is left out." : "")));
  const drawAgain = () => charts.filter((entry) => entry.group === "run" || entry.group === "scores").forEach(draw);
  host.append(el("div", { class: "controls" },
    el("label", {}, "Over", segmented([["steps", "Steps"], ["tokens", "Tokens"], ["hours", "Hours"]], "steps", (axis) => {
      run.axis = axis;
      setZoom("run", null);
      setZoom("scores", null);
    })),
    el("label", {}, "Smoothing", el("input", { type: "range", min: 0, max: 0.99, step: 0.01, value: 0, "aria-label": "Smoothing",
      oninput: (event) => { run.smooth = Number(event.target.value); drawAgain(); } }))));
  const grid = el("div", { class: "grid" });
  host.append(grid);
  const add = (title, unit, name, hue, more) => addChart(grid, Object.assign({ title, unit, group: "run", logarithmic: name !== "tokens_per_second",
    build: (entry) => {
      const loss = name === "loss";
      const sets = loss ? lossSets(line(hue)) : seriesSets(name, title.toLowerCase(), line(hue));
      if (name === "gradient_norm") sets.push(...decisionSets(name));
      return { type: "line", data: { datasets: sets }, options: Object.assign({ checkpoints: loss ? checkpointPlaces() : [] },
        options(entry, { x: timeline({ suggestedMin: place(training.first) }), y: more.y || {}, legend: loss, tooltip: seriesTip })) };
    } }, more));
  add("Loss", "nats a token", "loss", 0, { height: 360, y: { ticks: { callback: (value) => number(value, 3) } } });
  add("Learning rate", "", "learning_rate", 2, { width: "w4", height: 190, y: { ticks: { callback: (value) => number(value, 2) } } });
  add("Gradient norm", "before clipping", "gradient_norm", 3, { width: "w4", height: 190 });
  add("Speed", "tokens a second", "tokens_per_second", 5, { width: "w4", height: 190, y: { beginAtZero: true } });
}
)js";

}  // namespace lapidary::page
