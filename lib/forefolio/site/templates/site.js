// What a page does by itself: draws figures, folds code, sorts and filters tables, searches. It asks no network for anything.
"use strict";

const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
const make = (kind, properties, ...children) => {
  const element = Object.assign(document.createElement(kind), properties);
  element.append(...children);
  return element;
};

// ---------------------------------------------------------------------------------------------------- one switch for code
const cells = document.querySelectorAll("details.code:not([data-folded])");
const codeSwitch = document.getElementById("Code");
function fold(folded) {
  root.dataset.code = folded ? "folded" : "shown";
  codeSwitch.setAttribute("aria-pressed", folded);
  for (const cell of cells) cell.open = !folded;
}
codeSwitch.hidden = cells.length === 0;
fold(root.dataset.code === "folded");
codeSwitch.addEventListener("click", () => {
  fold(root.dataset.code !== "folded");
  try { localStorage.setItem("forefolio-code", root.dataset.code); } catch { /* a browser may refuse to remember */ }
});

for (const contents of document.querySelectorAll(".toc:not([data-closed])")) contents.open = matchMedia("(min-width: 60rem)").matches;
const menu = document.getElementById("Menu");
menu.addEventListener("click", () => menu.setAttribute("aria-expanded", document.body.classList.toggle("menu")));

// --------------------------------------------------------------------------------------------------------------- formulas
const SMALLEST = 13; // pixels that one can read
function shrink() { // a formula that is a little too wide for the page; a much wider one scrolls
  for (const line of document.querySelectorAll("p > .wide")) {
    const formula = line.firstElementChild;
    formula.style.fontSize = "";
    const share = line.clientWidth / line.scrollWidth;
    const size = parseFloat(getComputedStyle(formula).fontSize);
    if (share < 1) formula.style.fontSize = `${Math.max(0.98 * share * size, SMALLEST)}px`;
  }
}
shrink();
addEventListener("resize", shrink);

// ---------------------------------------------------------------------------------------------------------------- figures
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
function parsed(color) { // red, green and blue in 0..255, and opacity in 0..1
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = "#010203";
  canvas.fillStyle = color;
  canvas.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
  return [red, green, blue, alpha / 255];
}
function luminance(rgb) {
  const [red, green, blue] = rgb.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}
function readable(color, wanted) { // the color, moved towards ink until it stands out from the paper
  const style = getComputedStyle(root);
  const paper = parsed(style.getPropertyValue("--paper")).slice(0, 3);
  const ink = dark.matches ? 255 : 0;
  let [red, green, blue, alpha] = parsed(color);
  if (alpha < 0.5) return color; // an area through which one sees
  if (wanted > 4 && luminance([red, green, blue]) > 0.9) return ink ? "#ffffff" : "#222222"; // on a mark; site.css gives it a rim
  const spread = Math.max(red, green, blue) - Math.min(red, green, blue);
  const gray = spread < 20;
  const faint = contrast([red, green, blue], [255, 255, 255]);
  if (dark.matches && wanted === 3 && spread < 60 && faint < 2) { // pale in the light: as near to the paper in the dark
    for (let share = 0.1; ; share += 0.04) {
      const mixed = [red, green, blue].map((part, i) => Math.round(paper[i] + share * (part - paper[i])));
      if (share >= 1 || contrast(mixed, paper) >= faint) return `rgb(${mixed.join(",")})`;
    }
  }
  if (dark.matches && gray) [red, green, blue] = [255 - red, 255 - green, 255 - blue]; // what was ink is ink again
  // in the dark all move, so that the bright ones do not come near to the dark ones that must move
  for (let share = dark.matches && !gray ? 0.24 : 0; share < 1; share += 0.04) {
    const mixed = [red, green, blue].map((part) => Math.round(part + share * (ink - part)));
    if (contrast(mixed, paper) >= wanted) return `rgb(${mixed.join(",")})`;
  }
  return ink ? "#ffffff" : "#000000";
}
function tint(color) { // an area behind lines, which is pale in the light, in the dark
  const paper = parsed(getComputedStyle(root).getPropertyValue("--paper"));
  const [red, green, blue] = parsed(color);
  return `rgb(${[red, green, blue].map((part, i) => paper[i] + 12 + part - Math.min(red, green, blue)).join(",")})`;
}
function themed(part, key = "", parent = "") { // a copy of a figure's part in the colors of the reader's theme
  if (Array.isArray(part)) {
    const colors = key.endsWith("color") && part.every((value) => typeof value === "string");
    return colors || typeof part[0] === "object" || typeof part[0] === "string" ? part.map((value) => themed(value, key, parent)) : part;
  }
  if (part && typeof part === "object") {
    return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, themed(value, name, name === "color" ? key : parent)]));
  }
  if (typeof part !== "string" || key === "colorscale") return part;
  const style = getComputedStyle(root);
  if (!/color$/.test(key)) return part.replace(/color:\s*(#[0-9a-fA-F]{3,8})/g, (_, color) => `color:${readable(color, 4.5)}`);
  if (key === "gridcolor") return dark.matches ? style.getPropertyValue("--grid").trim() : part;
  if (key === "zerolinecolor") return dark.matches ? style.getPropertyValue("--line").trim() : part;
  if (key === "fillcolor" && dark.matches && luminance(parsed(part).slice(0, 3)) > 0.6 && parsed(part)[3] === 1) return tint(part);
  if (/bgcolor$/.test(key)) return dark.matches && luminance(parsed(part).slice(0, 3)) > 0.5 && parsed(part)[3] > 0 ? style.getPropertyValue("--paper").trim() : part;
  if (/font$/.test(parent) || key === "font_color" || key === "font.color") return readable(part, 4.5);
  return dark.matches ? readable(part, 3) : part;
}
function wrapped(text, room) { // a title broken so that it fits; the first line is written larger than the others
  return text.split("<br>").map((line, i) => {
    const most = room / (i ? 6.7 : 9);
    let length = 0;
    return line.split(/( |<[^>]*>)/).map((word) => {
      if (word.startsWith("<") || !word) return word;
      length += word.replace(/&[^;]+;/g, "x").length;
      if (word === " " || length <= most) return word;
      length = word.length;
      return `<br>${word}`;
    }).join("");
  }).join("<br>");
}
function fitted(figure, room) { // titles broken where the screen is narrow, and room for their lines
  const { layout } = figure;
  if (room > 0.9 * layout.width) layout.width = Math.min(layout.width, room);
  const lines = (text) => text.split("<br>").length;
  const title = layout.title?.text ?? "";
  const steps = (layout.sliders ?? []).flatMap((slider) => slider.steps).filter((step) => step.args?.[1]?.["title.text"]);
  if (room >= layout.width || !title) return figure;
  const before = lines(title);
  layout.title.text = wrapped(title, room);
  for (const step of steps) step.args[1]["title.text"] = wrapped(step.args[1]["title.text"], room);
  const most = Math.max(...[layout.title.text, ...steps.map((step) => step.args[1]["title.text"])].map(lines));
  const more = 19 * (most - before);
  const above = (1 - layout.title.y) * layout.height;
  layout.height += more;
  layout.title.y = 1 - above / layout.height;
  layout.margin = { ...layout.margin, t: (layout.margin?.t ?? layout.template?.layout?.margin?.t ?? 100) + more };
  return figure;
}
async function draw(figure) {
  const plot = figure.querySelector(".plot");
  const stored = JSON.parse(figure.querySelector("script").textContent);
  const { data, layout } = fitted(themed(stored), figure.clientWidth);
  layout.hoverlabel = { ...layout.hoverlabel, namelength: -1 }; // names of strategies are long, and differ at their ends
  if (matchMedia("(pointer: coarse)").matches) layout.dragmode = false; // a finger scrolls the page
  figure.classList.add("drawn");
  plot.style.width = `${layout.width}px`;
  await Plotly.react(plot, data, layout, { displayModeBar: false });
}
const figures = [...document.querySelectorAll("figure:has(.plot)")];
if (window.Plotly) {
  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) {
        near.unobserve(target);
        draw(target);
      }
    }
  }, { rootMargin: "800px" });
  figures.forEach((figure) => near.observe(figure));
  dark.addEventListener("change", () => figures.filter((figure) => figure.classList.contains("drawn")).forEach(draw));
}
addEventListener("beforeprint", () => document.querySelectorAll("img[loading]").forEach((image) => { image.loading = "eager"; }));

// ----------------------------------------------------------------------------------------------------------------- tables
const number = (text) => (/^\s*[-+−]?[\d,.]+(e[-+]?\d+)?\s*%?\s*$/.test(text) ? parseFloat(text.replace("−", "-").replaceAll(",", "")) : NaN);
function compare(one, other) { // numbers by size, then texts, then nothing
  const [a, b] = [number(one), number(other)];
  if (!one || !other) return (one ? 0 : 1) - (other ? 0 : 1);
  if (isNaN(a) !== isNaN(b)) return isNaN(a) ? 1 : -1;
  return isNaN(a) ? one.localeCompare(other) : a - b;
}
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  const text = (row, column) => row.cells[column]?.textContent.trim() ?? "";
  heads.forEach((head, column) => {
    if (head.tagName !== "TH") return;
    const button = make("button", { type: "button", title: "Sort by this column" }, ...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const way = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", way);
      const sign = way === "ascending" ? 1 : -1;
      const empty = (row) => !text(row, column);
      rows.sort((a, b) => (empty(a) || empty(b) ? 1 : sign) * compare(text(a, column), text(b, column)));
      body.append(...rows);
    });
  });
  if (rows.length < 25) continue; // one sees them all
  const words = make("input", { type: "search", placeholder: "Filter rows", ariaLabel: "Filter rows" });
  const shown = make("span", { role: "status" });
  const column = table.dataset.choices ? heads.findIndex((head) => head.textContent === table.dataset.choices) : -1;
  const values = [...new Set(rows.map((row) => text(row, column)))].sort();
  const choice = make("select", { ariaLabel: `Choose by ${table.dataset.choices}` },
    make("option", { value: "", textContent: `every ${table.dataset.choices}` }),
    ...values.map((value) => make("option", { value, textContent: value })));
  const filter = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const all = row.textContent.toLowerCase();
      row.hidden = !wanted.every((word) => all.includes(word)) || (choice.value !== "" && text(row, column) !== choice.value);
    }
    shown.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`;
  };
  words.addEventListener("input", filter);
  choice.addEventListener("change", filter);
  filter();
  table.closest(".wide").before(make("div", { className: "filter" }, words, ...(column < 0 ? [] : [choice]), shown));
}

// ----------------------------------------------------------------------------------------------------------------- search
const box = document.getElementById("Search");
const found = document.getElementById("Found");
let index; // loaded by a script, because a page from a folder may not read files
box.addEventListener("focus", () => {
  index ??= new Promise((resolve) => document.head.append(make("script", { src: "search.js", onload: () => resolve(SEARCH) })));
});
function excerpt(text, words) { // whole words of a text around the first of those that it has, with all of them marked
  const first = Math.min(...words.map((word) => text.toLowerCase().indexOf(word)).filter((place) => place >= 0), text.length);
  const from = first > 50 ? text.lastIndexOf(" ", first - 40) + 1 : 0;
  const to = text.length > from + 160 ? text.lastIndexOf(" ", from + 160) : text.length;
  const pattern = new RegExp(`(${words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})`, "i");
  const shown = `${from ? "… " : ""}${text.slice(from, to)}${to < text.length ? " …" : ""}`;
  return shown.split(pattern).map((part, i) => (i % 2 ? make("mark", { textContent: part }) : part));
}
function ranked(entries, words, fewest) { // the sections that have so many of the words, best first; rare words say more
  const whole = ([, title, , heading, text]) => `${title} ${heading} ${text}`.toLowerCase();
  const rarity = (word) => 1 / entries.filter((entry) => whole(entry).includes(word)).length;
  const weights = words.map((word) => [word, rarity(word)]);
  const worth = (text) => weights.reduce((sum, [word, weight]) => sum + (text.includes(word) ? weight : 0), 0);
  return entries.filter((entry) => words.filter((word) => whole(entry).includes(word)).length >= fewest)
    .map((entry) => [worth(whole(entry)) + 5 * worth(entry[3].toLowerCase()) + 2 * worth(entry[1].toLowerCase()), entry])
    .sort(([a], [b]) => b - a).slice(0, 12);
}
async function search() {
  const asked = box.value;
  const words = asked.toLowerCase().split(/\s+/).filter(Boolean);
  const entries = await index;
  if (asked !== box.value) return;
  const best = words.length ? ranked(entries, words, words.length) : [];
  const some = best.length ? [] : ranked(entries, words.filter((word) => word.length > 3), 1); // a question has many short words
  found.replaceChildren(...[...best, ...some].map(([, [page, title, anchor, heading, text]]) => make("li", {},
    make("a", { href: `${page}.html#${anchor}` }, heading === title ? title : `${title} › ${heading}`),
    make("p", {}, ...excerpt(text, words)))));
  if (words.length && !best.length) {
    const more = some.length ? " These have some:" : "";
    found.prepend(make("li", { textContent: `No section has all of these words.${more}` }));
  }
  found.hidden = !words.length;
}
box.addEventListener("input", search);
box.addEventListener("keydown", (event) => {
  if (event.key === "Enter") found.querySelector("a")?.click();
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape") found.hidden = true;
});
addEventListener("click", (event) => {
  if (!event.target.closest("search")) found.hidden = true;
});
