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

  // Charts: drawn by Vega, whose expressions are interpreted, never compiled, so that the policy can
  // forbid it. Until one is drawn its table stands open; afterwards the table folds away.
  const { theme, charts } = JSON.parse(document.getElementById("chart-data").textContent);
  const views = new Map();
  // An empty group of marks would be announced as a picture without a name; Vega writes some anew.
  const silence = (figure) => {
    for (const group of all("g[role='graphics-symbol']:not([aria-label])", figure)) {
      if (!group.childElementCount) for (const name of ["role", "aria-roledescription"]) group.removeAttribute(name);
    }
  };
  const draw = async (figure) => {
    const spec = charts[figure.dataset.chart];
    if (!spec) { figure.remove(); return; }
    const { view } = await vegaEmbed(figure, spec, {
      mode: "vega-lite", renderer: "svg", ast: true, actions: false, defaultStyle: false, config: theme,
      tooltip: (_, event, item, text) => { if (text) show(text, event.clientX, event.clientY, event.clientY); else hide(); },
    });
    views.set(figure.dataset.chart, view);
    silence(figure);
    new MutationObserver(() => silence(figure)).observe(figure, { subtree: true, childList: true, attributeFilter: ["role"] });
  };
  const signal = (wanted, name, value) => {
    for (const [chart, view] of views) if (chart.startsWith(wanted)) view.signal(name, value).runAsync();
  };
  const fold = () => { for (const table of all("[data-fold]")) table.open = false; };

  // Tips: what a mark's description says, beside the pointer or the focused mark.
  const tip = document.querySelector(".tip");
  const hide = () => { tip.hidden = true; };
  const show = (text, x, top, bottom) => {
    tip.textContent = text;
    tip.hidden = false;
    const left = Math.min(Math.max(8, x - tip.offsetWidth / 2), innerWidth - tip.offsetWidth - 8);
    const above = top - tip.offsetHeight - 10;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${above > 4 ? above : bottom + 14}px`;
  };
  addEventListener("scroll", hide, { passive: true });
  addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });

  // Keys: one tab stop a chart; the arrows walk from mark to mark, row by row, left to right.
  for (const figure of all("[data-chart]")) {
    const place = (mark) => { const { x, y, width, height } = mark.getBoundingClientRect(); return [Math.round((y + height / 2) / 12), x + width / 2]; };
    const marks = () => all("[aria-roledescription='circle'], [aria-roledescription='point'], [aria-roledescription='rect mark']", figure)
      .map((mark) => [mark, place(mark)]).sort(([, [a, b]], [, [c, d]]) => a - c || b - d).map(([mark]) => mark);
    figure.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const list = marks();
      const next = list[Math.min(list.length - 1, Math.max(0, list.indexOf(document.activeElement) + step))];
      next?.setAttribute("tabindex", "-1");
      next?.focus();
    });
    figure.addEventListener("focusin", ({ target }) => {
      const text = target.getAttribute("aria-label");
      if (target === figure || !text) { hide(); return; }
      const at = target.getBoundingClientRect();
      show(text, at.left + at.width / 2, at.top, at.bottom);
    });
    figure.addEventListener("focusout", hide);
  }

  // Runs: a key hides its run in every chart and shows it again.
  const hidden = new Set();
  const keys = all("button[data-run]");
  for (const key of keys) {
    key.disabled = false;
    key.title = "Hide or show this run in every chart";
    key.addEventListener("click", () => {
      const run = Number(key.dataset.run);
      if (!hidden.delete(run)) hidden.add(run);
      for (const other of keys) other.setAttribute("aria-pressed", String(!hidden.has(Number(other.dataset.run))));
      signal("", "hidden", [...hidden]);
    });
  }

  for (const form of all("[data-highlight]")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", ({ target }) => signal(form.dataset.highlight, "only", target.value));
  }

  // Rows of a table by some choices and a search, counted aloud.
  for (const box of all("[data-filtered]")) {
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

  Promise.all(all("[data-chart]").map(draw)).then(fold, (error) => console.warn("Charts cannot be drawn; the tables say the same.", error));

  // Paper shows everything but the changes of single flips, which would fill pages.
  // Its colours are those of the light theme, in what is drawn too.
  const opened = new Set();
  let chosen = null;
  addEventListener("beforeprint", () => {
    chosen = root.dataset.theme;
    root.dataset.theme = "light";
    for (const part of all("main details:not([open])")) {
      if (part.closest(".flips")) continue;
      part.open = true;
      opened.add(part);
    }
  });
  addEventListener("afterprint", () => { root.dataset.theme = chosen ?? "auto"; for (const part of opened) part.open = false; opened.clear(); });
})();
