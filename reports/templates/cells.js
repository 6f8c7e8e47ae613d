"use strict";
// The map of cells: drawn on a canvas, read cell by cell, opened example by example. All texts come
// from data and are set as text. The data stand in the page, or in a file beside it that is a call
// of `harnessCells`, since a page from a file may not read others but may run them.
(() => {
  const section = document.getElementById("cells");
  const given = JSON.parse(document.getElementById("chart-data").textContent).cells;
  if (!section || !given) return;
  const find = (selector) => section.querySelector(selector);
  const all = (selector) => [...section.querySelectorAll(selector)];
  const make = (tag, content = "", className = "") => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...[content].flat());
    return element;
  };
  const percent = (share) => (share === null ? "\u2013" : `${Math.round(100 * share)}%`);
  const bytes = (text) => (text === null ? null : Uint8Array.from(atob(text), (one) => one.charCodeAt(0)));
  const NONE = 255, STEPS = 250, TOP = 62, SIDE = 64, GAP = 8;
  const SAID = ["not asked", "right", "wrong", "wrong, right when clean", "right, wrong when clean", "wrong, otherwise than when clean"];

  const start = ({ runs, tasks }) => {
    const [canvas, frame, output, drill] = ["canvas", ".map", ".map-cell", ".drill"].map(find);
    const [runs_, tasks_, search] = ["run", "task", "find"].map((name) => find(`[data-map=${name}]`));
    for (const task of tasks) {
      for (const name of ["states", "answers", "scores", "probabilities"]) task[name] = bytes(task[name]);
      task.width = task.examples.length;
      // Only cells that were asked have values: where each one's stand.
      let asked = 0;
      task.at = Int32Array.from(task.states, (state) => (state ? asked++ : -1));
      task.asked = asked;
    }
    let task = null, place = null, base = null, layout = null;

    // Where what is drawn.
    const lay = () => {
      const [columns, rows] = [task.variants.length, task.examples.length];
      const starts = [], names = [];
      task.variants.forEach(([level], n) => { if (!n || level !== task.variants[n - 1][0]) { starts.push(n); names.push(level); } });
      const room = frame.clientWidth - SIDE - GAP * starts.length - 4;
      const across = Math.max(3, Math.min(24, Math.floor(room / columns)));
      const down = Math.max(3, Math.min(14, Math.floor(560 / rows)));
      const xs = [];
      let group = -1;
      for (let n = 0; n < columns; n += 1) {
        if (starts[group + 1] === n) group += 1;
        xs.push(n * across + group * GAP);
      }
      const right = xs[columns - 1] + across;
      return { across, down, xs, starts, names, right, width: right + SIDE, height: TOP + rows * down + 2 };
    };

    const colours = () => Object.fromEntries([
      ...all("[data-state]").map((swatch) => [swatch.dataset.state, getComputedStyle(swatch).backgroundColor]),
      ["ink", getComputedStyle(output).color], ["muted", getComputedStyle(find(".map-help")).color],
    ]);

    const drawCells = (context, paint) => {
      const { across, down, xs } = layout, pad = across > 5 && down > 5 ? 1 : 0;
      for (let v = 0; v < task.variants.length; v += 1) {
        for (let e = 0; e < task.width; e += 1) {
          const cell = v * task.width + e, state = task.states[cell];
          const box = [xs[v], TOP + e * down, across - pad, down - pad];
          if (!state) {
            if (pad) { context.fillStyle = paint.muted; context.globalAlpha = 0.35; context.fillRect(box[0] + across / 2 - 1, box[1] + down / 2 - 1, 1, 1); context.globalAlpha = 1; }
            continue;
          }
          context.fillStyle = paint[state];
          context.fillRect(...box);
          // A score between wrong and right shows as a mixture of the two.
          const score = task.scores?.[task.at[cell]] ?? NONE;
          if (score !== NONE && score % STEPS) {
            context.fillStyle = paint[1];
            context.globalAlpha = score / STEPS;
            context.fillRect(...box);
            context.globalAlpha = 1;
          }
        }
      }
    };

    const drawMargins = (context, paint) => {
      const { across, down, xs, starts, names, right } = layout;
      context.font = `12px ${getComputedStyle(output).fontFamily}`;
      names.forEach((name, n) => {
        const room = (xs[starts[n + 1]] ?? right + GAP) - xs[starts[n]] - GAP;
        context.fillStyle = paint.ink;
        context.save();
        context.beginPath();
        context.rect(xs[starts[n]], 0, Math.max(room, 14), 16);
        context.clip();
        context.fillText(name, xs[starts[n]], 12);
        context.restore();
      });
      task.variants.forEach(([, , , accuracy], v) => {
        const high = 38 * (accuracy ?? 0), worst = v + 1 === task.variants.length || starts.includes(v + 1);
        context.fillStyle = worst && !starts.includes(v) ? paint[3] : paint.muted;
        context.globalAlpha = worst ? 1 : 0.55;
        context.fillRect(xs[v], TOP - 4 - high, Math.max(1, across - 1), high);
      });
      context.globalAlpha = 0.55;
      context.fillStyle = paint.muted;
      task.examples.forEach(([, , , , flips], e) => context.fillRect(right + 8, TOP + e * down, (SIDE - 10) * (flips ?? 0), Math.max(1, down - 1)));
      context.globalAlpha = 1;
      context.fillText("flip rate", right + 8, TOP - 6);
    };

    const draw = () => {
      layout = lay();
      const scale = Math.min(devicePixelRatio || 1, 2, 8000 / Math.max(layout.width, layout.height));
      for (const one of [canvas, base ??= document.createElement("canvas")]) {
        one.width = Math.ceil(layout.width * scale);
        one.height = Math.ceil(layout.height * scale);
      }
      canvas.style.width = `${layout.width}px`;
      canvas.style.height = `${layout.height}px`;
      const context = base.getContext("2d"), paint = colours();
      context.setTransform(scale, 0, 0, scale, 0, 0);
      drawCells(context, paint);
      drawMargins(context, paint);
      show();
    };

    const show = () => {
      const context = canvas.getContext("2d");
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, canvas.width, canvas.height);
      context.drawImage(base, 0, 0);
      if (!place) return;
      const scale = canvas.width / layout.width, [v, e] = place;
      context.setTransform(scale, 0, 0, scale, 0, 0);
      context.strokeStyle = getComputedStyle(output).color;
      context.lineWidth = 2;
      context.strokeRect(layout.xs[v] - 1, TOP + e * layout.down - 1, layout.across + 1, layout.down + 1);
    };

    // What a cell says.
    const answerOf = (cell) => {
      const at = task.at[cell];
      if (task.answers) return task.answers[at] === NONE ? "(unparsed)" : task.labels[task.answers[at]];
      return task.said[cell] ?? (task.scores ? `score ${percent(task.scores[at] / STEPS)}` : "");
    };
    const tell = () => {
      if (!place) { output.textContent = ""; return; }
      const [v, e] = place, [level, perturbation, instruction] = task.variants[v], [name, gold] = task.examples[e];
      const cell = v * task.width + e, state = task.states[cell];
      const what = state ? `answered ${answerOf(cell)}, gold ${gold}: ${SAID[state]}` : SAID[0];
      output.textContent = `${name} \u00b7 ${level}, ${perturbation} of ${instruction} \u00b7 ${what}`;
    };
    const go = (v, e) => {
      const clamp = (n, count) => Math.max(0, Math.min(count - 1, n));
      place = [clamp(v, task.variants.length), clamp(e, task.width)];
      show();
      tell();
    };
    // To the next cell that was asked, past the ones that were not.
    const walk = ([across, down]) => {
      let [v, e] = place ? [place[0] + across, place[1] + down] : [0, 0];
      const inside = () => v >= 0 && v < task.variants.length && e >= 0 && e < task.width;
      while (inside() && !task.states[v * task.width + e]) [v, e] = [v + (place ? across : 1), e + (place ? down : 0)];
      if (inside()) go(v, e);
    };
    const at = ({ offsetX, offsetY }) => {
      const e = Math.floor((offsetY - TOP) / layout.down);
      const v = layout.xs.findLastIndex((x) => x <= offsetX);
      return e < 0 || e >= task.width || v < 0 ? null : [v, e];
    };

    // One example under every variant.
    const marked = (marks) => make("p", marks.map((mark) => {
      if (typeof mark === "string") return mark;
      const [kind, parts, note] = mark;
      const element = make(kind === 1 ? "del" : "ins", parts.map((part, n) => (n % 2 ? make("b", part) : part)));
      return note ? make("span", [element, make("small", note, "letters")]) : element;
    }), "variant");
    const probabilities = (cell) => task.labels.slice(0, task.probabilities.length / task.asked).map((label, n, labels) => {
      const step = task.probabilities[task.at[cell] * labels.length + n], share = step === NONE ? null : step / STEPS;
      const bar = make("i");
      bar.style.width = `${100 * (share ?? 0)}%`;
      return make("span", [make("span", bar, "gauge"), `${percent(share)} `, make("bdi", label)], "probability");
    });
    const rowOf = (v, e) => {
      const cell = v * task.width + e, state = task.states[cell];
      const [level, perturbation, instruction, , marks] = task.variants[v];
      const head = make("th", level);
      head.scope = "row";
      const answer = make("td", make("bdi", answerOf(cell)), state === 1 || state === 4 ? "right" : "wrong");
      if (state > 2) answer.append(make("small", " flipped"));
      const cells = [head, make("td", [make("small", `${perturbation} of ${instruction}`), marked(marks)], "asked"), answer];
      if (task.probabilities) cells.push(make("td", probabilities(cell), "probabilities"));
      if (task.answers && Object.keys(task.said).length) cells.push(make("td", make("bdi", task.said[cell] ?? "\u2013")));
      return make("tr", cells);
    };
    const open = (e, v = null) => {
      const [name, gold, input, , flips] = task.examples[e];
      const asked = task.variants.map((_, n) => n).filter((n) => task.states[n * task.width + e]);
      const right = asked.filter((n) => [1, 4].includes(task.states[n * task.width + e])).length;
      const heads = ["Level", "What was asked", "Answer", ...(task.probabilities ? ["Probability of each label"] : []),
        ...(task.answers && Object.keys(task.said).length ? ["In its own words"] : [])];
      const holes = task.variants.length - asked.length;
      const caption = `Right under ${right} of ${asked.length} variants${flips === null ? "" : `, flips under ${percent(flips)} of the perturbed ones`}${holes ? `; ${holes} variants were not asked on it` : ""}`;
      const table = make("table", [make("caption", caption), make("thead", make("tr", heads.map((text) => {
        const head = make("th", text);
        head.scope = "col";
        return head;
      }))), make("tbody", asked.map((n) => {
        const row = rowOf(n, e);
        if (n === v) row.className = "chosen";
        return row;
      }))], "stack drilled");
      const close = make("button", "Close");
      close.type = "button";
      close.addEventListener("click", () => { drill.hidden = true; frame.focus(); });
      const text = make("p", input, "example-input");
      text.dir = "auto";
      drill.replaceChildren(make("h3", ["Example ", make("bdi", name)]), close, text, make("p", ["Gold: ", make("bdi", gold)], "facts"), table);
      globalThis.harnessTable?.(table);
      drill.hidden = false;
      drill.focus({ preventScroll: true });
      drill.scrollIntoView({ block: "start" });
    };

    // Choosing what is shown.
    const fill = (select, names) => select.replaceChildren(...names.map(([value, name]) => {
      const option = make("option", name);
      option.value = value;
      return option;
    }));
    const pick = (run, name = null) => {
      const own = tasks.map((one, n) => [n, one]).filter(([, one]) => one.run === Number(run));
      fill(tasks_, own.map(([n, one]) => [n, one.task]));
      const chosen = own.find(([, one]) => one.task === name) ?? own[0];
      runs_.value = run;
      tasks_.value = chosen[0];
      turn(chosen[1]);
    };
    const turn = (next) => {
      task = next;
      place = null;
      drill.hidden = true;
      const title = make("span", [make("bdi", task.task), ...(used.length > 1 ? [", ", make("bdi", runs[task.run])] : [])]);
      find(".map-title").replaceChildren("Shown: ", title);
      frame.setAttribute("aria-label", `Map of ${task.width} examples and ${task.variants.length} variants of ${task.task}`);
      draw();
      tell();
    };

    const used = [...new Set(tasks.map((one) => one.run))];
    fill(runs_, used.map((run) => [run, runs[run]]));
    find(".cell-map").hidden = false;
    pick(used[0]);
    runs_.addEventListener("input", () => pick(runs_.value));
    tasks_.addEventListener("input", () => turn(tasks[tasks_.value]));
    search.form.addEventListener("submit", (event) => event.preventDefault());
    search.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !search.value) return;
      const wanted = search.value.toLowerCase();
      const found = task.examples.findIndex(([name, , input]) => name.toLowerCase().includes(wanted) || input.toLowerCase().includes(wanted));
      if (found < 0) output.textContent = `No example of ${task.task} holds \u201c${search.value}\u201d.`;
      else open(found);
    });
    canvas.addEventListener("pointermove", (event) => { const cell = at(event); if (cell) go(...cell); });
    canvas.addEventListener("click", (event) => { const cell = at(event); if (cell) { go(...cell); open(cell[1], cell[0]); } });
    frame.addEventListener("keydown", (event) => {
      const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
      if (step) {
        walk(step);
        if (place) frame.scrollLeft = layout.xs[place[0]] - frame.clientWidth / 2;
      } else if (event.key === "Enter" && place) open(place[1], place[0]);
      else return;
      event.preventDefault();
    });
    drill.addEventListener("keydown", (event) => { if (event.key === "Escape") { drill.hidden = true; frame.focus(); } });
    for (const button of all(".opener")) {
      button.hidden = false;
      button.nextElementSibling.hidden = true;
      button.addEventListener("click", () => { pick(button.dataset.run, button.dataset.task); open(Number(button.dataset.example)); });
    }
    new ResizeObserver(() => { if (layout && Math.abs(lay().width - layout.width) > 1) draw(); }).observe(frame);
    new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    for (const event of ["beforeprint", "afterprint"]) addEventListener(event, draw);
  };

  globalThis.harnessCells = start;
  if (!given.file) { start(given); return; }
  // Large data load when a reader comes near.
  new IntersectionObserver((seen, observer) => {
    if (!seen.some((one) => one.isIntersecting)) return;
    observer.disconnect();
    const script = make("script");
    script.nonce = given.nonce;
    script.src = given.file;
    script.addEventListener("error", () => {
      const note = find(".map-missing");
      note.textContent = `The map and every example need ${given.file} beside this page.`;
      note.hidden = false;
    });
    document.head.append(script);
  }, { rootMargin: "800px" }).observe(section);
})();
