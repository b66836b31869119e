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

  /** A histogram as SVG, with the first, middle and last edge below it. */
  x.histogram = function (title, data) {
    const [width, height, base] = [320, 96, 78];
    const most = Math.max(1, ...data.counts);
    const step = width / data.counts.length;
    const total = data.counts.reduce((sum, count) => sum + count, 0);
    const peak = data.counts.indexOf(most);
    const between = (place) => `${x.short(data.edges[place])} to ${x.short(data.edges[place + 1])}`;
    const marks = [0, data.counts.length / 2, data.counts.length];
    return x.h(
      "figure",
      { class: "histogram" },
      x.h("figcaption", {}, title, data.log ? x.h("span", { class: "soft" }, " (log scale)") : null),
      x.s(
        "svg",
        { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}: ${x.n(total)} examples, most between ${between(peak)}` },
        data.counts.map((count, place) =>
          x.s(
            "rect",
            { x: place * step + 0.75, y: base - (base * count) / most, width: step - 1.5, height: (base * count) / most, rx: 1.5 },
            x.s("title", {}, `${between(place)}: ${x.n(count)}`)
          )
        ),
        x.s("line", { x1: 0, x2: width, y1: base + 0.5, y2: base + 0.5 }),
        marks.map((place, order) =>
          x.s("text", { x: place * step, y: height - 3, "text-anchor": ["start", "middle", "end"][order] }, x.short(data.edges[place]))
        )
      )
    );
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
