#pragma once

#include <string_view>

namespace lapidary::page {

/// The page as a whole: type, bar, columns.
inline constexpr std::string_view style_layout = R"css(
:root {
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
  --serif: "Iowan Old Style", "Palatino Linotype", Palatino, "Book Antiqua", "Noto Serif", Georgia, "DejaVu Serif", serif;
  --mono: ui-monospace, "SF Mono", SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 4.5rem; -webkit-text-size-adjust: 100%; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 400 15px/1.55 var(--sans); font-variant-numeric: tabular-nums;
}
main { max-width: 1180px; margin: 0 auto; padding: 0 28px 3rem; }
h1, h2 { font-family: var(--serif); font-weight: 500; letter-spacing: -.01em; line-height: 1.15; }
h1 { font-size: clamp(2.1rem, 5vw, 3.3rem); margin: .1em 0 .25em; overflow-wrap: anywhere; }
h2 { font-size: 1.75rem; margin: 0 0 .2em; }
h3 { font-size: .95rem; font-weight: 600; margin: 0; }
p { margin: 0 0 .8em; }
a { color: var(--accent); }
section { padding: 2.6rem 0 1.2rem; border-top: 1px solid var(--line); }
section.hero { border-top: 0; padding-top: 3.2rem; }
.skip { position: absolute; left: -99em; }
.skip:focus { left: 1em; top: 1em; background: var(--card); padding: .5em 1em; z-index: 9; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }

.bar {
  position: sticky; top: 0; z-index: 5; display: flex; align-items: center; gap: 1.4rem; height: 54px;
  padding: 0 max(28px, calc((100vw - 1124px) / 2)); background: color-mix(in srgb, var(--paper) 88%, transparent);
  backdrop-filter: blur(10px); border-bottom: 1px solid var(--line);
}
.brand { display: flex; align-items: center; gap: .55rem; font: 500 1.12rem var(--serif); color: var(--ink); text-decoration: none; }
.gem-deep { fill: var(--gem-deep); } .gem-light { fill: var(--gem-light); }
.gem-edge { fill: none; stroke: var(--gem-edge); stroke-width: .8; stroke-linejoin: round; }
.bar nav { display: flex; gap: .2rem; margin-left: auto; overflow-x: auto; scrollbar-width: none; }
.bar nav::-webkit-scrollbar { display: none; }
.bar nav a { color: var(--soft); text-decoration: none; font-size: .88rem; padding: .3rem .6rem; border-radius: 6px; white-space: nowrap; }
.bar nav a:hover, .bar nav a.here { color: var(--ink); background: var(--sunk); }

.kicker { text-transform: uppercase; letter-spacing: .12em; font-size: .74rem; font-weight: 600; color: var(--accent); margin: 0; }
.lead { font-size: 1.08rem; color: var(--soft); max-width: 46em; }
.about { color: var(--soft); max-width: 52em; margin-bottom: 1.2rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 0; margin: 1.8rem 0 .6rem;
  border-top: 1px solid var(--line); }
.figures div { padding: 1rem 1rem .9rem 0; }
.figures dt { color: var(--soft); font-size: .8rem; }
.figures dd { margin: .1rem 0 0; font: 500 1.6rem/1.15 var(--serif); letter-spacing: -.01em; }
.figures dd small { display: block; font: 400 .78rem/1.4 var(--sans); color: var(--faint); letter-spacing: 0; margin-top: .2rem; }
footer { max-width: 1180px; margin: 0 auto; padding: 1.6rem 28px 3rem; border-top: 1px solid var(--line);
  color: var(--faint); font-size: .82rem; }

@media (max-width: 720px) {
  main, footer { padding-left: 16px; padding-right: 16px; }
  .bar { height: auto; flex-wrap: wrap; gap: .2rem .8rem; padding: .5rem 16px .35rem; }
  .bar nav { order: 3; width: 100%; margin: 0 -6px; }
  .bar #theme { margin-left: auto; }
  html { scroll-padding-top: 6rem; }
  section { padding-top: 2rem; } section.hero { padding-top: 1.8rem; }
  .figures { grid-template-columns: 1fr 1fr; }
}
@media print { .bar, .controls, .skip { display: none; } section { break-inside: avoid-page; } }
)css";

}  // namespace lapidary::page
