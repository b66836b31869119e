"use strict";
// Data come as scripts, which a page opened from disk may load; JSON it may not fetch.
(function (x) {
  const loaded = {};
  const waiting = {};

  window.explorerData = function (name, value) {
    loaded[name] = value;
  };

  /** Promise of the data of a name, from data/<name>.js, loaded once. */
  x.load = function (name) {
    if (name in loaded) return Promise.resolve(loaded[name]);
    waiting[name] ??= new Promise(function (resolve, reject) {
      const script = document.createElement("script");
      script.src = `data/${name}.js`;
      script.onload = () => (name in loaded ? resolve(loaded[name]) : reject(new Error(`data/${name}.js holds no data`)));
      script.onerror = () => reject(new Error(`data/${name}.js cannot be read: is the folder whole?`));
      document.head.append(script);
    });
    return waiting[name];
  };

  /** The classes as objects, and what is counted once from the index. */
  x.model = function () {
    if (x.known) return x.known;
    const index = loaded.index;
    const c = index.classes;
    const classes = c.names.map((name, number) => ({
      number,
      name,
      category: c.categories[number],
      train: c.train[number],
      validation: c.validation[number],
      total: c.train[number] + c.validation[number],
      images: c.images[number],
      groups: c.groups[number],
      contrast: c.contrast[number],
      sharpness: c.sharpness[number],
      has: Object.fromEntries(
        Object.keys(c.values).map((key) => [key, c[key][number].map(([code, count]) => [c.values[key][code], count])])
      ),
    }));
    const source = Object.fromEntries(index.sources.map((one) => [one.dir_name, one]));
    x.known = { index, classes, source, values: c.values };
    return x.known;
  };

  x.file = (number) => `c${String(number).padStart(5, "0")}`;
  x.classLink = (one) => `#/class/${encodeURIComponent(one.category)}/${encodeURIComponent(one.name)}`;
})((window.explorer ??= {}));
