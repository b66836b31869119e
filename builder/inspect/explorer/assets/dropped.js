"use strict";
// What is not in the package, and why.
(function (x) {
  function thumbnails(title, entries, data, note) {
    return x.h(
      "div",
      { class: "strip" },
      x.h("h3", {}, title, x.h("span", { class: "soft" }, ` ${note}`)),
      x.h(
        "ul",
        { class: "samples small" },
        entries.map(([idx, source, label, key, detail, what, place]) =>
          x.h("li", {}, x.h("figure", {}, x.cell("sheets/dropped.jpg", data.sheet, place, [idx, label, what, detail].filter(Boolean).join(", "), true), x.h("figcaption", {}, x.h("span", { title: `${idx}, ${source}` }, label ?? source), detail ? x.h("span", { class: "soft" }, detail) : null)))
        )
      )
    );
  }

  function missing(entry, data) {
    if (entry.refused.length || !entry.named.length) return null;
    const how = data.how.data ? "The sources no longer hold them, or their files cannot be read." : data.how.work ? "Their pixels are not kept: name the sources with --data, and they are made again." : "Name the work folder with --work, or the sources with --data, and they are shown.";
    return x.h("p", { class: "soft" }, how);
  }

  function reason(entry, data) {
    const rows = entry.named.map(([idx, source, label, key, detail, what]) => [x.h("code", {}, idx), source, key ?? "", label ?? "", what, detail ?? ""]);
    return x.h(
      "section",
      { class: "panel", id: `reason-${entry.reason}` },
      x.h("h2", {}, x.human(entry.reason), x.h("span", { class: "soft" }, ` ${x.n(entry.count)}`)),
      x.h("p", {}, entry.meaning),
      x.bars(entry.sources.slice(0, 12), entry.count),
      missing(entry, data),
      entry.refused.length ? thumbnails("Refused", entry.refused, data, `${entry.refused.length} of ${x.n(entry.count)}`) : null,
      entry.kept.length ? thumbnails("Barely kept", entry.kept, data, `nearest to the limit, by ${entry.judged}`) : null,
      x.h("details", {}, x.h("summary", {}, `The first ${x.n(rows.length)} by name`), x.table(["idx", "source", "key", "label", "what", "detail"], rows, `Dropped: ${entry.reason}`))
    );
  }

  x.views.dropped = async function (main) {
    const data = await x.load("dropped");
    const accounts = data.accounts;
    x.add(main, x.h("h1", {}, "What was dropped"));
    if (accounts) {
      const rest = Object.values(accounts.refused ?? {}).reduce((sum, count) => sum + count, 0);
      x.add(main,
        x.section("Every annotated image", x.bars([["in the package", accounts.in_package], ["refused", rest], ["not drawn: a class it belongs to had enough", accounts.not_drawn], ["no class: none of its tokens is one", accounts.no_class]], accounts.annotated))
      );
    }
    if (!data.reasons.length) x.add(main, x.h("p", {}, "Nothing was dropped."));
    else x.add(main, x.h("p", {}, `${x.plural(data.total, "image or crop", "images and crops")} by reason: `, data.reasons.map((entry, place) => [place ? ", " : "", x.h("a", { href: `#/dropped`, onclick: (event) => (event.preventDefault(), document.getElementById(`reason-${entry.reason}`).scrollIntoView()) }, x.human(entry.reason)), ` ${x.n(entry.count)}`])));
    x.add(main, ...data.reasons.map((entry) => reason(entry, data)));
  };
})((window.explorer ??= {}));
