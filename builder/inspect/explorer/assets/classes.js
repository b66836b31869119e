"use strict";
// The list of classes: search, filters, order; its state is in the address, so that it can be linked.
(function (x) {
  const STEP = 60;
  const SIZES = [["", "any"], ["0-99", "under 100"], ["100-499", "100 to 499"], ["500-999", "500 to 999"], ["1000-", "1,000 and more"]];
  const FILTERS = [["dir_name", "Source"], ["database", "Database"], ["license", "Licence"], ["microscopy", "Microscopy"]];
  const ORDERS = [["category", "by category"], ["name", "by name"], ["largest", "largest first"], ["smallest", "smallest first"], ["sources", "most sources"], ["contrast", "lowest contrast"], ["sharpness", "least sharp"], ["share", "least validation"]];
  const rising = (value) => (a, b) => (value(a) ?? Infinity) - (value(b) ?? Infinity) || a.number - b.number;
  const SORT = {
    category: (a, b) => a.number - b.number,
    name: (a, b) => a.name.localeCompare(b.name, "en", { numeric: true }),
    largest: rising((one) => -one.total),
    smallest: rising((one) => one.total),
    sources: rising((one) => -one.has.dir_name.length),
    contrast: rising((one) => one.contrast),
    sharpness: rising((one) => one.sharpness),
    share: rising((one) => one.validation / one.total),
  };

  function passes(one, state) {
    const words = (state.q ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    const text = `${one.name} ${one.category} ${x.human(one.category)}`.toLowerCase();
    if (!words.every((word) => text.includes(word))) return false;
    if (state.category && one.category !== state.category) return false;
    if (state.size) {
      const [least, most] = state.size.split("-");
      if (one.total < Number(least) || (most && one.total > Number(most))) return false;
    }
    return FILTERS.every(([key]) => !state[key] || one.has[key].some(([value]) => value === state[key]));
  }

  x.card = function (one, note) {
    return x.h(
      "li",
      { class: "card" },
      x.h(
        "a",
        { href: x.classLink(one) },
        x.h("img", { src: `covers/${x.file(one.number)}.jpg`, alt: "", loading: "lazy", decoding: "async", width: 352, height: 88 }),
        x.h("span", { class: "card-name" }, one.name),
        x.h("span", { class: "card-facts" }, x.h("span", { class: "chip" }, x.human(one.category)), ` ${x.n(one.total)}`, x.h("span", { class: "soft" }, note ?? ` · ${x.plural(one.has.dir_name.length, "source")}`))
      )
    );
  };

  function grid(found) {
    const list = x.h("ul", { class: "cards" });
    const more = x.h("button", { type: "button", class: "more" });
    let shown = 0;
    const show = function () {
      list.append(...found.slice(shown, shown + STEP).map((one) => x.card(one)));
      shown = Math.min(shown + STEP, found.length);
      more.hidden = shown >= found.length;
      more.textContent = `Show more (${x.n(found.length - shown)} left)`;
    };
    more.addEventListener("click", function () {
      const next = shown;
      show();
      list.children[next]?.querySelector("a").focus();
    });
    new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && shown < found.length && show(), { rootMargin: "600px" }).observe(more);
    show();
    return [list, more];
  }

  x.views.classes = function (main, parts, state) {
    const { index, classes, values } = x.model();
    const results = x.h("div", {});
    const count = x.h("p", { class: "count", id: "count" });
    const update = function (change) {
      Object.assign(state, change);
      for (const key of Object.keys(state)) if (!state[key]) delete state[key];
      const query = new URLSearchParams(state).toString();
      history.replaceState(null, "", `#/classes${query ? "?" + query : ""}`);
      const found = classes.filter((one) => passes(one, state)).sort(SORT[state.sort] ?? SORT.category);
      const examples = found.reduce((sum, one) => sum + one.total, 0);
      count.textContent = found.length ? `${x.plural(found.length, "class", "classes")}, ${x.plural(examples, "example")}` : "No class passes. ";
      if (!found.length) count.append(x.h("a", { href: "#/classes" }, "Clear search and filters"));
      x.say(count.textContent);
      results.replaceChildren(...grid(found));
    };
    const search = x.h("input", { type: "search", id: "search", value: state.q ?? "", placeholder: "nocodazole, u2os, gene…", autocomplete: "off", spellcheck: "false", "aria-controls": "count", oninput: (event) => update({ q: event.target.value }) });
    const any = ["", "any"];
    const title = (key, value) => (key === "dir_name" ? `${value}: ${x.model().source[value]?.name ?? ""}` : value);
    const choices = [
      x.choice("Category", [any, ...index.order.filter((name) => index.classes.categories.includes(name)).map((name) => [name, x.human(name)])], state.category ?? "", (value) => update({ category: value })),
      ...FILTERS.map(([key, label]) => x.choice(label, [any, ...values[key].map((value) => [value, title(key, value)])], state[key] ?? "", (value) => update({ [key]: value }))),
      x.choice("Size", SIZES, state.size ?? "", (value) => update({ size: value })),
      x.choice("Order", ORDERS, state.sort ?? "category", (value) => update({ sort: value === "category" ? "" : value })),
    ];
    x.add(main,
      x.h("h1", { class: "hidden" }, "Classes"),
      x.facts([[index.images, "examples"], [classes.length, "classes"], [index.sources.length, "sources"], [x.percent(classes.reduce((sum, one) => sum + one.validation, 0) / index.images), "validation"]]),
      x.h("form", { class: "filters", role: "search", onsubmit: (event) => event.preventDefault() }, x.h("label", { class: "field search" }, x.h("span", {}, "Search"), search), ...choices),
      count,
      results
    );
    update({});
  };

  /** Large numbers with a word below each. */
  x.facts = (pairs) =>
    x.h("dl", { class: "facts" }, pairs.map(([value, name]) => x.h("div", {}, x.h("dt", {}, name), x.h("dd", {}, typeof value === "number" ? x.n(value) : value))));
})((window.explorer ??= {}));
