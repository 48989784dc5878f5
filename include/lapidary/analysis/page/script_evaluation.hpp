#pragma once

#include <string_view>

namespace lapidary::page {

/// Scores of the checkpoints, with their standard errors.
inline constexpr std::string_view script_evaluation = R"js(
const metricNames = { acc: "accuracy", acc_norm: "accuracy, by length", acc_by_subject: "mean of subjects", bits_per_byte: "bits a byte",
  word_perplexity: "perplexity a word", byte_perplexity: "perplexity a byte", token_perplexity: "perplexity a token" };
const metricName = (metric) => metricNames[metric] || metric;
const isSubject = (curve) => /^mmlu_(?!(stem|humanities|social_sciences|other)$)/.test(curve.task);

// Curves of one task, of as many questions with as many examples, share a chart.
function tasksOf(curves) {
  const tasks = new Map();
  for (const one of curves) {
    const key = JSON.stringify([one.task, one.questions, one.shots]);
    if (!tasks.has(key)) tasks.set(key, { task: one.task, questions: one.questions, shots: one.shots, curves: [] });
    tasks.get(key).curves.push(one);
  }
  return [...tasks.values()];
}

// What an axis has to hold so that whiskers end inside.
function reach(curves, shown) {
  const ends = curves.filter((one) => !shown || one.metric === shown).flatMap((one) => one.values.flatMap((value, i) =>
    (known(value) ? [value - (one.errors[i] || 0), value + (one.errors[i] || 0)] : [])));
  return { suggestedMin: ends.reduce((low, one) => Math.min(low, one), Infinity), suggestedMax: ends.reduce((most, one) => Math.max(most, one), -Infinity) };
}

function scoreChart(grid, { task, questions, shots, curves }) {
  // Perplexities are on scales of their own, so one at a time; accuracies share one.
  let shown = questions ? null : (curves.find((one) => one.metric === "bits_per_byte") || curves[0]).metric;
  const pick = shown && el("select", { "aria-label": "Measure", onchange: (event) => { shown = event.target.value; draw(chart); } },
    curves.map((one) => el("option", { value: one.metric, selected: one.metric === shown }, metricName(one.metric))));
  const chart = addChart(grid, { title: task, width: "w6", height: 220, group: "scores", logarithmic: !questions, tools: pick ? [pick] : [],
    unit: questions ? count(questions) + " questions, " + (shots ? shots + " examples" : "no examples") : "",
    build: (entry) => ({ type: "line", data: { datasets: curves.filter((one) => !shown || one.metric === shown).map((one, i) => ({
      label: metricName(one.metric), parsing: false, data: one.steps.map((step, k) => ({ x: place(step), y: known(one.values[k]) ? one.values[k] : NaN })),
      errors: one.errors, borderColor: line(i), backgroundColor: line(i), borderWidth: 1.8, pointRadius: one.steps.length > 60 ? 0 : 2.6 })) },
      options: options(entry, { x: timeline({ beginAtZero: true }), y: { ...reach(curves, shown), ticks: { callback: (value) => (questions ? percent(value, 0) : number(value, 3)) } },
        legend: !shown, tooltip: { callbacks: {
          title: (items) => (items.length ? axisText(items[0].raw.x) : ""),
          label: ({ dataset, dataIndex, raw }) => {
            const error = dataset.errors[dataIndex], text = questions ? percent : number;
            return " " + dataset.label + "  " + text(raw.y) + (known(error) ? " ± " + text(error) : "");
          } } } }) }) });
}

function scoreTable(tasks, steps) {
  const body = el("tbody");
  const fill = (step) => body.replaceChildren(...tasks.flatMap(({ task, questions, shots, curves }) => curves.map((one) => {
    const i = one.steps.indexOf(step);
    const text = questions ? (value) => percent(value, 2) : number;
    return i < 0 ? null : el("tr", {}, el("td", {}, task), el("td", {}, metricName(one.metric)), el("td", { class: "n" }, text(one.values[i])),
      el("td", { class: "n" }, known(one.errors[i]) ? "± " + text(one.errors[i]) : "–"), el("td", { class: "n" }, questions ? count(questions) : "–"),
      el("td", { class: "n" }, questions ? count(shots) : "–"));
  })).filter(Boolean));
  fill(last(steps));
  return [el("div", { class: "controls" }, el("label", {}, "Scores of the checkpoint at step", el("select",
    { onchange: (event) => fill(Number(event.target.value)) },
    [...steps].reverse().map((step) => el("option", { value: step }, count(step)))))),
  el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, el("th", {}, "Task"), el("th", {}, "Measure"), el("th", { class: "n" }, "Value"),
    el("th", { class: "n" }, "Standard error"), el("th", { class: "n" }, "Questions"), el("th", { class: "n" }, "Examples"))), body))];
}

function evaluationSection() {
  const host = contentOf("evaluation");
  const { curves } = data.evaluation;
  if (!curves) return host.append(missing(data.evaluation));
  const tasks = tasksOf(curves);
  const steps = [...new Set(curves.flatMap((one) => one.steps))].sort((a, b) => a - b);
  host.append(el("p", { class: "about" }, "Scores of " + count(steps.length) + (steps.length === 1 ? " checkpoint" : " checkpoints") +
    " as EleutherAI's LM Evaluation Harness computes them. Whiskers are one standard error."));
  const grid = el("div", { class: "grid" });
  host.append(grid);
  tasks.filter((task) => !isSubject(task)).forEach((task) => scoreChart(grid, task));
  host.append(...scoreTable(tasks, steps));
}
)js";

}  // namespace lapidary::page
