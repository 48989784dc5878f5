#pragma once

#include <string_view>

namespace lapidary::page {

/// What sections are made of: charts, controls, tables, texts.
inline constexpr std::string_view style_parts = R"css(
.missing { color: var(--soft); background: var(--sunk); border-radius: 8px; padding: .8rem 1rem; margin: .6rem 0; overflow-wrap: anywhere; }
.missing code, .about code { font: .88em var(--mono); color: var(--ink); }
.grid { display: grid; grid-template-columns: repeat(12, minmax(0, 1fr)); gap: 16px; margin-bottom: 16px; }
.w12 { grid-column: span 12; } .w8 { grid-column: span 8; } .w6 { grid-column: span 6; } .w4 { grid-column: span 4; }
figure.chart, .card { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 14px 16px 12px; box-shadow: var(--shadow); min-width: 0; }
figure.chart { display: flex; flex-direction: column; }
figcaption { display: flex; flex-wrap: wrap; align-items: baseline; gap: .1rem .6rem; margin-bottom: .5rem; }
figcaption h3 { flex: 0 1 auto; }
figcaption .unit { color: var(--faint); font-size: .8rem; }
figcaption .tools { margin-left: auto; display: flex; gap: .3rem; }
.plot { position: relative; flex: 1 0 230px; min-height: 0; }
.plot canvas { position: absolute; inset: 0; touch-action: pan-y; cursor: crosshair; }

.controls { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1.1rem; margin: 0 0 1rem; font-size: .85rem; color: var(--soft); }
.controls label { display: flex; align-items: center; gap: .45rem; }
.segmented { display: inline-flex; border: 1px solid var(--line); border-radius: 8px; overflow: hidden; background: var(--card); }
.segmented button { border: 0; border-radius: 0; }
.segmented button + button { border-left: 1px solid var(--line); }
button { font: inherit; font-size: .82rem; color: var(--soft); background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .22rem .6rem; cursor: pointer; }
button:hover { color: var(--ink); background: var(--sunk); }
button[aria-pressed=true] { color: var(--accent); background: var(--accent-soft); }
button.quiet { border-color: transparent; background: none; } button.quiet:hover { background: var(--sunk); }
button.small { padding: .05rem .45rem; font-size: .74rem; }
button:disabled { opacity: .4; cursor: default; }
select { font: inherit; font-size: .82rem; color: var(--ink); background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .22rem .4rem; max-width: 100%; }
input[type=range] { accent-color: var(--accent); width: 9rem; }
.chips { display: flex; flex-wrap: wrap; gap: .3rem; max-height: 7.2rem; overflow-y: auto; }
.chips button { font-variant-numeric: tabular-nums; }
.chips button i { display: inline-block; width: .6em; height: .6em; border-radius: 50%; margin-right: .4em; background: var(--line); }

.scale { display: flex; flex-wrap: wrap; gap: .35rem .9rem; align-items: center; font-size: .78rem; color: var(--soft); margin-top: .6rem; }
.scale .ramp { width: 130px; height: 10px; border-radius: 3px; border: 1px solid var(--line); }
.scale .swatch { width: 22px; height: 12px; border-radius: 2px; border: 1px solid var(--line); background: var(--s2); }
.scale .unseen { background: repeating-linear-gradient(135deg, var(--hatch) 0 1.5px, transparent 1.5px 5px) var(--s1); }

.scroll { overflow-x: auto; max-height: 30rem; overflow-y: auto; border: 1px solid var(--line); border-radius: 12px; background: var(--card); margin: 0 0 16px; }
table { border-collapse: collapse; width: 100%; font-size: .86rem; }
th, td { text-align: left; padding: .42rem .8rem; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
th { position: sticky; top: 0; background: var(--card); color: var(--soft); font-weight: 600; font-size: .78rem; white-space: nowrap; z-index: 1; }
td.n, th.n { text-align: right; white-space: nowrap; }
td.bar-cell { width: 26%; min-width: 90px; } .fill { display: block; height: 9px; border-radius: 3px; margin-top: .38rem; min-width: 1px; }
td.nowrap { white-space: nowrap; }
.hash { font: .76rem var(--mono); color: var(--soft); overflow-wrap: anywhere; }
.badge { display: inline-block; font-weight: 600; font-size: .74rem; letter-spacing: .04em; padding: .05rem .5rem; border-radius: 99px; background: var(--sunk); color: var(--soft); }
.badge.good { background: var(--good-soft); color: var(--good); } .badge.bad { background: var(--bad-soft); color: var(--bad); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 16px; margin-bottom: 16px; }
.keys { display: grid; grid-template-columns: minmax(0, auto) minmax(0, 1fr); gap: .18rem 1rem; font-size: .85rem; margin: .5rem 0 0; }
.keys dt { color: var(--soft); overflow-wrap: anywhere; } .keys dd { margin: 0; overflow-wrap: anywhere; }
h3.apart { margin: 1.4rem 0 .5rem; }
.stack { display: grid; gap: 16px; align-content: start; }

.texts { display: grid; gap: 12px; }
.text { tab-size: 2; font: 1.02rem/1.65 var(--serif); white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; }
.text .prompt { color: var(--accent); }
.scroll .text { min-width: 17rem; font-size: .95rem; line-height: 1.5; }
.text .given { color: var(--soft); }
.card .tag { font-size: .78rem; color: var(--faint); margin: 0 0 .3rem; }
.cells { display: inline-flex; gap: 1px; vertical-align: middle; } .cells i { width: 7px; height: 14px; border-radius: 1px; background: var(--s0); }
details summary { cursor: pointer; color: var(--soft); font-size: .88rem; margin: .3rem 0 .6rem; }
details summary:hover { color: var(--ink); }

@media (max-width: 900px) { .w8, .w6, .w4 { grid-column: span 12; } }
@media (max-width: 720px) { figure.chart, .card { padding: 12px 10px 10px; border-radius: 10px; } .grid, .pair { gap: 12px; } th, td { padding: .4rem .55rem; } }
)css";

}  // namespace lapidary::page
