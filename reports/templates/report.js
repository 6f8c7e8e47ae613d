"use strict";
(() => {
  const root = document.documentElement;
  root.classList.remove("no-js");
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];

  // Theme: follows the system until the button is pressed; then remembers the choice.
  const button = document.querySelector("[data-theme-button]");
  const themes = ["auto", "light", "dark"];
  const remembered = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const setTheme = (theme) => {
    root.dataset.theme = theme;
    button.querySelector("span").textContent = theme;
    try { localStorage.setItem("theme", theme); } catch { /* a page opened from a file may have no storage */ }
  };
  setTheme(themes.includes(remembered()) ? remembered() : "auto");
  button.addEventListener("click", () => setTheme(themes[(themes.indexOf(root.dataset.theme) + 1) % 3]));
  button.hidden = false;

  // Tips: the <title> of a mark becomes a tip that also opens on focus; without script it stays a <title>.
  const tip = document.querySelector(".tip");
  const hide = () => { tip.hidden = true; };
  const show = (mark) => {
    tip.textContent = mark.dataset.tip;
    tip.hidden = false;
    const at = mark.getBoundingClientRect();
    const left = Math.min(Math.max(8, at.left + at.width / 2 - tip.offsetWidth / 2), innerWidth - tip.offsetWidth - 8);
    const above = at.top - tip.offsetHeight - 8;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${above > 4 ? above : at.bottom + 8}px`;
  };
  for (const title of all("main svg title")) {
    const mark = title.parentElement;
    mark.dataset.tip = title.textContent;
    mark.setAttribute("aria-label", title.textContent);
    mark.setAttribute("role", "img");
    title.remove();
  }
  for (const mark of all("[data-tip]")) {
    mark.addEventListener("pointerenter", () => show(mark));
    mark.addEventListener("pointerleave", hide);
    mark.addEventListener("focus", () => show(mark));
    mark.addEventListener("blur", hide);
  }
  addEventListener("scroll", hide, { passive: true });
  addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });

  // Dots: one tab stop a chart; the arrow keys walk from mark to mark, left to right.
  for (const chart of all("svg.dots")) {
    const left = (mark) => parseFloat(mark.getAttribute("cx") ?? mark.getAttribute("x"));
    const marks = all(".dot", chart).sort((a, b) => left(a) - left(b));
    const enter = (mark) => {
      for (const other of marks) other.setAttribute("tabindex", other === mark ? "0" : "-1");
    };
    if (marks.length) enter(marks[0]);
    chart.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      const now = marks.indexOf(document.activeElement);
      if (!step || now < 0) return;
      event.preventDefault();
      const next = marks[Math.min(marks.length - 1, Math.max(0, now + step))];
      enter(next);
      next.focus();
    });
  }

  // Flips: three choices and a search, counted aloud.
  for (const box of all("[data-flips]")) {
    const form = box.querySelector("form");
    const controls = all("[data-filter]", form);
    const rows = all("tbody tr", box);
    const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    const matches = (row, { dataset, value }) => !value
      || (dataset.filter === "text" ? texts.get(row).includes(value.toLowerCase()) : row.dataset[dataset.filter] === value);
    const filter = () => {
      let shown = 0;
      for (const row of rows) {
        row.hidden = !controls.every((control) => matches(row, control));
        shown += row.hidden ? 0 : 1;
      }
      form.querySelector("output").textContent = `${shown} of ${rows.length} shown`;
    };
    form.addEventListener("input", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
    filter();
  }

  for (const copy of all("[data-copy]")) {
    if (!navigator.clipboard) continue;
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(copy.previousElementSibling.textContent);
      copy.textContent = "Copied";
      setTimeout(() => { copy.textContent = "Copy"; }, 1500);
    });
  }

  // Paper shows everything but the wordings of single flips, which would fill pages.
  const opened = new Set();
  addEventListener("beforeprint", () => {
    for (const part of all("main details:not([open])")) {
      if (part.closest(".flips")) continue;
      part.open = true;
      opened.add(part);
    }
  });
  addEventListener("afterprint", () => { for (const part of opened) part.open = false; opened.clear(); });
})();
