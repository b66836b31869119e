"use strict";
// Which view is shown: by the part of the address behind #.
(function (x) {
  const VIEWS = [["classes", "Classes"], ["map", "Map"], ["dropped", "Dropped"], ["split", "Split"], ["tokens", "Tokens"], ["record", "Record"]];
  const THEMES = { light: "Dark", dark: "Light" };
  let drawn = 0;

  function parse() {
    const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
    const parts = path.split("/").map(decodeURIComponent);
    return { name: parts[0] || "classes", parts, state: Object.fromEntries(new URLSearchParams(query ?? "")) };
  }

  async function show() {
    if (location.hash === "#main") return;
    const mine = ++drawn;
    const main = document.getElementById("main");
    const { name, parts, state } = parse();
    const view = x.views[name] ?? x.views.classes;
    for (const link of document.querySelectorAll("#nav a")) {
      const here = link.dataset.view === (name === "class" ? "classes" : name);
      here ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
    }
    const page = document.createElement("div");
    page.className = `view view-${name}`;
    try {
      await view(page, parts, state);
    } catch (error) {
      page.append(x.h("p", { class: "wrong", role: "alert" }, error.message));
    }
    if (mine !== drawn) return;
    main.replaceChildren(page);
    const nav = document.getElementById("nav"), link = nav.querySelector("[aria-current]");
    if (link) nav.scrollLeft = Math.max(Math.min(nav.scrollLeft, link.offsetLeft - nav.offsetLeft), link.offsetLeft - nav.offsetLeft + link.offsetWidth - nav.clientWidth);
    const heading = page.querySelector("h1");
    document.title = [heading?.textContent, x.model().index.title].filter(Boolean).join(" · ");
    window.scrollTo(0, 0);
    if (drawn > 1) main.focus({ preventScroll: true });
    page.dispatchEvent(new Event("shown"));
  }

  function theme() {
    const button = document.getElementById("theme");
    const dark = () => (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
    const say = () => (button.textContent = dark() ? THEMES.dark : THEMES.light);
    button.addEventListener("click", function () {
      document.documentElement.dataset.theme = dark() ? "light" : "dark";
      say();
      window.dispatchEvent(new Event("theme"));
    });
    say();
  }

  document.addEventListener("DOMContentLoaded", function () {
    const { index } = x.model();
    document.getElementById("title").textContent = index.title;
    document.getElementById("version").textContent = index.version;
    document.getElementById("nav").append(...VIEWS.map(([name, text]) => x.h("a", { href: `#/${name}`, "data-view": name }, text)));
    if (index.simulated) {
      document.getElementById("main").before(x.h("p", { class: "simulated" }, x.h("b", {}, "SIMULATED."), " Examples of this package, or of a part of its sources, were made by code and not by a microscope."));
    }
    theme();
    window.addEventListener("hashchange", show);
    document.addEventListener("keydown", function (event) {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
      const search = document.getElementById("search");
      if (!search) return;
      event.preventDefault();
      search.focus();
    });
    show();
  });
  x.views ??= {};
})((window.explorer ??= {}));
