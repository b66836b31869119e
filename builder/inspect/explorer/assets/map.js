"use strict";
// Examples on a plane; a loop drawn around some lists them.
(function (x) {
  const COLOURS = [["label", "class"], ["category", "category"], ["source", "source"], ["batch", "batch"], ["split", "split"]];
  const LISTED = 120;
  const MARGIN = 16;

  /** Whether a point lies in a polygon: by the crossings of a ray. */
  x.inside = function (px, py, loop) {
    let odd = false;
    for (let i = 0, j = loop.length - 1; i < loop.length; j = i++) {
      const [[ax, ay], [bx, by]] = [loop[i], loop[j]];
      if (ay > py !== by > py && px < ((bx - ax) * (py - ay)) / (by - ay) + ax) odd = !odd;
    }
    return odd;
  };

  /** The code of each point under a way of colouring, and the names of the codes. */
  function colouring(data, model, by) {
    if (by === "label") return { codes: data.class, names: model.classes.map((one) => one.name), links: true };
    if (by === "category") {
      const names = [...new Set(model.classes.map((one) => one.category))];
      return { codes: data.class.map((number) => names.indexOf(model.classes[number].category)), names };
    }
    return { codes: data[by], names: data.values[by] };
  }

  function legend(colours, picked, pick) {
    const counts = new Map();
    for (const code of colours.codes) counts.set(code, (counts.get(code) ?? 0) + 1);
    const ordered = [...counts].sort((a, b) => b[1] - a[1]);
    const entry = ([code, count]) =>
      x.h("button", { type: "button", class: "key", "aria-pressed": String(picked === code), onclick: () => pick(picked === code ? null : code) }, x.h("span", { class: "dot", style: `background:${x.colour(code, colours.names.length)}` }), colours.names[code] ?? "none stated", x.h("span", { class: "soft" }, ` ${x.n(count)}`));
    return x.h("div", { class: "legend", role: "group", "aria-label": "Legend: press to single out" }, ordered.slice(0, 40).map(entry), ordered.length > 40 ? x.h("span", { class: "soft" }, `and ${x.n(ordered.length - 40)} more`) : null);
  }

  async function listed(data, model, points) {
    const some = points.slice(0, LISTED);
    const pages = {};
    await Promise.all([...new Set(some.map((point) => data.class[point]))].map(async (number) => (pages[number] = await x.load(x.file(number)))));
    return some.map(function (point) {
      const one = model.classes[data.class[point]];
      const page = pages[one.number];
      const row = page.rows[data.place[point]];
      const text = `${one.name}, ${row[page.columns.indexOf("dir_name")]}, ${row[page.columns.indexOf("split")]}`;
      return x.h("li", {}, x.h("a", { href: `${x.classLink(one)}?example=${data.place[point]}`, title: text }, x.cell(`sheets/${x.file(one.number)}.jpg`, page.sheet, data.place[point], text, true)));
    });
  }

  x.views.map = async function (main, parts, state) {
    const model = x.model();
    const data = await x.load("map");
    const canvas = x.h("canvas", { class: "map", role: "img", "aria-label": `Map of ${data.class.length} examples. The legend and the list below it give the same by keyboard.` });
    const side = x.h("div", { class: "map-side" });
    const list = x.h("div", { class: "map-list" });
    const view = { by: state.by ?? "label", across: Number(state.x ?? 0), up: Number(state.y ?? 1), picked: null, copies: state.copies === "1", chosen: [], loop: [] };
    let colours = colouring(data, model, view.by);

    const size = () => [canvas.clientWidth, canvas.clientHeight];
    const place = (point, [width, height]) => [MARGIN + (data.axes[view.across][point] / 4095) * (width - 2 * MARGIN), height - MARGIN - (data.axes[view.up][point] / 4095) * (height - 2 * MARGIN)];

    function draw() {
      const [width, height] = size();
      const dense = window.devicePixelRatio || 1;
      canvas.width = width * dense;
      canvas.height = height * dense;
      const pen = canvas.getContext("2d");
      const ink = getComputedStyle(canvas).color;
      pen.scale(dense, dense);
      const chosen = new Set(view.chosen);
      const radius = data.class.length > 5000 ? 1.8 : 2.8;
      for (let point = 0; point < data.class.length; point++) {
        const code = colours.codes[point];
        const dim = (view.picked !== null && code !== view.picked) || (chosen.size && !chosen.has(point));
        const [px, py] = place(point, [width, height]);
        pen.globalAlpha = dim ? 0.08 : 0.75;
        pen.fillStyle = x.colour(code, colours.names.length);
        pen.beginPath();
        pen.arc(px, py, radius, 0, 7);
        pen.fill();
      }
      pen.globalAlpha = 1;
      pen.strokeStyle = ink;
      if (view.copies) {
        pen.lineWidth = 1;
        for (const [one, other] of data.copies) {
          const [a, b] = [place(one, [width, height]), place(other, [width, height])];
          pen.beginPath();
          pen.moveTo(...a);
          pen.lineTo(...b);
          pen.stroke();
          for (const [px, py] of [a, b]) {
            pen.beginPath();
            pen.arc(px, py, radius + 2, 0, 7);
            pen.stroke();
          }
        }
      }
      if (view.loop.length > 1) {
        pen.setLineDash([5, 4]);
        pen.lineWidth = 1.5;
        pen.beginPath();
        view.loop.forEach(([px, py], step) => (step ? pen.lineTo(px, py) : pen.moveTo(px, py)));
        pen.closePath();
        pen.stroke();
        pen.setLineDash([]);
      }
    }

    async function choose(points, what) {
      view.chosen = points;
      draw();
      if (!points.length) return list.replaceChildren();
      const labels = new Map();
      for (const point of points) labels.set(data.class[point], (labels.get(data.class[point]) ?? 0) + 1);
      const most = [...labels].sort((a, b) => b[1] - a[1]).slice(0, 8);
      const text = `${x.plural(points.length, "example")} ${what}, of ${x.plural(labels.size, "class", "classes")}`;
      x.say(text);
      x.renew(list,
        x.h("div", { class: "row" }, x.h("h2", {}, text), x.h("button", { type: "button", class: "quiet", onclick: () => ((view.loop = []), choose([], "")) }, "Clear")),
        x.h("p", {}, most.map(([number, count]) => [x.h("a", { href: x.classLink(model.classes[number]) }, model.classes[number].name), ` ${x.n(count)}  `])),
        x.h("ul", { class: "samples" }, await listed(data, model, points)),
        points.length > LISTED ? x.h("p", { class: "soft" }, `The first ${LISTED} are shown.`) : ""
      );
    }

    function controls() {
      const axes = data.shares.map((share, axis) => [String(axis), `axis ${axis + 1} (${x.percent(share, 0)})`]);
      const set = (change) => {
        Object.assign(view, change);
        colours = colouring(data, model, view.by);
        history.replaceState(null, "", `#/map?${new URLSearchParams({ by: view.by, x: view.across, y: view.up, copies: Number(view.copies) })}`);
        controls();
        draw();
      };
      const pick = (code) => {
        view.picked = code;
        controls();
        view.loop = [];
        choose(code === null ? [] : colours.codes.flatMap((own, point) => (own === code ? [point] : [])), `coloured ${colours.names[code] ?? "none stated"}`);
      };
      const near = [...new Set(data.copies.flat())];
      x.renew(side,
        x.choice("Colour by", COLOURS, view.by, (by) => set({ by, picked: null })),
        x.choice("Across", axes, String(view.across), (axis) => set({ across: Number(axis) })),
        x.choice("Up", axes, String(view.up), (axis) => set({ up: Number(axis) })),
        x.h("label", { class: "check" }, x.h("input", { type: "checkbox", checked: view.copies, onchange: (event) => set({ copies: event.target.checked }) }), ` Near copies (${x.plural(data.copies.length, "pair")})`),
        near.length ? x.h("button", { type: "button", class: "quiet", onclick: () => choose(near, "with a near copy") }, "List the near copies") : null,
        legend(colours, view.picked, pick)
      );
    }

    function lasso() {
      let drawing = false;
      const at = (event) => [event.offsetX, event.offsetY];
      canvas.addEventListener("pointerdown", (event) => ((drawing = true), canvas.setPointerCapture(event.pointerId), (view.loop = [at(event)])));
      canvas.addEventListener("pointermove", (event) => drawing && (view.loop.push(at(event)), draw()));
      canvas.addEventListener("pointerup", function () {
        drawing = false;
        const all = data.class.map((_, point) => point);
        choose(view.loop.length < 3 ? [] : all.filter((point) => x.inside(...place(point, size()), view.loop)), "in the loop");
      });
    }

    x.add(main,
      x.h("h1", {}, "Examples on a map"),
      x.h("p", { class: "soft" }, `${x.n(data.class.length)} of ${x.n(data.of)} examples, as many of each class, by their ${data.what}; on principal axes. Where colours part by source or batch and not by class, a model can learn those in place of the class. Draw a loop to list what is in it. Near copies have perceptual hashes that differ in 3 of 64 bits or fewer, as round cells alike in outline do too.`),
      x.h("div", { class: "map-area" }, canvas, side),
      list
    );
    controls();
    lasso();
    main.addEventListener("shown", draw);
    new ResizeObserver(draw).observe(canvas);
    window.addEventListener("theme", draw);
  };
})((window.explorer ??= {}));
