#pragma once

#include <string_view>

namespace lapidary::page {

/// Heat maps, a kind of chart that Chart.js leaves to extensions: a cell for each value.
inline constexpr std::string_view script_matrix = R"js(
class Cell extends Chart.Element {
  draw(ctx, hatches) {
    const { x, y, width, height, fill, unseen, deep } = this;
    ctx.fillStyle = fill;
    ctx.fillRect(x, y, width, height);
    if (unseen > 0) {  // a part of the cell, or all of it
      ctx.fillStyle = hatches[deep ? 1 : 0];
      ctx.fillRect(x + width * (1 - unseen), y, width * unseen, height);
    }
  }
  inRange(x, y) { return x >= this.x && x < this.x + this.width && y >= this.y && y < this.y + this.height; }
  getCenterPoint() { return { x: this.x + this.width / 2, y: this.y + this.height / 2 }; }
  tooltipPosition() { return this.getCenterPoint(); }
}
Cell.id = "cell";
Cell.defaults = {};

class MatrixController extends Chart.DatasetController {
  update() {
    const { data: cells, xAxisID, yAxisID } = this.getMeta();
    const x = this.chart.scales[xAxisID || "x"], y = this.chart.scales[yAxisID || "y"];
    const set = this.getDataset();
    cells.forEach((cell, i) => {
      const value = set.data[i];
      const left = x.getPixelForValue(value.x - 0.5), right = x.getPixelForValue(value.x + 0.5);
      const top = Math.min(y.getPixelForValue(value.y - 0.5), y.getPixelForValue(value.y + 0.5));
      const bottom = Math.max(y.getPixelForValue(value.y - 0.5), y.getPixelForValue(value.y + 0.5));
      const gap = right - left > 7 && bottom - top > 7 ? 1 : 0;
      Object.assign(cell, { x: left, y: top, width: right - left - gap, height: bottom - top - gap,
        fill: set.fills[i], unseen: value.unseen || 0, deep: value.deep, options: {} });
    });
  }
  draw() {
    const { ctx, chartArea: area } = this.chart;
    ctx.save();
    ctx.beginPath();
    ctx.rect(area.left, area.top, area.width, area.height);
    ctx.clip();
    for (const cell of this.getMeta().data) cell.draw(ctx, this.getDataset().hatches);
    ctx.restore();
  }
}
MatrixController.id = "matrix";
MatrixController.defaults = { dataElementType: "cell" };
MatrixController.overrides = { interaction: { mode: "point", intersect: true } };
Chart.register(Cell, MatrixController);

// Lines that are seen on the pale end of the colours, or on the deep one.
function hatchPattern(ctx, name) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 12;
  const pen = tile.getContext("2d");
  pen.strokeStyle = colour(name);
  pen.lineWidth = 2;
  for (const shift of [-12, 0, 12]) {
    pen.beginPath();
    pen.moveTo(shift, 12);
    pen.lineTo(shift + 12, 0);
    pen.stroke();
  }
  const pattern = ctx.createPattern(tile, "repeat");
  pattern.setTransform(new DOMMatrix().scale(0.5));
  return pattern;
}

// The configuration of a heat map. `values[row][column]`, null for none; `names` of rows and columns; `hues` by share
// of [low, high]; `unseen(row, column)`: the share of a cell that is hatched; `tip(row, column)`: lines of its tooltip.
function matrix(entry, { values, rows, columns, low, high, hues, unseen, tip, titles, onclick }) {
  const paint = ramp(hues);
  const cells = [], fills = [];
  values.forEach((row, y) => row.forEach((value, x) => {
    const share = (value - low) / (high - low || 1);
    cells.push({ x, y, unseen: unseen ? unseen(y, x) : 0, deep: known(value) && share > 0.6 });
    fills.push(known(value) ? paint(share) : "transparent");
  }));
  const axis = (names, title) => ({ min: -0.5, max: names.length - 0.5, offset: false, title, grid: { display: false, drawBorder: false },
    afterBuildTicks: (scale) => {
      const room = scale.isHorizontal() ? (scale.chart.width - 80) / (18 + 6.5 * Math.max(...names.map((name) => String(name).length))) : scale.chart.height / 20;
      const every = Math.ceil(names.length / Math.max(2, Math.floor(room)));
      scale.ticks = range(names.length).filter((i) => i % every === 0).map((value) => ({ value }));
    },
    ticks: { autoSkip: false, maxRotation: 0, callback: (value) => names[value] } });
  const hatches = ["hatch", "hatch-deep"].map((name) => hatchPattern(entry.canvas.getContext("2d"), name));
  const config = { type: "matrix", data: { datasets: [{ data: cells, fills, hatches, parsing: false }] },
    options: options(entry, { x: axis(columns, titles[0]), y: Object.assign(axis(rows, titles[1]), { reverse: true }), legend: false,
      tooltip: { displayColors: false, callbacks: { title: () => "", label: (item) => tip(item.raw.y, item.raw.x) } } }) };
  config.options.interaction = { mode: "point", intersect: true };
  config.options.parsing = false;
  if (onclick) config.options.onClick = (_, hits) => hits.length && onclick(cells[hits[0].index].y);
  return config;
}
// The key of a heat map's colours.
const rampKey = (low, high, hues) => [low, el("span", { class: "ramp", style: {
  background: "linear-gradient(90deg," + hues.map((name) => "var(--" + name + ")").join(",") + ")" } }), high];
)js";

}  // namespace lapidary::page
