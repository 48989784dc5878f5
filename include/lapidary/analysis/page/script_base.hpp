#pragma once

#include <string_view>

namespace lapidary::page {

/// Elements, numbers as people read them, colours.
inline constexpr std::string_view script_base = R"js(
const data = JSON.parse(document.getElementById("report-data").textContent);
const root = document.documentElement;

// An element with attributes and children. Strings become text, so nothing that stands in the data is ever markup.
function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "style") Object.assign(node.style, value);
    else if (value !== false && value != null) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(2).filter((child) => child != null));
  return node;
}
const contentOf = (id) => document.querySelector("#" + id + " .content");
// The line of a section, or of a part of one, whose input is not there: code stands in backquotes.
const missing = (part) => el("p", { class: "missing" },
  part.missing.split("`").map((text, i) => (i % 2 ? el("code", {}, text) : text)));

const known = (value) => typeof value === "number" && Number.isFinite(value);
const count = (value) => (known(value) ? value.toLocaleString("en-GB") : "–");
function number(value, digits = 4) {
  if (!known(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(Math.min(2, digits - 1)).replace(/\.?0*e\+?/, "e");
  return String(Number(value.toPrecision(digits)));
}
function short(value) {
  if (!known(value)) return "–";
  for (const [unit, letter] of [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]]) {
    if (Math.abs(value) >= unit) return String(Number((value / unit).toPrecision(3))) + letter;
  }
  return String(Number(value.toPrecision(3)));
}
const percent = (value, digits = 1) => (known(value) ? (100 * value).toFixed(digits) + "%" : "–");
function duration(seconds) {
  if (!known(seconds)) return "–";
  if (seconds < 90) return Math.round(seconds) + " s";
  if (seconds < 5400) return Math.round(seconds / 60) + " min";
  if (seconds < 172800) return number(seconds / 3600, 3) + " h";
  return number(seconds / 86400, 3) + " days";
}
const plural = (value, name) => count(value) + " " + name + (value === 1 ? "" : "s");
const last = (list) => list[list.length - 1];
const range = (size) => Array.from({ length: size }, (_, i) => i);
// At most `most` indices, evenly spaced, the first and the last among them.
const spread = (size, most) => (size <= most ? range(size)
  : [...new Set(range(most).map((i) => Math.round(i * (size - 1) / (most - 1))))]);

const colour = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();
const line = (i) => colour("c" + (i % 8 + 1));
const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
const faded = (hex, alpha) => "rgba(" + rgb(hex).join(",") + "," + alpha + ")";
// A function from [0, 1] to colours, by way of named ones.
function ramp(names) {
  const stops = names.map((name) => rgb(colour(name)));
  return (share) => {
    const place = Math.min(1, Math.max(0, share)) * (stops.length - 1);
    const i = Math.min(stops.length - 2, Math.floor(place));
    return "rgb(" + stops[i].map((low, k) => Math.round(low + (place - i) * (stops[i + 1][k] - low))).join(",") + ")";
  };
}

// Buttons of which one is pressed.
function segmented(choices, chosen, choose) {
  const buttons = choices.map(([value, text]) => el("button", { type: "button", "aria-pressed": String(value === chosen),
    onclick: () => {
      buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(choices[i][0] === value)));
      choose(value);
    } }, text));
  return el("span", { class: "segmented", role: "group" }, buttons);
}
)js";

}  // namespace lapidary::page
