"use strict";
// The page of a class: its numbers, and samples by source, scale or side of the split.
(function (x) {
  const GROUPS = [["none", "no grouping"], ["dir_name", "source"], ["scaling", "scale"], ["split", "split"], ["batch", "batch"]];

  x.scale = (value) => (Number(value) === 1 ? "whole image" : `crop of 1/${x.short(1 / value)} of the side`);

  function samples(one, page, by, open) {
    const at = (name) => page.columns.indexOf(name);
    const groups = new Map();
    page.rows.forEach(function (row, place) {
      const key = by === "none" ? "" : String(row[at(by)] ?? "none stated");
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(place);
    });
    const name = (key) => (by === "scaling" ? x.scale(key) : key);
    const ordered = [...groups].sort(([a], [b]) => (by === "scaling" ? b - a : a.localeCompare(b)));
    return ordered.map(([key, places]) => [
      key ? x.h("h3", {}, name(key), x.h("span", { class: "soft" }, ` ${x.n(places.length)} shown`)) : null,
      x.h(
        "ul",
        { class: "samples" },
        places.map((place) => {
          const row = page.rows[place];
          const label = `${row[at("dir_name")]}, ${x.scale(row[at("scaling")])}, ${row[at("split")]}, ${row[at("idx")]}`;
          return x.h("li", {}, x.h("button", { type: "button", title: label, "data-place": place, onclick: () => open(place) }, x.cell(`sheets/${x.file(one.number)}.jpg`, page.sheet, place, label, true)));
        })
      ),
    ]);
  }

  function panels(one, page, model) {
    const name = (value) => x.h("span", { title: model.source[value]?.name }, value);
    return x.h(
      "div",
      { class: "panels" },
      x.section("Sources", x.bars(one.has.dir_name, one.total, name)),
      x.section("Scales", x.bars(one.has.scaling, one.total, x.scale)),
      x.section("Split", x.splitBar(one.train, one.validation)),
      x.section("Microscopy", one.has.microscopy.length ? x.bars(one.has.microscopy, one.total) : x.h("p", { class: "soft" }, "None stated.")),
      x.section("Licences", x.bars(one.has.license, one.total)),
      x.h("section", { class: "panel broad" }, x.h("h2", {}, "Quality"), x.h("div", { class: "side-by-side" }, x.histogram("Contrast", page.contrast), x.histogram("Sharpness", page.sharpness)))
    );
  }

  x.views.class = async function (main, parts, state) {
    const model = x.model();
    const one = model.classes.find((other) => other.category === parts[1] && other.name === parts.slice(2).join("/"));
    if (!one) throw new Error(`This package has no class ${parts.slice(2).join("/")}.`);
    const page = await x.load(x.file(one.number));
    const wholes = model.index.wholes ? await x.load("wholes") : {};
    const area = x.h("div", {});
    const link = (change) => {
      Object.assign(state, change);
      for (const key of Object.keys(state)) if (!state[key]) delete state[key];
      const query = new URLSearchParams(state).toString();
      history.replaceState(null, "", x.classLink(one) + (query ? `?${query}` : ""));
    };
    const open = (place) => x.example({ one, page, place, wholes, moved: (now) => link({ example: now === null ? "" : String(now) }) });
    const draw = (by) => area.replaceChildren(...samples(one, page, by, open).flat().filter(Boolean));
    const neighbours = [model.classes[one.number - 1], model.classes[one.number + 1]];
    const alike = model.index.alike[one.number];
    x.add(main,
      x.h("nav", { class: "crumbs", "aria-label": "Classes" }, x.h("a", { href: `#/classes?category=${one.category}` }, x.human(one.category)), neighbours.map((other, place) => (other ? x.h("a", { href: x.classLink(other), class: "step" }, place ? `${other.name} →` : `← ${other.name}`) : null))),
      x.h("h1", {}, one.name),
      x.facts([[one.total, "examples"], [one.images, "source images"], [one.groups, "specimens"], [x.percent(one.validation / one.total), "validation"]]),
      x.h("div", { class: "row" }, x.h("h2", {}, "Samples"), x.choice("Group by", GROUPS, state.by ?? "dir_name", (value) => (link({ by: value === "dir_name" ? "" : value }), draw(value)))),
      x.h("p", { class: "soft" }, `${x.plural(page.rows.length, "example")} of ${x.n(one.total)}, dealt from its sources, scales and sides of the split in turn.`),
      area,
      panels(one, page, model),
      alike.length ? x.section("Most alike classes", x.h("p", { class: "soft" }, "By the mean of the vectors that the map shows; 1 is the mean distance of two classes."), x.h("ul", { class: "cards" }, alike.map(([other, distance]) => x.card(model.classes[other], ` · distance ${distance.toFixed(2)}`)))) : null
    );
    draw(state.by ?? "dir_name");
    if (state.example !== undefined && page.rows[state.example]) main.addEventListener("shown", () => open(Number(state.example)));
  };
})((window.explorer ??= {}));
