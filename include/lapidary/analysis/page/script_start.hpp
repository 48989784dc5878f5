#pragma once

#include <string_view>

namespace lapidary::page {

/// The head of the page, colours by choice, and the sections in order.
inline constexpr std::string_view script_start = R"js(
function figure(name, value, more) {
  return known(value) || typeof value === "string" ? el("div", {}, el("dt", {}, name), el("dd", {}, value, more ? el("small", {}, more) : null)) : null;
}

function heroSection() {
  const t = training.missing ? null : training;
  const held = t ? t.validation.filter(([, loss]) => known(loss)) : [];
  const best = held.reduce((low, one) => (one[1] < low[1] ? one : low), held[0] || []);
  const losses = t ? t.loss.mean.filter(known) : [];
  const records = Array.isArray(data.record.verification.records) ? data.record.verification.records : [];
  const passed = records.filter((one) => one.verdict === "PASS").length;
  const whole = data.record.checkpoints.filter((one) => !one.problem);
  const done = t ? t.last_step + 1 : 0;
  document.title = data.name + " · lapidary";
  document.getElementById("name").textContent = data.name;
  document.getElementById("lead").textContent = "A model of the family " + (data.model || "unknown") + (known(data.parameters) ? " with " + short(data.parameters) + " parameters" : "") +
    (t ? ", " + (data.planned_steps > done ? "in training" : "trained") + " on " + short(last(t.tokens)) + " tokens" : ", not trained yet") + ". This page was made from the files of the run and holds all that it shows.";
  document.getElementById("figures").append(...[
    t && figure("Steps", count(done), known(data.planned_steps) ? "of " + count(data.planned_steps) : null),
    t && figure("Training loss", number(last(losses)), t.width > 1 ? "mean of the last " + count(t.width) + " steps" : "of the last step"),
    held.length > 0 && figure("Held-out loss", number(last(held)[1]), "lowest " + number(best[1]) + " at step " + count(best[0])),
    t && figure("Time", duration(last(t.seconds)), "of training, " + short(last(t.tokens) / last(t.seconds)) + " tokens/s"),
    figure("Checkpoints", count(whole.length), whole.length < data.record.checkpoints.length ? data.record.checkpoints.length - whole.length + " not complete" : whole.length ? "all complete" : "none yet"),
    figure("Replays", records.length === 0 ? "none" : passed + " of " + records.length, records.length === 0 ? "nothing verified yet" : "passed, bit for bit"),
    figure("Bad steps", count(data.record.decisions.length), data.record.decisions.length ? "marked in the charts" : "none recorded")].filter(Boolean));
}

function themes() {
  const button = document.getElementById("theme"), names = ["auto", "light", "dark"];
  let theme = "auto";
  try { theme = names.includes(localStorage.getItem("lapidary-theme")) ? localStorage.getItem("lapidary-theme") : "auto"; } catch { /* a page without storage */ }
  const apply = () => {
    root.setAttribute("data-theme", theme);
    button.textContent = theme[0].toUpperCase() + theme.slice(1);
    redraw();
  };
  button.addEventListener("click", () => {
    theme = names[(names.indexOf(theme) + 1) % 3];
    try { localStorage.setItem("lapidary-theme", theme); } catch { /* for this visit only */ }
    apply();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  apply();
}

function followSections() {
  const links = [...document.querySelectorAll(".bar nav a")];
  const watch = new IntersectionObserver((seen) => seen.forEach((one) => one.isIntersecting &&
    links.forEach((link) => link.classList.toggle("here", link.hash === "#" + one.target.id))), { rootMargin: "-20% 0px -70% 0px" });
  document.querySelectorAll("main section[id]").forEach((section) => watch.observe(section));
}

themes();
heroSection();
trainingSection();
evaluationSection();
memorizationSection();
dataSection();
samplesSection();
recordSection();
document.getElementById("foot").textContent = "Made by lapidary " + data.version + " without any request to a network. Charts: " + data.charts.name + " " + data.charts.version +
  ", licence " + data.charts.licence + ".";
followSections();
root.setAttribute("data-drawn", charts.length);
)js";

}  // namespace lapidary::page
