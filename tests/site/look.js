// What is wrong with a page as it is shown now: sentences by kind.
() => {
  const found = { width: [], figures: [], formulas: [], ink: [] };
  const named = (element) => `${element.tagName.toLowerCase()} "${element.textContent.trim().slice(0, 60)}"`;
  const shown = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const size = (element) => Math.max(element.getBoundingClientRect().width, element.getBoundingClientRect().height);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // width: only a part that scrolls by itself may be wider than the page
  const page = document.documentElement;
  if (page.scrollWidth > innerWidth) {
    const beyond = all("main *").find((part) => !part.closest(".wide")
      && part.getBoundingClientRect().right > innerWidth);
    found.width.push(`the page is ${page.scrollWidth} px wide${beyond ? `: ${named(beyond)}` : ""}`);
  }
  for (const part of all(".wide")) {
    if (part.scrollHeight > part.clientHeight + 2 && !part.previousElementSibling?.matches(".filter")) {
      found.width.push(`${named(part)} is cut off at ${part.clientHeight} of ${part.scrollHeight} px of height`);
    }
  }
  for (const line of all("p > .wide")) {
    if (innerWidth > 1000 && line.scrollWidth > line.clientWidth + 1) found.width.push(`${named(line)} is cut off at the right`);
    if (parseFloat(getComputedStyle(line.firstElementChild).fontSize) < 13) found.width.push(`${named(line)} is too small to read`);
  }
  for (const table of document.body.matches(":has(.cards)") ? all(".wide > table:not(.sortable)") : []) {
    const { scrollWidth, clientWidth } = table.parentElement;
    if (innerWidth > 1000 && scrollWidth > clientWidth + 1) found.width.push(`${named(table)} is cut off at the right`);
  }

  // figures: drawn ones have marks, and all have words
  const marks = ".scatterlayer path, .barlayer path, .boxlayer path, .heatmaplayer image, .shapelayer path";
  for (const figure of all("figure")) {
    const plot = figure.querySelector(".plot");
    const n_marks = plot ? all(marks, plot).filter((mark) => size(mark) > 2).length : 0;
    const fewest = figure.querySelector(".heatmaplayer image") ? 1 : 2;
    if (plot && n_marks < fewest) found.figures.push(`${figure.id} has ${n_marks} marks`);
    const still = figure.querySelector(".still");
    if (!(still?.alt ?? still?.textContent ?? "").trim()) found.figures.push(`${figure.id} has no words`);
    if (plot && !figure.querySelector("[aria-label]")?.ariaLabel.trim()) found.figures.push(`${figure.id} has no name`);
  }

  // formulas: all are drawn, and no text is left as it was typed
  for (const formula of all("math")) {
    const { width, height } = formula.getBoundingClientRect();
    if (shown(formula) && (width < 3 || height < 5 || !getComputedStyle(formula).display.includes("math"))) {
      found.formulas.push(`not drawn: ${formula.textContent}`);
    }
  }
  const written = new Set(); // elements with text of their own
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    if (!text.data.trim() || text.parentElement.closest("script, style")) continue;
    written.add(text.parentElement);
    if (/[$\\]/.test(text.data) && !text.parentElement.closest("pre, code")) {
      found.formulas.push(`left as typed: ${text.data.trim().slice(0, 80)}`);
    }
  }

  // ink: text and what is behind it
  const parts = (color) => [...color.matchAll(/[\d.]+/g)].map(([part]) => Number(part));
  const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  const luminance = (rgb) => rgb.map((part) => linear(part / 255))
    .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  const over = (color, share, ground) => color.slice(0, 3).map((part, i) => share * part + (1 - share) * ground[i]);
  const opacity = (part) => (part ? Number(getComputedStyle(part).opacity) * opacity(part.parentElement) : 1);
  const filling = (mark) => { // of a mark in a figure: its color, and how much it covers
    const { fill, fillOpacity } = getComputedStyle(mark);
    return [parts(fill), (parts(fill)[3] ?? 1) * Number(fillOpacity) * opacity(mark)];
  };
  const ground = (element) => {
    const color = element ? parts(getComputedStyle(element).backgroundColor) : [255, 255, 255];
    const share = color[3] ?? 1;
    return share === 1 ? color.slice(0, 3) : over(color, share, ground(element.parentElement));
  };
  const look = (place, text, ink, behind) => {
    const [low, high] = [luminance(ink), luminance(behind)].sort((a, b) => a - b);
    const contrast = (high + 0.05) / (low + 0.05);
    if (!(contrast >= 4.5)) found.ink.push(`${place}: ${named(text)} has contrast ${contrast.toFixed(2)}`);
  };
  for (const text of written) {
    if (text.closest("svg") || !shown(text)) continue;
    const color = parts(getComputedStyle(text).color);
    const behind = ground(text);
    look(text.tagName.toLowerCase(), text, over(color, (color[3] ?? 1) * opacity(text), behind), behind);
  }

  // text of figures on the paper, on the area of a plot, or on a box of its own; text inside marks (cells of a heatmap,
  // bars) is excluded, because its background is the mark's color, for which plotly chooses the ink
  const within = (inner, outer) => inner.left >= outer.left - 1 && inner.right <= outer.right + 1
    && inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1;
  for (const plot of all(".drawn .plot")) {
    const paper = ground(plot.querySelector(".main-svg"));
    const areas = all(".bglayer rect, .cartesianlayer .bg", plot);
    for (const text of all("text, tspan", plot)) {
      if (!written.has(text) || !shown(text) || text.closest(".heatmaplayer, .bartext-inside, .hoverlayer")) continue;
      const around = text.getBoundingClientRect();
      const box = [text.closest(".annotation-text-g, .legend")?.querySelector("rect.bg"), ...areas]
        .find((rect) => rect && filling(rect)[1] > 0 && within(around, rect.getBoundingClientRect()));
      const behind = box ? over(...filling(box), paper) : paper;
      look(plot.closest("figure").id, text, over(...filling(text), behind), behind);
    }
  }
  return found;
}
