"use strict";
(function (x) {
  const SVG = "http://www.w3.org/2000/svg";

  function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
    return element;
  }

  /** An element with attributes (on…: listeners) and children; texts are never read as HTML. */
  x.h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  x.s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
  /** Children of an element that is there: added, or in place of all it has. Unlike DOM's own, these show no "null". */
  x.add = (element, ...children) => fill(element, null, children);
  x.renew = (element, ...children) => (element.replaceChildren(), fill(element, null, children));

  x.n = (value) => (value ?? 0).toLocaleString("en");
  x.percent = (value, digits = 1) => `${(100 * value).toFixed(digits)} %`;
  x.plural = (count, one, many) => `${x.n(count)} ${count === 1 ? one : many ?? one + "s"}`;
  x.short = (value) => (value === null || value === undefined ? "–" : Number(value).toLocaleString("en", { maximumSignificantDigits: 3 }));
  x.human = (text) => String(text).replaceAll("_", " ");

  /** Say something to a screen reader. */
  x.say = function (text) {
    document.getElementById("said").textContent = text;
  };

  x.link = (url, text) => (/^https?:\/\//.test(url ?? "") ? x.h("a", { href: url, rel: "noreferrer" }, text) : text);

  /**
   * One example of a sheet. `square` cuts its centre, else it is shown whole.
   * The viewBox of the inner drawing cuts the sheet, so that it is sharp at any size; the outer one may have another form.
   */
  x.cell = function (path, sheet, place, label, square) {
    // half a pixel less on each side: neighbours in the sheet do not shine through where it is enlarged
    const [left, top, width, height] = sheet.cells[place].map((value, which) => value + (which < 2 ? 0.5 : -1));
    const side = Math.min(width, height);
    const box = square ? [left + (width - side) / 2, top + (height - side) / 2, side, side] : [left, top, width, height];
    return x.s(
      "svg",
      { class: "cell", viewBox: `0 0 ${box[2]} ${box[3]}`, role: "img", "aria-label": label },
      x.s("svg", { width: box[2], height: box[3], viewBox: box.join(" ") }, x.s("image", { href: path, width: sheet.size[0], height: sheet.size[1] }))
    );
  };

  /** A table with headings; cells that are numbers stand right. */
  x.table = function (headings, rows, caption) {
    const numbers = (place) => rows.some((row) => typeof row[place] === "number");
    const cell = (tag) => (value, place) => x.h(tag, { class: numbers(place) || typeof value === "number" ? "number" : null, scope: tag === "th" ? "col" : null }, typeof value === "number" ? x.n(value) : value);
    return x.h(
      "div",
      { class: "wide", tabindex: "0", role: "region", "aria-label": caption },
      x.h(
        "table",
        {},
        headings ? x.h("thead", {}, x.h("tr", {}, headings.map(cell("th")))) : null,
        x.h("tbody", {}, rows.map((row) => x.h("tr", {}, row.map(cell("td")))))
      )
    );
  };

  x.section = (title, ...children) => x.h("section", { class: "panel" }, x.h("h2", {}, title), ...children);

  /** A list of choices: one select with a label. */
  x.choice = function (label, options, value, change) {
    const select = x.h(
      "select",
      { "aria-label": label, onchange: (event) => change(event.target.value) },
      options.map(([key, text]) => x.h("option", { value: key, selected: key === value }, text))
    );
    return x.h("label", { class: "field" }, x.h("span", {}, label), select);
  };
})((window.explorer ??= {}));
