#pragma once

#include <string_view>

/// The parts of the report's page that are no data: markup, style and script, as the browser reads them.
namespace lapidary::page {

/// Up to the style. The policy allows what stands in the page and nothing from elsewhere.
inline constexpr std::string_view head = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="lapidary">
<title>Run report</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'%3E%3Cpath fill='%23d98a1f' d='M7 3h10l5 6-10 12L2 9z'/%3E%3Cpath fill='%23f6c667' d='M7 3l5 6 5-6zM2 9h10l-5-6z'/%3E%3C/svg%3E">
)html";

inline constexpr std::string_view body = R"html(</head>
<body>
<a class="skip" href="#training">Skip to the charts</a>
<header class="bar">
  <a class="brand" href="#top" aria-label="lapidary, to the top">
    <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
      <path class="gem-deep" d="M7 3h10l5 6-10 12L2 9z"/><path class="gem-light" d="M7 3l5 6 5-6zM2 9h10l-5-6z"/>
      <path class="gem-edge" d="M7 3h10l5 6-10 12L2 9zM2 9h20M7 3l5 6 5-6M12 9v12"/>
    </svg>lapidary</a>
  <nav aria-label="Sections">
    <a href="#training">Training</a><a href="#evaluation">Evaluation</a><a href="#memorization">Memorization</a>
    <a href="#data">Data</a><a href="#samples">Samples</a><a href="#record">Record</a>
  </nav>
  <button id="theme" type="button" class="quiet" title="Colours: as the system says, light, dark">Auto</button>
</header>
<main id="top">
  <section class="hero" aria-labelledby="name">
    <p class="kicker" id="kicker">Training run</p>
    <h1 id="name"></h1>
    <p class="lead" id="lead"></p>
    <dl class="figures" id="figures"></dl>
  </section>
  <section id="training" aria-labelledby="h-training">
    <h2 id="h-training">Training</h2><div class="content"></div>
  </section>
  <section id="evaluation" aria-labelledby="h-evaluation">
    <h2 id="h-evaluation">Evaluation</h2><div class="content"></div>
  </section>
  <section id="memorization" aria-labelledby="h-memorization">
    <h2 id="h-memorization">Memorization</h2><div class="content"></div>
  </section>
  <section id="data" aria-labelledby="h-data">
    <h2 id="h-data">Data</h2><div class="content"></div>
  </section>
  <section id="samples" aria-labelledby="h-samples">
    <h2 id="h-samples">Samples</h2><div class="content"></div>
  </section>
  <section id="record" aria-labelledby="h-record">
    <h2 id="h-record">Record</h2><div class="content"></div>
  </section>
</main>
<footer id="foot"></footer>
<noscript><p class="missing">This page draws its charts from the data it holds, and needs JavaScript for it.</p></noscript>
)html";

}  // namespace lapidary::page
