// Draws the charts of a page in its colours; a table beside each says the same.
"use strict";

(() => {
  const figures = () => document.querySelectorAll("figure[data-chart]");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const theme = () => {
    const [text, dim, edge, accent] = ["--text", "--dim", "--edge", "--accent"].map(colour);
    return {
      background: "transparent",
      font: getComputedStyle(document.body).fontFamily,
      view: { stroke: null },
      axis: { labelColor: dim, titleColor: dim, gridColor: edge, domainColor: edge, tickColor: edge, titleFontWeight: "normal", labelFontSize: 11 },
      legend: { labelColor: text, titleColor: dim, titleFontWeight: "normal", orient: "bottom", columns: 6, labelLimit: 180 },
      bar: { color: accent }, area: { color: accent, opacity: 0.35 }, line: { color: accent }, point: { size: 24, filled: true },
      rule: { color: colour("--against") }, text: { color: colour("--against") },
      range: { category: ["--c1", "--c2", "--c3", "--c4", "--c5", "--c6", "--c7", "--c8"].map(colour) },
    };
  };

  // Colours that a chart takes by the page's own name for them.
  const named = (value) => {
    if (typeof value === "string") return value.startsWith("--") ? colour(value) : value;
    if (Array.isArray(value)) return value.map(named);
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, key === "values" ? one : named(one)]));
    return value;
  };

  const draw = (figure) => {
    const spec = named(JSON.parse(figure.dataset.chart));
    const place = figure.querySelector(".drawn");
    figure.view?.finalize();
    // No code is made of text here: expressions are interpreted, which the page's security policy asks for.
    const compiled = vegaLite.compile(spec, { config: theme(), logger: quiet });
    const runtime = vega.parse(compiled.spec, null, { ast: true });
    figure.view = new vega.View(runtime, { expr: vega.expressionInterpreter, renderer: "svg", container: place, hover: true, logLevel: vega.Error });
    figure.view.runAsync();
  };
  const quiet = { level() { return this; }, error() { return this; }, warn() { return this; }, info() { return this; }, debug() { return this; } };

  const drawAll = () => { for (const figure of figures()) draw(figure); };
  document.addEventListener("DOMContentLoaded", drawAll);
  document.addEventListener("htmx:load", (event) => { for (const figure of event.detail.elt.querySelectorAll("figure[data-chart]")) draw(figure); });
  document.addEventListener("scorelens:theme", drawAll);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
})();
