// phantomjs phantom.js URL PICTURE: see README.md beside this folder for what a starter prints. PhantomJS 1.9 has no JSON of later years.

var system = require("system");
var fs = require("fs");
var page = require("webpage").create();
var url = system.args[1];
var picture = system.args[2];

function say(what) {
  console.log(JSON.stringify(what));
}

function shown() {
  return page.evaluate(function () {
    return { title: document.title, text: document.body ? document.body.innerText : "" };
  });
}

page.viewportSize = { width: 800, height: 480 };
page.clipRect = { top: 0, left: 0, width: 800, height: 480 };
page.onError = function (message) { say({ error: message }); };
page.onConsoleMessage = function (message) { say({ console: message }); };
page.open(url, function () {});
setInterval(function () {
  say(shown());
  if (fs.exists(picture + ".wanted")) {
    page.render(picture);
    phantom.exit();
  }
}, 1000);
