"use strict";
// The audit of the split.
(function (x) {
  const verdict = (count, good) => x.h("span", { class: count ? "bad" : "good" }, count ? `${x.n(count)} found` : good);

  function pair(data, one, place) {
    const side = (which) => {
      const [idx, label, source, group, batch] = one.facts[which];
      return x.h("figure", {}, x.cell("sheets/pairs.jpg", data.sheet, 2 * place + which, `${idx}, ${label}`, false), x.h("figcaption", {}, x.h("b", {}, which ? "validation" : "training"), ` ${label}`, x.h("br", {}), x.h("code", {}, idx), x.h("span", { class: "soft" }, ` ${source} · ${group}${batch ? ` · ${batch}` : ""}`)));
    };
    return x.h("li", { class: "panel pair" }, x.h("p", {}, x.h("b", {}, one.kind), x.h("span", { class: "soft" }, ` correlation ${one.correlation}${one.share ? `, ${x.percent(one.share, 0)} in common` : ""}`)), x.h("div", { class: "pair-images" }, side(0), side(1)));
  }

  function names(list) {
    const link = (name) => {
      const one = x.model().classes.find((other) => other.name === name);
      return one ? x.h("a", { href: x.classLink(one) }, name) : name;
    };
    return x.h("p", {}, list.slice(0, 60).map((name, place) => [place ? ", " : "", link(name)]), list.length > 60 ? ` and ${x.n(list.length - 60)} more` : "");
  }

  x.views.split = async function (main) {
    const data = await x.load("audit");
    const { classes, index } = x.model();
    const train = classes.reduce((sum, one) => sum + one.train, 0);
    const found = data.content;
    const rows = [
      ...Object.entries(data.checks).map(([what, count]) => [what, verdict(count, "none")]),
      ...(found ? [
        [`by content alone: pairs that are the same whole image, of ${x.n(found.compared[0])} × ${x.n(found.compared[1])} source images`, verdict(found.same, "none")],
        ["by content alone: pairs that look alike, to be looked at", String(x.n(found.alike))],
      ] : [["by content alone: pairs that are the same whole image, or look alike", x.h("span", { class: "soft" }, "not looked for: report --no-audit")]]),
      ...(found?.outlines || found?.left ? [[`besides, alike in outline and different in grain, as round cells are${found.left ? `; ${x.n(found.left)} more were not looked at` : ""}`, x.n(found.outlines)]] : []),
      ["by content alone: examples that show one part of a scene, to be looked at", data.overlaps === null ? x.h("span", { class: "soft" }, "not looked for: report --deep") : x.n(data.overlaps)],
      ...(found?.unknown ? [["examples whose whole image is not known, so that it was not compared", x.n(found.unknown)]] : []),
      ...(data.batches.of ? [[`batches (plates, experiments, slides) on both sides, of ${x.n(data.batches.of)}`, x.n(data.batches.both)]] : []),
    ];
    x.add(main,
      x.h("h1", {}, "Training and validation"),
      x.section("Split", x.splitBar(train, index.images - train), data.split ? x.h("p", { class: "soft" }, `By ${data.split.by}; wanted ${x.percent(data.wanted, 0)}, at most ${x.percent(data.split.limit, 0)}.`) : null),
      x.section("Audit", x.table(null, rows, "Audit of the split")),
      x.section("Share of validation by class", x.histogram("Share of validation", data.shares, "classes"), data.split?.without_validation?.length ? [x.h("h3", {}, "Classes without validation"), names(data.split.without_validation)] : null),
      data.single.length ? x.section(`Classes of one source (${x.n(data.single.length)} of ${x.n(classes.length)})`, x.h("p", { class: "soft" }, "There a model can learn the source in place of the label."), names(data.single)) : null,
      data.pairs.length ? x.h("h2", {}, "Pairs across the split") : null,
      data.pairs.length ? x.h("p", { class: "soft" }, "The most alike of each kind; of images that were cut a crop is shown.") : null,
      x.h("ul", { class: "pairs" }, data.pairs.map((one, place) => pair(data, one, place)))
    );
  };
})((window.explorer ??= {}));
