// Runs inside a page under test and tells the frame around it what it saw.
const seen = { violations: [], errors: [] };
addEventListener("securitypolicyviolation", (event) => seen.violations.push(event.blockedURI));
addEventListener("error", (event) => seen.errors.push(event.message));
addEventListener("unhandledrejection", (event) => seen.errors.push(String(event.reason)));
const pause = (time) => new Promise((done) => setTimeout(done, time));
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
const enter = (control, value) => {
  control.value = value;
  control.dispatchEvent(new Event("input", { bubbles: true }));
};
const press = (key) => document.activeElement.dispatchEvent(
  new KeyboardEvent("keydown", { key, bubbles: true }));
const filter = () => {
  const rows = all(".flips tbody tr");
  const choose = (name, value) => {
    const control = document.querySelector(`[data-filter=${name}]`);
    enter(control, value);
    const left = rows.filter((row) => !row.hidden).length;
    enter(control, "");
    return left;
  };
  seen.rows = rows.length;
  seen.broken = choose("kind", "right_wrong");
  seen.nothing = choose("text", "no such words anywhere");
  seen.again = rows.filter((row) => !row.hidden).length;
  seen.count = document.querySelector("[data-filtered] output").textContent;
};
const turn = () => {
  const theme = document.querySelector("[data-theme-button]");
  theme.click(); theme.click();
  seen.theme = document.documentElement.dataset.theme;
  seen.page = getComputedStyle(document.body).backgroundColor;
  seen.mark = getComputedStyle(points("levels")[0]).fill;
};
const points = (chart) =>
  all(`[data-chart=${chart}] path[aria-roledescription=point]`);
const dots = () => all(`[data-chart=variants-1] path[aria-roledescription=circle]`);
const tip = () => { const box = document.querySelector(".tip"); return box.hidden ? "" : box.textContent; };
const walk = () => {
  document.querySelector("[data-chart=levels]").focus();
  press("ArrowRight");
  const first = document.activeElement;
  seen.tip = tip();
  seen.label = first.getAttribute("aria-label");
  press("ArrowRight");
  seen.moved = document.activeElement !== first && document.activeElement.matches("path");
  press("Escape");
  seen.closed = tip() === "";
};
const point = () => {
  const mark = dots()[0], at = mark.getBoundingClientRect();
  mark.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX: at.x, clientY: at.y }));
  seen.hover = tip();
  seen.described = mark.getAttribute("aria-label");
};
const hide = async () => {
  const key = document.querySelector("button[data-run='1']");
  if (!key) return;
  seen.both = points("levels").length;
  key.click();
  await pause(200);
  seen.one = points("levels").length;
  seen.pressed = all("button[data-run='1']").map((other) => other.getAttribute("aria-pressed"));
  key.click();
  await pause(200);
  seen.bothAgain = points("levels").length;
};
const highlight = async () => {
  const select = document.querySelector("[data-highlight=variants] select");
  const faint = () => dots().filter((dot) => Number(dot.getAttribute("opacity")) < 0.2).length;
  enter(select, select.options[1].value);
  await pause(200);
  seen.faint = faint();
  seen.dots = dots().length;
  enter(select, "");
  await pause(200);
  seen.bright = faint() === 0;
};
const zoom = async () => {
  const svg = document.querySelector("[data-chart=variants-1] svg");
  const at = svg.getBoundingClientRect(), place = () => dots().map((dot) => dot.getAttribute("transform")).join();
  const before = place();
  const wheel = (shiftKey) => svg.querySelector(".background").dispatchEvent(new WheelEvent("wheel", {
    bubbles: true, cancelable: true, shiftKey, deltaY: -300, clientX: at.x + at.width / 2, clientY: at.y + 40 }));
  wheel(false);
  await pause(200);
  seen.scrolls = place() === before;
  wheel(true);
  await pause(200);
  seen.zooms = place() !== before;
};
addEventListener("load", async () => {
  const figures = all("[data-chart]");
  for (let tries = 0; tries < 60 && !all("[data-fold]").every((part) => !part.open); tries += 1) await pause(50);
  const root = document.documentElement;
  seen.width = innerWidth;
  seen.overflow = root.scrollWidth - root.clientWidth;
  seen.drawn = figures.filter((figure) => figure.querySelector("svg.marks")).length;
  seen.charts = figures.length;
  seen.folded = all("[data-fold]").every((part) => !part.open);
  filter(); walk(); point();
  await hide(); await highlight(); await zoom();
  turn();
  parent.postMessage(JSON.stringify(seen), "*");
});
