#pragma once

#include <string_view>

namespace lapidary::page {

/// Charts: one frame for all, drawn again when colours change; drag to zoom, hover in step.
inline constexpr std::string_view script_charts = R"js(
const charts = [];   // what is drawn, in order
const zoom = {};     // of a group of charts: the [low, high] of its x axis that is looked at
const hover = {};    // of a group: the x under the pointer

// A figure with a chart. `build()` returns the configuration for Chart.js; charts of one group share zoom and pointer.
function addChart(host, { title, unit, height = 230, width = "w12", group, logarithmic, tools = [], build }) {
  const canvas = el("canvas", { role: "img", "aria-label": title });
  const whole = el("button", { type: "button", class: "small", hidden: true, onclick: () => setZoom(group, null) }, "Whole range");
  const entry = { canvas, build, group, whole, log: logarithmic === "on" };
  const log = logarithmic && el("button", { type: "button", class: "small", "aria-pressed": String(entry.log),
    title: "Logarithmic axis", onclick: () => {
      entry.log = !entry.log;
      log.setAttribute("aria-pressed", String(entry.log));
      draw(entry);
    } }, "log");
  const plot = el("div", { class: "plot", style: { flexBasis: height + "px" } }, canvas);
  host.append(el("figure", { class: "chart " + width }, el("figcaption", {}, el("h3", {}, title),
    unit ? el("span", { class: "unit" }, unit) : null, el("span", { class: "tools" }, whole, log || null, tools)), plot));
  if (group) dragToZoom(entry);
  charts.push(entry);
  draw(entry);
  return entry;
}

function draw(entry) {
  if (entry.chart) entry.chart.destroy();
  Chart.defaults.color = colour("soft");
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.font.size = 11.5;
  const config = entry.build(entry);
  config.plugins = [marks(entry)];
  const x = config.options.scales.x;
  if (entry.group && zoom[entry.group]) [x.min, x.max] = zoom[entry.group];
  Chart.defaults.animation = false;
  entry.chart = new Chart(entry.canvas, config);
}
const redraw = () => charts.forEach(draw);

// Under the pointer: of every line the nearest point, unless it is far off.
Chart.Interaction.modes.each = (chart, event) => chart.getSortedVisibleDatasetMetas().flatMap((meta) => {
  let best = -1, distance = 40;
  const limits = chart.scales.x;
  meta.data.forEach((element, index) => {
    const away = Math.abs(element.x - event.x);
    if (away < distance && element.x >= limits.left - 1 && element.x <= limits.right + 1 && !element.skip) [best, distance] = [index, away];
  });
  return best < 0 ? [] : [{ element: meta.data[best], datasetIndex: meta.index, index: best }];
});

// Options that all charts share; `x` and `y` are scales, completed here.
function options(entry, { x, y, legend = true, tooltip = {}, mode = "each" }) {
  // The x axis ends with the data, its ticks with the last round number before.
  const round = (axis) => {
    if (axis.type !== "linear" || axis.ticks.length < 3) return;
    const step = axis.ticks[2].value - axis.ticks[1].value, start = Math.ceil(axis.min / step - 1e-6) * step;
    axis.ticks = range(Math.floor((axis.max - start) / step + 1e-6) + 1).map((i) => ({ value: start + i * step }));
  };
  const scale = (own) => Object.assign({
    type: "linear", bounds: own === x ? "data" : "ticks", afterBuildTicks: own === x ? round : undefined, border: { display: false },
    grid: { color: colour("grid"), drawBorder: false, drawTicks: false },
  }, own, { title: own.title ? { display: true, text: own.title, color: colour("faint") } : undefined,
    ticks: Object.assign({ padding: 6, includeBounds: own !== x, maxRotation: 0, autoSkipPadding: 14 }, own.ticks) });
  return {
    responsive: true, maintainAspectRatio: false, animation: false, normalized: true,
    interaction: { mode, axis: "x", intersect: false },
    scales: { x: scale(x), y: scale(Object.assign({ ticks: { callback: (value) => short(value) } }, y,
      entry.log ? { type: "logarithmic", min: y.lowest, max: undefined } : {})) },
    plugins: {
      legend: { display: legend, align: "end", labels: { boxWidth: 9, boxHeight: 9, padding: 12, usePointStyle: true,
        pointStyle: "rectRounded", sort: (a, b) => a.datasetIndex - b.datasetIndex, filter: (item, all) => !all.datasets[item.datasetIndex].unlisted } },
      tooltip: Object.assign({ backgroundColor: colour("ink"), titleColor: colour("paper"), bodyColor: colour("paper"),
        padding: 10, cornerRadius: 8, boxPadding: 4, usePointStyle: true,
        filter: (item) => !item.dataset.unlisted }, tooltip),
    },
    onHover: (event, _, chart) => {
      if (!entry.group || event.x == null) return;
      hover[entry.group] = chart.scales.x.getValueForPixel(event.x);
      charts.forEach((other) => other !== entry && other.group === entry.group && other.chart.draw());
    },
  };
}

// What Chart.js does not draw: the pointer of the group, the range being dragged, whiskers of errors, ticks of checkpoints.
const marks = (entry) => ({
  id: "marks",
  afterDatasetsDraw(chart) {
    const { ctx, chartArea: area, scales } = chart;
    ctx.save();
    ctx.beginPath();
    ctx.rect(area.left, area.top, area.width, area.height);
    ctx.clip();
    chart.data.datasets.forEach((set, k) => set.errors && chart.isDatasetVisible(k) && set.errors.forEach((error, i) => {
      if (!known(error)) return;
      const x = scales.x.getPixelForValue(set.data[i].x);
      ctx.strokeStyle = set.borderColor;
      ctx.beginPath();
      ctx.moveTo(x, scales.y.getPixelForValue(set.data[i].y - error));
      ctx.lineTo(x, scales.y.getPixelForValue(set.data[i].y + error));
      ctx.stroke();
    }));
    ctx.fillStyle = faded(colour("accent"), 0.75);
    for (const value of chart.config.options.checkpoints || []) ctx.fillRect(scales.x.getPixelForValue(value) - 0.75, area.bottom - 6, 1.5, 6);
    if (entry.group && known(hover[entry.group])) {
      ctx.fillStyle = colour("faint");
      ctx.fillRect(scales.x.getPixelForValue(hover[entry.group]), area.top, 0.75, area.height);
    }
    if (entry.drag) {
      ctx.fillStyle = faded(colour("accent"), 0.16);
      ctx.fillRect(entry.drag[0], area.top, entry.drag[1] - entry.drag[0], area.height);
    }
    ctx.restore();
  },
});

function setZoom(group, limits) {
  zoom[group] = limits;
  for (const entry of charts.filter((one) => one.group === group)) {
    entry.whole.hidden = !limits;
    draw(entry);
  }
}
function dragToZoom(entry) {
  const { canvas } = entry;
  let start = null;
  const end = () => { start = null; entry.drag = null; };
  canvas.title = "Drag to zoom; double-click for the whole range";
  canvas.addEventListener("pointerdown", (event) => { if (event.button === 0) start = event.offsetX; });
  canvas.addEventListener("pointermove", (event) => {
    if (start === null || Math.abs(event.offsetX - start) < 6) return;
    canvas.setPointerCapture(event.pointerId);
    entry.drag = [start, event.offsetX];
    entry.chart.draw();
  });
  canvas.addEventListener("pointerup", () => {
    const drag = entry.drag;
    end();
    if (drag) setZoom(entry.group, drag.map((x) => entry.chart.scales.x.getValueForPixel(x)).sort((a, b) => a - b));
  });
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("pointerleave", () => {
    hover[entry.group] = null;
    charts.forEach((other) => other.group === entry.group && other.chart.draw());
  });
  canvas.addEventListener("dblclick", () => setZoom(entry.group, null));
}
)js";

}  // namespace lapidary::page
