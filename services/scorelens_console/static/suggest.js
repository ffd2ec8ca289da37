// Completes what is being written in the search box: a combobox with a list, by keyboard or by pointer.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const box = document.querySelector("input[data-suggest]");
  const list = document.getElementById("suggestions");
  if (!box || !list) return;
  let at = -1;
  let asked = 0;
  let timer = 0;

  const options = () => [...list.querySelectorAll("[role=option]")];
  const close = () => { list.hidden = true; at = -1; box.setAttribute("aria-expanded", "false"); box.removeAttribute("aria-activedescendant"); };
  const point = (to) => {
    const all = options();
    at = all.length ? (to + all.length) % all.length : -1;
    all.forEach((option, place) => option.setAttribute("aria-selected", String(place === at)));
    if (at >= 0) { box.setAttribute("aria-activedescendant", all[at].id); all[at].scrollIntoView({ block: "nearest" }); }
  };
  const take = (option) => { box.value = option.dataset.query; close(); box.focus(); box.setSelectionRange(box.value.length, box.value.length); ask(); };

  const ask = () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const own = ++asked;
      if (box.selectionStart !== box.value.length || !box.value) { close(); return; }
      try {
        const answer = await fetch(`/suggest?q=${encodeURIComponent(box.value)}`, { headers: { "HX-Request": "true" } });
        if (own !== asked || !answer.ok) return;
        // Nothing of the answer is code: its text was escaped where it was written.
        list.innerHTML = await answer.text();
        if (!options().length || document.activeElement !== box) { close(); return; }
        list.hidden = false; at = -1;
        box.setAttribute("aria-expanded", "true");
      } catch { close(); }
    }, 150);
  };

  box.addEventListener("input", ask);
  box.addEventListener("blur", () => setTimeout(close, 150));
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { if (!list.hidden) { event.preventDefault(); close(); } return; }
    if (list.hidden) return;
    if (event.key === "ArrowDown") { event.preventDefault(); point(at + 1); }
    else if (event.key === "ArrowUp") { event.preventDefault(); point(at < 0 ? -1 : at - 1); }
    else if ((event.key === "Enter" || event.key === "Tab") && at >= 0) { event.preventDefault(); take(options()[at]); }
  });
  list.addEventListener("mousedown", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) { event.preventDefault(); take(option); }
  });
});
