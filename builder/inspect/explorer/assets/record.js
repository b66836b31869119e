"use strict";
// What the build recorded of itself, and tokens that look alike.
(function (x) {
  const bytes = (count) => (count >= 1e9 ? `${x.short(count / 1e9)} GB` : count >= 1e6 ? `${x.short(count / 1e6)} MB` : `${x.short(count / 1e3)} kB`);
  const value = (one) => x.h("code", {}, typeof one === "string" ? one : JSON.stringify(one));

  x.views.record = async function (main) {
    const data = await x.load("record");
    const { index } = x.model();
    const sources = index.sources.map((one) => [x.h("code", {}, one.dir_name), x.link(one.url, one.name), one.database, x.link(one.license_url, one.license_name), one.commercial_use === false ? "no" : one.commercial_use === true ? "yes" : "not stated", one.images]);
    const changed = data.recipe.filter(([, , differs]) => differs);
    const recipe = (rows) => rows.map(([key, one, differs]) => [x.h("code", {}, key), value(one), differs ? x.h("b", {}, "changed") : ""]);
    x.add(main,
      x.h("h1", {}, "The build's own record"),
      x.section("Sources", x.table(["source", "name", "database", "licence", "commercial use", "examples"], sources, "Sources")),
      x.section("Files", x.table(["file or folder", "files", "size", "rows"], data.files.map(([kind, count, size, rows]) => [kind, count, bytes(size), rows || ""]), "Files")),
      x.section("Recipe", changed.length ? x.table(["key", "value", ""], recipe(changed), "Changed keys of the recipe") : x.h("p", {}, "The method's own numbers."), x.h("details", {}, x.h("summary", {}, "Every key"), x.table(["key", "value", ""], recipe(data.recipe), "Recipe"))),
      x.section("Versions", x.table(null, Object.entries(data.versions).map(([name, version]) => [name, x.h("code", {}, version)]), "Versions")),
      x.section("Report of the build", x.h("dl", { class: "columns" }, Object.entries(data.report).map(([name, one]) => [x.h("dt", {}, x.human(name)), x.h("dd", {}, value(one))]))),
      x.h("p", { class: "soft" }, `Package version ${index.version}, format ${index.format}, manifest sha256 `, x.h("code", {}, data.sha256 ?? "not stated"))
    );
  };

  x.views.tokens = async function (main) {
    const data = await x.load("tokens");
    const rows = data.pairs.map(([category, token, count, other, otherCount, why]) => [x.human(category), token, count, other, otherCount, why]);
    x.add(main,
      x.h("h1", {}, "Tokens that look alike"),
      x.h("p", {}, "Names in the package's annotations that may mean one thing and are kept apart. A row of the vocabulary merges them; a curator decides."),
      x.section("Tokens by category", x.bars(Object.entries(data.tokens).filter(([, count]) => count), 0, x.human)),
      rows.length ? x.section(`Pairs (${x.n(rows.length)})`, x.table(["category", "token", "examples", "other", "examples", "alike by"], rows, "Tokens that look alike")) : x.h("p", {}, "No two tokens look alike.")
    );
  };
})((window.explorer ??= {}));
