#pragma once

#include <string_view>

namespace lapidary::page {

/// How checkpoints go on from the same words.
inline constexpr std::string_view script_samples = R"js(
function samplesSection() {
  const host = contentOf("samples");
  const samples = data.samples;
  if (samples.missing) return host.append(missing(samples));
  const { prompts, checkpoints, sampling } = samples;
  if (checkpoints.length === 0) return host.append(el("p", { class: "missing" }, "No checkpoint could be sampled."));
  host.append(el("p", { class: "about" }, "Every checkpoint continues the same prompts" + (sampling ? sampling.temperature === 0 ? ", always with the likeliest token"
    : ", drawn with seed " + sampling.seed + " at temperature " + sampling.temperature + (sampling.top_p < 1 ? ", top-p " + sampling.top_p : "") : "") + "."));
  let prompt = 0, chosen = checkpoints.length - 1;
  const texts = el("div", { class: "texts" }), where = el("span"), slider = el("input", { type: "range", min: 0, max: checkpoints.length - 1, step: 1, value: chosen,
    "aria-label": "Checkpoint", oninput: (event) => { chosen = Number(event.target.value); show(); } });
  const text = (one) => el("article", { class: "card" }, el("p", { class: "tag" }, one.name + " · step " + count(one.step)),
    el("p", { class: "text" }, el("span", { class: "prompt" }, prompts[prompt]), one.texts[prompt] || ""));
  const all = el("details", {}, el("summary", {}, "All " + checkpoints.length + " checkpoints, one below the other"));
  const list = el("div", { class: "texts" });
  all.append(list);
  const show = () => {
    where.textContent = checkpoints[chosen].name;
    texts.replaceChildren(text(checkpoints[chosen]));
    list.replaceChildren(...(all.open ? checkpoints.map(text) : []));
  };
  all.addEventListener("toggle", show);
  const names = prompts.map((one, i) => [i, one === "" ? "(no prompt)" : one.length > 34 ? one.slice(0, 33) + "…" : one]);
  host.append(el("div", { class: "controls" }, prompts.length > 1 ? el("label", {}, "Prompt", prompts.length > 4
    ? el("select", { onchange: (event) => { prompt = Number(event.target.value); show(); } }, names.map(([i, name]) => el("option", { value: i }, name)))
    : segmented(names, 0, (i) => { prompt = i; show(); })) : null, el("label", {}, "Checkpoint", slider, where)), texts, all);
  show();
}
)js";

}  // namespace lapidary::page
