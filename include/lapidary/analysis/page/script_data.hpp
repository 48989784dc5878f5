#pragma once

#include <string_view>

namespace lapidary::page {

/// What the run learned from.
inline constexpr std::string_view script_data = R"js(
function dataSection() {
  const host = contentOf("data");
  const mix = data.data;
  if (mix.missing) return host.append(missing(mix));
  const totals = mix.sources.map((_, i) => mix.chunks.reduce((sum, chunk) => sum + chunk[i], 0));
  const all = totals.reduce((sum, one) => sum + one, 0);
  host.append(el("p", { class: "about" }, count(all) + " windows of " + count(mix.context) + " tokens in " + count(mix.chunks.length) + " chunks" +
    (mix.recipe ? ", mixed by the recipe “" + mix.recipe + "”" : "") + "; " + count(mix.held_out) + " windows are held out."));
  const grid = el("div", { class: "grid" });
  host.append(grid);
  const reached = training.missing ? null : training.last_chunk;
  addChart(grid, { title: "Mix by chunk", unit: "windows of each source" + (known(reached) ? "; the run is in chunk " + reached : ""), height: 260, build: (entry) => ({
    type: "bar", data: { labels: range(mix.chunks.length), datasets: mix.sources.map((source, i) => ({ label: source.name, data: mix.chunks.map((chunk) => chunk[i]),
      backgroundColor: faded(line(i), 0.88), borderColor: colour("card"), borderWidth: mix.chunks.length > 80 ? 0 : { top: 1 }, borderSkipped: false,
      categoryPercentage: mix.chunks.length > 80 ? 1 : 0.86, barPercentage: 1, stack: "all" })).filter((_, i) => totals[i] > 0) },
    options: options(entry, { mode: "index", x: { type: "category", stacked: true, title: "chunk", grid: { display: false } }, y: { stacked: true },
      tooltip: { callbacks: { title: (items) => (items.length ? "chunk " + items[0].label : ""), label: (item) => " " + item.dataset.label + "  " + count(item.raw) + " windows (" +
        percent(item.raw / mix.chunks[item.dataIndex].reduce((sum, one) => sum + one, 0)) + ")" } } }) }) });
  host.append(el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, el("th", {}, "Source"), el("th", { class: "n" }, "Documents"),
    el("th", { class: "n" }, "Tokens"), el("th", { class: "n" }, "Windows in chunks"), el("th", { class: "n" }, "Tokens in chunks"), el("th", { class: "n" }, "Passes"),
    el("th", { class: "n" }, "Share"), el("th", {}, ""))), el("tbody", {}, mix.sources.map((source, i) => {
    const usable = source.windows - source.held_out;
    return el("tr", {}, el("td", {}, source.name), el("td", { class: "n" }, count(source.documents)), el("td", { class: "n" }, count(source.tokens)),
      el("td", { class: "n" }, count(totals[i])), el("td", { class: "n" }, count(totals[i] * mix.context)), el("td", { class: "n" }, usable > 0 ? number(totals[i] / usable, 3) : "–"),
      el("td", { class: "n" }, percent(totals[i] / all)), el("td", { class: "bar-cell" }, el("span", { class: "fill", style: { width: 100 * totals[i] / Math.max(...totals) + "%",
        background: "var(--c" + (i % 8 + 1) + ")" } })));
  })))));
}
)js";

}  // namespace lapidary::page
