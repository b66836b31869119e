"use strict";
// One example, large, with every column, its window in the source image, and how to trace it.
(function (x) {
  /** The window in the source image: over the image where it was made again, else in its outline. */
  function frame(fact, whole) {
    if (!fact.crop) return x.h("p", { class: "soft" }, "The whole source image, not a crop.");
    const [width, height] = whole ?? [(fact.x_max - fact.x_min) / fact.scaling, (fact.y_max - fact.y_min) / fact.scaling];
    const line = Math.max(width, height) / 140;
    const said = `Window x ${fact.x_min} to ${fact.x_max}, y ${fact.y_min} to ${fact.y_max} of the source image, ${whole ? "" : "about "}${Math.round(width)} × ${Math.round(height)} pixels`;
    return x.h(
      "figure",
      { class: "frame" },
      x.s(
        "svg",
        { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": said, class: whole ? "" : "outline" },
        whole ? x.s("image", { href: `wholes/${fact.idx}.jpg`, width, height }) : x.s("rect", { class: "field-of-view", x: line / 2, y: line / 2, width: width - line, height: height - line, "stroke-width": line / 2 }),
        x.s("rect", { class: "window", x: fact.x_min, y: fact.y_min, width: fact.x_max - fact.x_min, height: fact.y_max - fact.y_min, "stroke-width": line })
      ),
      x.h("figcaption", { class: "soft" }, said, whole ? "." : x.h("span", {}, ". ", x.h("code", {}, "report --data DATA"), " shows the image itself."))
    );
  }

  function columns(fact) {
    const shown = Object.entries(fact).filter(([, value]) => value !== null && value !== "");
    return x.h("dl", { class: "columns" }, shown.map(([name, value]) => [x.h("dt", {}, name), x.h("dd", {}, typeof value === "number" ? String(value) : String(value).replaceAll("|", " | "))]));
  }

  function trace(fact) {
    const quoted = (text) => (/^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
    const command = `cytoimagenet trace ${quoted(x.model().index.package)} ${quoted(fact.idx)} --data DATA --show ${quoted(fact.idx + ".png")}`;
    const text = x.h("code", {}, command);
    const copy = async function (event) {
      try {
        await navigator.clipboard.writeText(command);
        event.target.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(text); // a page from disk may not write to the clipboard: it is marked instead
        event.target.textContent = "Marked: copy it";
      }
    };
    return x.h("div", { class: "trace" }, x.h("pre", {}, text), x.h("button", { type: "button", class: "quiet", onclick: copy }, "Copy"));
  }

  /** Open the dialog on one example of a class page. */
  x.example = function ({ one, page, place, wholes, moved }) {
    const dialog = x.h("dialog", { class: "example", "aria-label": "Example" });
    const rows = page.rows.length;
    const draw = function () {
      const fact = Object.fromEntries(page.columns.map((name, number) => [name, page.rows[place][number]]));
      const step = (by, text) => x.h("button", { type: "button", class: "quiet", onclick: () => move(by) }, text);
      const heading = x.h("h2", { tabindex: "-1" }, one.name, x.h("span", { class: "soft" }, ` ${place + 1} of ${rows}`));
      x.renew(dialog,
        x.h("header", {}, heading, x.h("span", { class: "steps" }, step(-1, "← Previous"), step(1, "Next →"), x.h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Close"))),
        x.h(
          "div",
          { class: "example-parts" },
          x.h("div", { class: "example-images" }, x.cell(`sheets/${x.file(one.number)}.jpg`, page.sheet, place, `Example ${fact.idx}`, false), x.h("p", { class: "soft" }, `${x.scale(fact.scaling)}, ${fact.width} × ${fact.height} pixels, ${fact.split}`), frame(fact, wholes[fact.idx])),
          x.h("div", { class: "example-facts" }, x.h("h3", {}, "Trace it"), trace(fact), x.h("h3", {}, "Columns"), columns(fact))
        )
      );
      moved(place);
      x.say(`Example ${place + 1} of ${rows}`);
    };
    const move = function (by) {
      place = (place + by + rows) % rows;
      draw();
    };
    dialog.addEventListener("keydown", function (event) {
      if (event.key === "ArrowRight") move(1);
      if (event.key === "ArrowLeft") move(-1);
    });
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.addEventListener("close", function () {
      dialog.remove();
      moved(null);
      document.querySelector(`[data-place="${place}"]`)?.focus();
    });
    draw();
    document.body.append(dialog);
    dialog.showModal();
  };

  window.addEventListener("hashchange", () => document.querySelectorAll("dialog").forEach((dialog) => dialog.remove()));
})((window.explorer ??= {}));
