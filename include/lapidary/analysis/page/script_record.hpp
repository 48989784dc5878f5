#pragma once

#include <string_view>

namespace lapidary::page {

/// What it takes to compute the run again, and who did.
inline constexpr std::string_view script_record = R"js(
// The leaves of nested objects as [path, text].
const leaves = (value, path = "") => (value && typeof value === "object" && !Array.isArray(value)
  ? Object.entries(value).flatMap(([key, one]) => leaves(one, path ? path + "." + key : key)) : [[path, typeof value === "string" ? value : JSON.stringify(value)]]);
const keys = (pairs) => el("dl", { class: "keys" }, pairs.map(([key, value]) => [el("dt", {}, key), el("dd", { class: /^[0-9a-f]{64}$/.test(value) ? "hash" : null }, value)]));
const table = (names, rows) => el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, names.map((name) => el("th", {}, name)))),
  el("tbody", {}, rows.map((cells) => el("tr", {}, cells.map((cell) => (cell instanceof Node && cell.tagName === "TD" ? cell : el("td", {}, cell))))))));
const hash = (value) => el("td", { class: "hash" }, value || "–");

function verificationPart(host, verification) {
  host.append(el("h3", { class: "apart" }, "Replays"));
  if (verification.missing) return host.append(missing(verification));
  host.append(table(["Verdict", "What", "Steps", "Finding", "Computed by"], [...verification.records].reverse().map((one) => [
    el("span", { class: "badge " + (one.verdict === "PASS" ? "good" : "bad") }, one.verdict), one.kind,
    known(one.from) && known(one.to) ? count(one.from) + " to " + count(one.to) : "–", one.finding || "",
    [one.date, one.device, known(one.threads) && plural(one.threads, "thread"), known(one.ranks) && plural(one.ranks, "rank"), one.version, one.compiler].filter(Boolean).join(", ")])));
}

function decisionsPart(host, decisions) {
  host.append(el("h3", { class: "apart" }, "Bad steps"));
  if (decisions.length === 0) return host.append(el("p", { class: "missing" }, "None is recorded: no step was skipped and nothing was rewound."));
  const value = (one) => (typeof one === "string" ? one : number(one));  // "nan", "inf"
  host.append(table(["Step", "What was bad", "What was done", "Loss", "Gradient norm"], decisions.map((one) =>
    [count(one.step), one.reason || "–", decisionText(one), value(one.loss), value(one.gradient_norm)])));
}

function recordSection() {
  const host = contentOf("record");
  const { definition, details, checkpoints, decisions, digests, verification } = data.record;
  host.append(el("p", { class: "about" }, "The definition decides every bit of the run. Whoever has it, the data with these hashes and this version of the library can compute any checkpoint again and compare."));
  verificationPart(host, verification);
  decisionsPart(host, decisions);
  const card = (title, content) => el("div", { class: "card" }, el("h3", {}, title), content || el("p", { class: "missing" }, "There is no manifest.json."));
  const { config, ...rest } = definition || {};
  host.append(el("h3", { class: "apart" }, "What decided the bits"), el("div", { class: "pair" }, el("div", { class: "stack" },
    card("The run", definition && keys(leaves(rest))), card("Its first start", details && keys(leaves(details))), card("Chain of digests", digests.missing ? missing(digests)
      : [digests.broken ? el("p", {}, el("span", { class: "badge bad" }, "broken"), " " + digests.broken) : null,
        keys([["links", count(digests.links)], ["last step", count(digests.step)], ["chain", digests.chain]])])), config ? card("The model", keys(leaves(config))) : null));
  host.append(el("h3", { class: "apart" }, "Checkpoints"));
  host.append(checkpoints.length === 0 ? el("p", { class: "missing" }, "None yet.") : table(["Checkpoint", "Step", "SHA-256 of its SHA256SUMS", "SHA-256 of its weights"],
    checkpoints.map((one) => [one.name, count(one.step), ...(one.problem ? [el("td", { colspan: 2 }, el("span", { class: "badge bad" }, one.problem))] : [hash(one.sha256), hash(one.weights)])])));
  if (data.data.missing) return;
  host.append(el("h3", { class: "apart" }, "Data"), table(["File", "SHA-256"], Object.entries(data.data.files).map(([name, sum]) => [name, hash(sum)])),
    el("details", {}, el("summary", {}, count(data.data.inputs.length + data.data.more_inputs) + " files that it was made from"),
      table(["File", "Source", "Bytes", "SHA-256"], data.data.inputs.map((one) => [one.file, one.source, count(one.bytes), hash(one.sha256)]))));
}
)js";

}  // namespace lapidary::page
