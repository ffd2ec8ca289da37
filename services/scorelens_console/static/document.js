// What a marked word tells, for pointers, keyboards and fingers; and texts that one takes along.
"use strict";

(() => {
  const words = () => [...document.querySelectorAll(".marked .w")];

  // One stop for Tab, then arrow keys: a text may have a hundred marked words.
  const prepare = () => {
    const own = words();
    for (const word of own) {
      if (word.title) { word.dataset.told = word.title; word.removeAttribute("title"); }
    }
    if (own.length && !own.some((word) => word.tabIndex === 0)) own[0].tabIndex = 0;
  };

  const cell = (text, kind) => {
    const made = document.createElement(kind);
    made.textContent = text;
    return made;
  };

  const tell = (word) => {
    const panel = document.getElementById("word");
    if (!panel || !word.dataset.told) return;
    document.querySelector(".w.shown")?.classList.remove("shown");
    word.classList.add("shown");
    const [sum, ...terms] = word.dataset.told.split("\n");
    const list = document.createElement("ul");
    for (const line of terms) {
      const [feature, adds] = line.split("\t");
      const item = document.createElement("li");
      item.append(cell(feature, adds ? "code" : "span"), " ", cell(adds ?? "", "span"));
      list.append(item);
    }
    const said = cell(word.textContent.trim(), "strong");
    said.dir = "auto";
    panel.replaceChildren(said, ` ${sum}`, list);
  };

  document.addEventListener("pointerover", (event) => {
    const word = event.target.closest?.(".marked .w");
    if (word) tell(word);
  });
  document.addEventListener("focusin", (event) => {
    const word = event.target.closest?.(".marked .w");
    if (!word) return;
    for (const other of words()) other.tabIndex = other === word ? 0 : -1;
    tell(word);
  });
  document.addEventListener("keydown", (event) => {
    const word = event.target.closest?.(".marked .w");
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!word || !step) return;
    const own = words();
    const turn = step * (getComputedStyle(word).direction === "rtl" && event.key.match(/Left|Right/) ? -1 : 1);
    const next = own[own.indexOf(word) + turn];
    if (next) { event.preventDefault(); next.focus(); }
  });

  // A trace of a thousand documents opens at the one that the page is about.
  const reveal = (within) => {
    const row = within.querySelector("tr.this");
    const frame = row?.closest(".scroll");
    if (frame) frame.scrollTop = row.offsetTop - frame.clientHeight / 2;
  };

  document.addEventListener("DOMContentLoaded", () => { prepare(); reveal(document); });
  document.addEventListener("htmx:load", (event) => { prepare(); reveal(event.detail.elt); });
})();
