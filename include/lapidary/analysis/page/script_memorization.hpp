#pragma once

#include <string_view>

namespace lapidary::page {

/// What the checkpoints can recite: maps, curves, distributions.
inline constexpr std::string_view script_memorization = R"js(
const memory = data.memorization;
const recall = { metric: "score", chosen: [] };
const hues = ["s0", "s1", "s2", "s3", "s4"];
const metricTitle = () => (recall.metric === "score" ? "mean memorization score" : "share of sequences recited in full");
const checkpointName = (i) => memory.checkpoints[i].name;
const seenText = { a: "seen", p: "seen in part", n: "not seen yet", u: "seen or not is not known" };

function toggleCheckpoint(i) {
  const at = recall.chosen.indexOf(i);
  if (at < 0) recall.chosen.push(i);
  else if (recall.chosen.length > 1) recall.chosen.splice(at, 1);
  if (recall.chosen.length > 8) recall.chosen.shift();
  recall.chosen.sort((a, b) => a - b);
  recall.refresh();
}

function memoryMap(host) {
  const rows = memory.checkpoints.length, key = el("div", { class: "scale" });
  const entry = addChart(host, { title: "Checkpoints by chunks", unit: "click a row to choose its checkpoint", height: Math.min(620, Math.max(170, 70 + rows * 22)),
    build: (chart) => {
      const values = memory[recall.metric];
      const all = values.flat().filter(known), text = (value) => (recall.metric === "score" ? number(value, 3) : percent(value));
      const high = all.reduce((most, one) => Math.max(most, one), 1e-9), least = all.reduce((low, one) => Math.min(low, one), Infinity), low = least > high / 2 && least < high ? least : 0;  // colours for differences
      key.replaceChildren(...rampKey(text(low), text(high), hues), el("span", { class: "swatch" }), "seen in training",
        el("span", { class: "swatch unseen" }), "not seen yet");
      return matrix(chart, { values, rows: range(rows).map(checkpointName), columns: memory.chunks, low, high, hues, titles: ["chunk", ""],
        unseen: (row, column) => ({ a: 0, p: 0.5, n: 1, u: 0 })[memory.seen[row][column]], onclick: toggleCheckpoint,
        tip: (row, column) => [checkpointName(row) + " (step " + count(memory.checkpoints[row].step) + "), chunk " + memory.chunks[column] + ": " + seenText[memory.seen[row][column]],
          "mean score " + number(memory.score[row][column]) + ", recited in full " + percent(memory.extractable[row][column], 2)] });
    } });
  entry.canvas.closest("figure").append(key);
  return entry;
}

// A line a checkpoint over the chunks: whole up to the latest chunk it has seen, which is marked, then dashed.
function overChunks(host) {
  return addChart(host, { title: "Over chunks", unit: "marked: the latest chunk seen; dashed: not seen yet", height: 280, group: "memory", logarithmic: true, build: (entry) => ({
    type: "line", data: { datasets: recall.chosen.map((i, k) => {
      const latest = memory.chunks.indexOf(memory.checkpoints[i].latest_seen_chunk);
      return { label: checkpointName(i), parsing: false, borderColor: line(k), backgroundColor: line(k), borderWidth: 1.8,
        data: memory[recall.metric][i].map((y, column) => ({ x: memory.chunks[column], y: known(y) ? y : NaN })),
        pointRadius: memory.chunks.map((_, column) => (column === latest ? 5 : memory.chunks.length > 60 ? 0 : 2)),
        pointStyle: memory.chunks.map((_, column) => (column === latest ? "rectRot" : "circle")),
        segment: { borderDash: (piece) => (memory.seen[i][piece.p1DataIndex] === "n" ? [4, 4] : undefined) } };
    }) }, options: options(entry, { x: { title: "chunk", ticks: { precision: 0 } }, y: { title: metricTitle(), beginAtZero: true, ticks: { callback: (value) => number(value, 3) } },
      tooltip: { callbacks: { title: (items) => (items.length ? "chunk " + items[0].raw.x : ""), label: (item) => " " + item.dataset.label + "  " + number(item.raw.y) +
        " (" + seenText[memory.seen[recall.chosen[item.datasetIndex]][item.dataIndex]] + ")" } } }) }) });
}

function matchesChart(host) {
  return addChart(host, { title: "Tokens right", unit: "of each sequence", width: "w6", height: 240, logarithmic: "on", build: (entry) => ({
    type: "bar", data: { labels: range(memory.histogram[0].length), datasets: recall.chosen.map((i, k) => ({ label: checkpointName(i), data: memory.histogram[i],
      backgroundColor: faded(line(k), 0.85), categoryPercentage: 0.9, barPercentage: 1 })) },
    options: options(entry, { mode: "index", x: { type: "category", title: "tokens", grid: { display: false } }, y: { title: "sequences", lowest: 0.7, beginAtZero: true },
      tooltip: { callbacks: { title: (items) => (items.length ? items[0].label + " tokens" : ""), label: (item) => " " + item.dataset.label + "  " + count(item.raw) + " sequences" } } }) }) });
}

function positionChart(host) {
  return addChart(host, { title: "By position", unit: "share of sequences right there", width: "w6", height: 240, group: "position", build: (entry) => ({ type: "line",
    data: { datasets: recall.chosen.map((i, k) => ({ label: checkpointName(i), parsing: false, borderColor: line(k), backgroundColor: line(k), borderWidth: 1.8, pointRadius: 0,
      data: memory.by_position[i].map((y, x) => ({ x: x + 1, y: known(y) ? y : NaN })) })) },
    options: options(entry, { x: { title: "token after the prefix", ticks: { precision: 0 } }, y: { beginAtZero: true, ticks: { callback: (value) => percent(value, 0) } },
      tooltip: { callbacks: { title: (items) => (items.length ? "token " + items[0].raw.x : ""), label: (item) => " " + item.dataset.label + "  " + percent(item.raw.y) } } }) }) });
}

// Curves over the steps of the checkpoints: `sets` gives [label, values] pairs.
function overSteps(host, title, unit, sets, more) {
  return addChart(host, Object.assign({ title, unit, width: "w6", height: 240, group: "recall", build: (entry) => ({ type: "line",
    data: { datasets: sets().map(([label, values], k) => ({ label, parsing: false, borderColor: line(k), backgroundColor: line(k), borderWidth: 1.8, pointRadius: 2.4,
      data: values.map((y, i) => ({ x: memory.checkpoints[i].step, y: known(y) ? y : NaN })) })) },
    options: options(entry, { x: { title: "step", beginAtZero: true, ticks: { callback: (value) => short(value) } }, y: { beginAtZero: true, ticks: { callback: (value) => number(value, 3) } },
      tooltip: { callbacks: { title: (items) => (items.length ? "step " + count(items[0].raw.x) : ""), label: (item) => " " + item.dataset.label + "  " + number(item.raw.y) } } }) }) }, more));
}

// In place of a chart: shares and correlations of nothing are not defined.
const undefinedCard = (host, title, width) => host.append(el("div", { class: "card " + width }, el("h3", {}, title),
  el("p", { class: "missing" }, "Not defined: no checkpoint recites any of the sequences in full.")));

function correlationMap(host, key, title) {
  const values = memory.correlation && memory.correlation[key];
  if (!values) return;
  if (!values.flat().some(known)) return undefinedCard(host, title, "w6");
  const names = range(memory.checkpoints.length).map(checkpointName);
  const signed = values.flat().some((value) => value < 0), low = signed ? -1 : 0, shades = signed ? ["d0", "d1", "d2"] : hues;
  const entry = addChart(host, { title, unit: "over the same sequences", width: "w6", height: 320, build: (chart) => matrix(chart, { values, rows: names, columns: names,
    low, high: 1, hues: shades, titles: ["", ""], tip: (row, column) => names[row] + " and " + names[column] + ": " + number(values[row][column], 3) }) });
  entry.canvas.closest("figure").append(el("div", { class: "scale" }, rampKey(String(low).replace("-", "−"), "1", shades)));
}

function memorizationSection() {
  const host = contentOf("memorization");
  if (memory.missing) return host.append(missing(memory));
  recall.chosen = spread(memory.checkpoints.length, 4);
  host.append(el("p", { class: "about" }, "Of every chunk " + count(memory.sequences) + " sequences are taken: a checkpoint reads the first " + count(memory.prefix) +
    " tokens and goes on greedily. Its score is the share of the next " + count(memory.continuation) + " tokens that it has right; a sequence is recited in full if all are."));
  const chips = el("span", { class: "chips" });
  host.append(el("div", { class: "controls" }, el("label", {}, "Show", segmented([["score", "Mean score"], ["extractable", "Recited in full"]], "score", (metric) => {
    recall.metric = metric;
    recall.refresh();
  })), el("span", {}, "Checkpoints"), chips));
  const grid = el("div", { class: "grid" });
  host.append(grid);
  const parts = [memoryMap(grid), overChunks(grid), matchesChart(grid)];
  if (memory.by_position) parts.push(positionChart(grid));
  parts.push(overSteps(grid, "By source", "mean over all chunks", () => Object.entries(memory.by_source).map(([name, one]) => [name, one[recall.metric]])));
  if (memory.checkpoints.some((one) => one.seen && one.unseen)) {
    const of = (kind) => memory.checkpoints.map((one) => one[kind] && one[kind][recall.metric === "score" ? "mean_score" : "extractable"]);
    parts.push(overSteps(grid, "Seen and not seen", "sequences that training had, and those to come", () => [["seen", of("seen")], ["not seen yet", of("unseen")]]));
  }
  correlationMap(grid, "scores", "Correlation of scores");
  correlationMap(grid, "extractable", "Correlation of being recited in full");
  const foretold = Array.isArray(memory.prediction) ? memory.prediction : [];
  if (foretold.length && !foretold.some((one) => known(one.precision) || known(one.recall))) undefinedCard(grid, "Foretelling the last checkpoint", "w12");
  else if (foretold.length) {
    overSteps(grid, "Foretelling the last checkpoint", "a sequence recited now, taken to be recited in the end", () => [
      ["precision", foretold.map((one) => one.precision)], ["recall", foretold.map((one) => one.recall)]], { width: "w12", height: 220 });
  }
  recall.refresh = () => {
    chips.replaceChildren(...memory.checkpoints.map((one, i) => {
      const k = recall.chosen.indexOf(i);
      return el("button", { type: "button", class: "small", "aria-pressed": String(k >= 0), onclick: () => toggleCheckpoint(i) },
        el("i", { style: k >= 0 ? { background: "var(--c" + (k % 8 + 1) + ")" } : {} }), one.name);
    }));
    parts.forEach(draw);
  };
  recall.refresh();
  sequenceTable(host);
}
)js";

}  // namespace lapidary::page
