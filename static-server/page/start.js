// Decides by features what this browser can run: the page's modules, or the plain list of lines. ES3, for whatever reads this.

(function () {
  var page = document.documentElement;

  // `nomodule` alone does not tell: browsers had modules for years before they had all that these use. Nothing can ask for the newest of it, their syntax: a browser
  // that lacks that loads them, and stops.
  function canRunModules() {
    var script = document.createElement("script");
    return "noModule" in script && "replaceChildren" in script && "replaceAll" in String.prototype && "ResizeObserver" in window && typeof window.datecast === "function";
  }

  function load(name, type) {
    var script = document.createElement("script");
    script.type = type;
    script.src = name;
    document.body.appendChild(script);
    return script;
  }

  // Once: app.js and plain.js say in `data-page` that the page is theirs.
  function plain() {
    if (!page.getAttribute("data-page")) {
      page.setAttribute("data-page", "plain");
      load("plain.js", "text/javascript");
    }
  }

  if (canRunModules()) {
    var app = load("app.js", "module");
    // A file that is missing, blocked or of another type; and a script that stopped at something this browser lacks.
    app.onerror = plain;
    app.onload = plain;
  } else {
    plain();
  }
})();
