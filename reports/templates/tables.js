"use strict";
// Tables: a click on a head sorts, upwards, downwards, then as the page has it; long ones can be
// searched. A table that lists runs in groups moves each group as one, by its first row.
(() => {
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const LONG = 12;
  const units = (table) => (table.tBodies.length > 1 ? [...table.tBodies] : [...table.tBodies[0].rows]);
  const cells = (unit) => (unit.rows ? unit.rows[0] : unit).cells;
  const text = (cell) => (cell ? cell.textContent.trim() : "");
  const number = (written) => {
    const found = written.replace("\u2212", "-").replaceAll(",", "").match(/^[<>+]?\s*([+-]?\d+(\.\d+)?)/);
    return found ? Number(found[1]) : null;
  };
  const compare = (a, b, direction) => {
    const [x, y] = [number(a), number(b)];
    if (x !== null && y !== null) return direction * (x - y);
    // What has no number stays at the end, whichever way the numbers run.
    if (x !== null || y !== null) return x === null ? 1 : -1;
    return direction * a.localeCompare(b);
  };

  const sort = (table, column, order) => {
    const direction = { ascending: 1, descending: -1 }[order];
    const place = (unit) => Number(unit.dataset.place);
    const sorted = units(table).sort((a, b) => (direction
      ? compare(text(cells(a)[column]), text(cells(b)[column]), direction) || place(a) - place(b)
      : place(a) - place(b)));
    const parent = sorted[0].parentNode;
    for (const unit of sorted) parent.append(unit);
  };

  const makeSortable = (table) => {
    units(table).forEach((unit, place) => { unit.dataset.place = place; });
    const heads = all("thead th", table);
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sorter";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const next = { ascending: "descending", descending: "none" }[head.getAttribute("aria-sort")] ?? "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        if (next !== "none") head.setAttribute("aria-sort", next);
        sort(table, column, next);
      });
    });
  };

  const makeSearchable = (table) => {
    const label = document.createElement("label"), input = document.createElement("input"), count = document.createElement("output");
    input.type = "search";
    label.append("Find ", input);
    label.className = "grow";
    count.setAttribute("aria-live", "polite");
    const box = document.createElement("div");
    box.className = "filters";
    box.append(label, count);
    (table.closest(".scroll") ?? table).before(box);
    const rows = units(table), texts = rows.map((row) => row.textContent.toLowerCase());
    input.setAttribute("aria-label", `Find in: ${text(table.caption)}`);
    input.addEventListener("input", () => {
      const wanted = input.value.toLowerCase();
      rows.forEach((row, n) => { row.hidden = !texts[n].includes(wanted); });
      count.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} shown`;
    });
  };

  globalThis.harnessTable = (table) => {
    if (!table.tBodies.length || units(table).length < 2) return;
    makeSortable(table);
    if (units(table).length >= LONG && !table.closest("[data-filtered]")) makeSearchable(table);
  };
  all("main table:not([data-fixed])").forEach(globalThis.harnessTable);
})();
