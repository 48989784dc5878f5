#pragma once

#include <string_view>

namespace lapidary::page {

/// The sequences that the last checkpoint knows best.
inline constexpr std::string_view script_sequences = R"js(
const documentText = (one) => (one && typeof one === "object" ? [one.file, one.line && "line " + one.line].filter(Boolean).join(", ") ||
  (one.document !== undefined ? "document " + one.document : JSON.stringify(one)) : String(one));

function sequenceRow(one) {
  const paint = hues.slice();
  const matches = Array.isArray(one.matches) ? one.matches : [];
  const cells = el("span", { class: "cells", title: "Tokens recited, a cell a checkpoint: " + matches.join(", ") }, matches.map((value) =>
    el("i", { style: { background: "var(--" + paint[Math.min(4, Math.floor(5 * (value || 0) / (memory.continuation + 0.01)))] + ")" } })));
  const seen = Array.isArray(one.seen) ? one.seen : [];
  const documents = Array.isArray(one.documents) ? one.documents : [];
  return el("tr", {}, el("td", {}, el("p", { class: "text" }, el("span", { class: "given" }, (one.prefix_text || "").replace(/^\s*\n/, "")), el("span", { class: "prompt" }, (one.continuation_text || "").trimEnd()))),
    el("td", { class: "n" }, cells, el("br"), (last(matches) ?? "–") + " of " + memory.continuation),
    el("td", {}, seen.length ? seen.slice(0, 4).map(count).join(", ") + (seen.length > 4 ? " and " + (seen.length - 4) + " more" : "") : Array.isArray(one.seen) ? "never" : "not known"),
    el("td", {}, one.source, el("br"), el("span", { class: "hash" }, "chunk " + one.chunk + ", row " + one.row)),
    el("td", { class: "hash" }, documents.slice(0, 3).map((document) => [documentText(document), el("br")]), documents.length > 3 ? "and " + (documents.length - 3) + " more" : null));
}

function sequenceTable(host) {
  host.append(el("h3", { class: "apart" }, "What the last checkpoint knows best"));
  if (memory.memorized.length === 0) return host.append(el("p", { class: "missing" }, "No sequence is listed."));
  const body = el("tbody");
  const more = el("button", { type: "button", onclick: () => show(memory.memorized.length) }, "Show all " + count(memory.memorized.length));
  const show = (most) => {
    body.replaceChildren(...memory.memorized.slice(0, most).map(sequenceRow));
    more.hidden = most >= memory.memorized.length;
  };
  show(8);
  host.append(el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, el("th", {}, "Given, and what follows"), el("th", { class: "n" }, "Tokens right"),
    el("th", {}, "Seen at step"), el("th", {}, "Source"), el("th", {}, "Documents"))), body)), more);
}
)js";

}  // namespace lapidary::page
