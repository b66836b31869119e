"use strict";
(function (x) {
  /** Horizontal bars with their numbers: a list, so that it reads without eyes. */
  x.bars = function (pairs, total, name = (value) => value) {
    const most = Math.max(1, ...pairs.map(([, count]) => count));
    return x.h(
      "ul",
      { class: "bars" },
      pairs.map(([value, count]) =>
        x.h(
          "li",
          {},
          x.h("span", { class: "bar-name" }, name(value)),
          x.h("span", { class: "bar", "aria-hidden": "true" }, x.h("span", { style: `width:${(100 * count) / most}%` })),
          x.h("span", { class: "bar-count" }, x.n(count), total ? x.h("span", { class: "soft" }, ` ${x.percent(count / total, 0)}`) : null)
        )
      )
    );
  };

  /** A histogram that matplotlib drew, in the colours of the page; each bar says what it counts. */
  x.histogram = function (title, data, counted = "examples") {
    const total = data.counts.reduce((sum, count) => sum + count, 0);
    const peak = data.counts.indexOf(Math.max(...data.counts));
    const between = (place) => `${x.short(data.edges[place])} to ${x.short(data.edges[place + 1])}`;
    const drawing = new DOMParser().parseFromString(data.svg, "image/svg+xml").documentElement;
    for (const part of drawing.querySelectorAll("style, metadata")) part.remove();
    for (const name of ["width", "height"]) drawing.removeAttribute(name);
    data.counts.forEach(function (count, place) {
      const bar = drawing.querySelector(`#bar-${place}`);
      bar.setAttribute("class", "bin");
      bar.append(x.s("title", {}, `${between(place)}: ${x.n(count)}`));
    });
    for (const group of drawing.querySelectorAll("g[id]")) group.removeAttribute("id");
    drawing.setAttribute("role", "img");
    drawing.setAttribute("aria-label", `${title}: ${x.n(total)} ${counted}, most between ${between(peak)}`);
    return x.h("figure", { class: "histogram" }, x.h("figcaption", {}, title, x.h("span", { class: "soft" }, `: ${counted}${data.log ? ", logarithmic bins" : ""}`)), drawing);
  };

  /** A bar of training and validation. */
  x.splitBar = function (train, validation) {
    const total = Math.max(1, train + validation);
    return x.h(
      "div",
      { class: "split" },
      x.h("div", { class: "split-bar", "aria-hidden": "true" }, x.h("span", { style: `width:${(100 * train) / total}%` })),
      x.h("p", {}, x.h("span", { class: "dot train" }), `training ${x.n(train)}`, x.h("span", { class: "dot validation" }), `validation ${x.n(validation)} (${x.percent(validation / total)})`)
    );
  };

  const PALETTE = ["#2f7fc1", "#e07b39", "#3f9d5a", "#b5475f", "#8a63c9", "#b58a1e", "#26a3a3", "#d65fa5", "#7d8b99", "#6b8e23"];

  /** A colour for each of so many values: a palette for few, hues for many. */
  x.colour = (code, count) => {
    if (code < 0) return "#9aa4ae";
    return count <= PALETTE.length ? PALETTE[code] : `hsl(${(code * 137.508) % 360} ${55 + (code % 3) * 12}% ${46 + (code % 4) * 6}%)`;
  };
})((window.explorer ??= {}));
