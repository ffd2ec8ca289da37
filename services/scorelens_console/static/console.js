// Small comforts; every page works without them, but for live updates and "show more".
"use strict";

(() => {
  const root = document.documentElement;
  const stored = (() => { try { return localStorage.getItem("theme"); } catch { return null; } })();
  if (stored) root.dataset.theme = stored;

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-switch]")) return;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    document.dispatchEvent(new Event("scorelens:theme"));
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* private windows keep nothing */ }
  });

  // Times in the reader's own zone.
  const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  const localise = (within) => {
    for (const time of within.querySelectorAll("time[datetime]:not([data-local])")) {
      const moment = new Date(time.dateTime);
      if (Number.isNaN(moment.getTime())) continue;
      time.dataset.local = "";
      const text = clock.format(moment);
      if (!time.classList.contains("ago")) time.textContent = text;
      time.title = `${text} · ${time.title}`;
    }
  };
  document.addEventListener("DOMContentLoaded", () => localise(document));

  // On a phone the documents come first; what filters them is a tap away.
  document.addEventListener("DOMContentLoaded", () => {
    if (!matchMedia("(max-width: 760px)").matches) return;
    for (const details of document.querySelectorAll("[data-closed-on-phones]")) details.open = false;
  });
  document.addEventListener("htmx:load", (event) => localise(event.detail.elt));

  // A choice of time or order shows at once.
  document.addEventListener("change", (event) => {
    if (event.target.matches("form.search select")) event.target.form.requestSubmit();
  });

  // Texts that one takes along.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    const text = button?.closest("figure, details")?.querySelector("pre")?.textContent;
    if (!text) return;
    const before = button.textContent;
    try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; } catch { button.textContent = "Select it and press Ctrl-C"; }
    setTimeout(() => { button.textContent = before; }, 2000);
  });

  // "/" goes to the search box.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const box = document.querySelector("form.search input[type=search]");
    if (box) { event.preventDefault(); box.focus(); box.select(); }
  });
})();
