// The plain list of lines, for browsers that cannot run the page's modules, or could not load them. ES3: it runs as far back as scripts go, over whatever
// datecast.js finds there.

(function () {
  var KEPT = 1000;
  var TRANSPORTS = { websocket: "WebSocket", sse: "event stream", stream: "streaming request", poll: "long poll", jsonp: "JSONP" };
  // eslint-disable-next-line no-control-regex
  var ESCAPES = /(\x1b\[|\x9b)[0-?]*[ -\/]*[@-~]?|(\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x90\x98\x9c-\x9f]*(\x07|\x1b\\|\x9c)|\x1b[ -\/]*[0-~]|[\x0e\x0f]/g;
  // eslint-disable-next-line no-control-regex
  var CONTROLS = /[\0-\x08\n-\x1f\x7f-\x9f]/g;

  // Of the stream, for HTTP; a link makes it absolute.
  var url = address(meta("datecast-ws"));
  var name = meta("datecast-title") || "datecast";
  var shown = { status: null, list: null, link: null, form: null, question: null, field: null, forget: null };
  var stream = null;
  var phase = "";
  var wasOpen = false;
  var failures = 0;
  var by = "";
  var ended = "";
  var pending = [];
  var drawing = null;
  var TOKEN = /^[\w.~+\/-]+=*$/;
  // "" is none.
  var token = "";
  var tokenWasRight = false;

  function meta(wanted) {
    var all = document.getElementsByTagName("meta");
    for (var index = 0; index < all.length; index += 1) {
      if (all[index].name === wanted) {
        return all[index].content;
      }
    }
    return "";
  }

  // The address of the stream for HTTP; for a WebSocket its scheme is another one.
  function address(given) {
    if (given === "" || given.charAt(0) === "%") {
      return location.protocol + "//" + location.hostname + ":40132/";
    }
    if (/^wss?:/i.test(given)) {
      return given.replace(/^ws/i, "http");
    }
    var origin = location.protocol + "//" + location.host;
    return origin + (given.charAt(0) === "/" ? "" : location.pathname.replace(/[^\/]*$/, "")) + given;
  }

  // The same stream as a document, which needs no script.
  function documentOf(text) {
    var parts = /^([^?#]*)(.*)$/.exec(text);
    return parts[1] + (/\/$/.test(parts[1]) ? "stream.html" : ".html") + parts[2];
  }

  // The token

  function tokenKey() {
    return "datecast-token " + url;
  }

  function recall() {
    try {
      return window.sessionStorage.getItem(tokenKey()) || "";
    } catch (error) {
      return "";
    }
  }

  function remember(value) {
    token = value;
    tokenWasRight = false;
    shown.forget.style.display = value === "" ? "none" : "";
    try {
      if (value === "") {
        window.sessionStorage.removeItem(tokenKey());
      } else {
        window.sessionStorage.setItem(tokenKey(), value);
      }
    } catch (error) {
      // This browser has no such storage, or refuses it: the page has the token until it is left.
    }
  }

  function decoded(text) {
    try {
      return decodeURIComponent(text);
    } catch (error) {
      return text;
    }
  }

  // Parameters without those named `token`, whose values go into `found`.
  function withoutToken(text, found) {
    var parts = text.split("&");
    var kept = [];
    for (var index = 0; index < parts.length; index += 1) {
      var equals = (parts[index] + "=").indexOf("=");
      if (decoded(parts[index].substring(0, equals)) === "token") {
        found.push(decoded(parts[index].substring(equals + 1)));
      } else {
        kept.push(parts[index]);
      }
    }
    return kept.join("&");
  }

  // A link may bring a token, behind `#` or `?`: the page's address keeps none.
  function takeToken() {
    var parts = /^([^?#]*)(\?([^#]*))?(#(.*))?$/.exec(location.href);
    var found = [];
    var hash = withoutToken(parts[5] || "", found);
    var inFragment = found.length;
    var query = withoutToken(parts[3] || "", found);
    var rest = parts[1] + (query === "" ? "" : "?" + query) + (hash === "" ? "" : "#" + hash);
    for (var index = found.length - 1; index >= 0; index -= 1) {
      if (TOKEN.test(found[index])) {
        remember(found[index]);
      }
    }
    if (found.length === 0) {
      return;
    }
    if (window.history && history.replaceState) {
      history.replaceState(null, "", rest);
    } else if (found.length === inFragment) {
      location.replace(parts[1] + (parts[2] || "") + "#" + hash);
    } else if (recall() !== "") {
      // Only by loading the page anew, which can be done where that has the token, too.
      location.replace(rest);
    }
  }

  function ask(question) {
    say("Token needed", question);
    shown.question.firstChild.nodeValue = question;
    shown.form.style.display = "";
    shown.field.focus();
    shown.field.select();
  }

  function answered() {
    var entered = shown.field.value.replace(/^\s+|\s+$/g, "");
    if (TOKEN.test(entered)) {
      shown.form.style.display = "none";
      shown.field.value = "";
      remember(entered);
      say("Connecting", "");
      stream.connect(entered);
    } else {
      ask("This token is not valid");
    }
    return false;
  }

  // The server wants a token, or another one. Nothing is tried until the reader has answered. A connection that stood is told that its token is no longer valid.
  function refused(isRevoked) {
    var wasRight = token !== "" && tokenWasRight;
    var question = isRevoked || wasRight ? "The token is no longer valid" : token === "" ? "This stream needs a token" : "This token is not valid";
    remember("");
    ask(question);
  }

  // What is shown

  function element(kind, text, parent) {
    var made = document.createElement(kind);
    made.appendChild(document.createTextNode(text));
    parent.appendChild(made);
    return made;
  }

  function build() {
    var body = document.body;
    while (body.firstChild) {
      body.removeChild(body.firstChild);
    }
    body.className = "plain";
    element("h1", name, body);
    shown.status = element("p", "", body);
    shown.status.setAttribute("role", "status");
    buildForm(body);
    shown.list = element("div", "", body);
    shown.list.className = "plain-lines";
    shown.list.style.fontFamily = "monospace";
    shown.list.style.whiteSpace = "pre";
    var note = element("p", "This is the plain list, for a browser that cannot run the whole page or did not get all of it. ", body);
    shown.link = element("a", "The stream without scripts", note);
    shown.link.href = url;
    url = shown.link.href || url;
    shown.link.href = documentOf(url);
    shown.forget = element("button", "Forget the token", body);
    shown.forget.style.display = "none";
    shown.forget.onclick = function () {
      remember("");
      location.reload();
    };
  }

  function buildForm(body) {
    var label = null;
    var button = null;
    shown.form = element("form", "", body);
    shown.form.style.display = "none";
    shown.form.onsubmit = answered;
    shown.question = element("p", "", shown.form);
    label = element("label", "Token ", shown.form);
    shown.field = document.createElement("input");
    shown.field.setAttribute("type", "password");
    shown.field.setAttribute("autocomplete", "off");
    label.appendChild(shown.field);
    // The type before it stands in the form: IE throws afterwards.
    button = document.createElement("input");
    button.setAttribute("type", "submit");
    button.setAttribute("value", "Read");
    shown.form.appendChild(button);
  }

  function say(word, sentence) {
    var text = sentence === "" ? word : word + ": " + sentence;
    // A screen reader hears the status: only what is new.
    if (shown.status.firstChild.nodeValue !== text) {
      shown.status.firstChild.nodeValue = text;
    }
    document.title = name + " \u00b7 " + word.toLowerCase();
  }

  // What a terminal would show, nearly: a carriage return begins the line anew, a backspace takes the character before it away.
  function readable(text) {
    text = text.replace(ESCAPES, "").replace(/\r+$/, "").replace(/^[^\0]*\r/, "");
    for (var back = text.indexOf("\b"); back !== -1; back = text.indexOf("\b")) {
      text = text.substring(0, Math.max(0, back - 1)) + text.substring(back + 1);
    }
    return text.replace(CONTROLS, picture);
  }

  function picture(control) {
    var code = control.charCodeAt(0);
    return code < 32 ? String.fromCharCode(0x2400 + code) : code === 127 ? "\u2421" : "\ufffd";
  }

  function show(text, kind) {
    pending.push({ text: readable(text), kind: kind });
    // Cut seldom: however fast messages come, each costs little.
    if (pending.length > 2 * KEPT) {
      pending = pending.slice(-KEPT);
    }
    if (drawing === null) {
      drawing = setTimeout(draw, 100);
    }
  }

  function draw() {
    var page = document.documentElement;
    var top = window.pageYOffset || page.scrollTop || document.body.scrollTop;
    var height = window.innerHeight || page.clientHeight;
    var follows = top + height > Math.max(page.scrollHeight, document.body.scrollHeight) - 40;
    var list = shown.list;
    drawing = null;
    for (var index = Math.max(0, pending.length - KEPT); index < pending.length; index += 1) {
      var row = element("div", pending[index].text || "\u00a0", list);
      row.className = pending[index].kind;
      row.setAttribute("dir", "auto");
    }
    pending = [];
    while (list.childNodes.length > KEPT) {
      list.removeChild(list.firstChild);
    }
    if (follows) {
      window.scrollTo(0, Math.max(page.scrollHeight, document.body.scrollHeight));
    }
  }

  // What comes

  function message(arrived) {
    show(arrived.text, "line");
  }

  function notice(arrived) {
    show(arrived.text, "event");
  }

  function gap(said) {
    if (said.stream === "new") {
      ended = "";
      show("New stream: it has begun anew, and all that it keeps follows.", "event");
    } else if (said.missed) {
      show(said.missed + (said.missed === 1 ? " message missed." : " messages missed."), "event");
    } else {
      show("Some messages may be missed.", "event");
    }
  }

  function source(said) {
    ended = said.source === "ended" ? said.text || "the stream has ended" : "";
    live();
  }

  // How it comes

  function live() {
    say(ended === "" ? "Live" : "Ended", ended === "" ? by : ended);
  }

  function lost() {
    failures += 1;
    if (ended !== "") {
      say("Ended", ended);
    } else if (wasOpen) {
      say("Connection lost", "trying again");
    } else {
      say("Not connected", failures < 6 ? "trying again" : "no way to the stream has worked yet; the link below may. Trying again");
    }
  }

  function change(next) {
    var before = phase;
    phase = next.state;
    if (phase === "open") {
      wasOpen = tokenWasRight = true;
      failures = 0;
      by = "by " + TRANSPORTS[next.transport];
      live();
    } else if (phase === "waiting" || (phase === "connecting" && before === "open")) {
      lost();
    } else if (phase === "refused") {
      refused(before === "open");
    }
  }

  function connect() {
    var options = { token: token, onmessage: message, onnotice: notice, ongap: gap, onsource: source, onstate: change };
    var via = /[?&]via=([a-z]+)/.exec(location.search);
    if (via && TRANSPORTS[via[1]]) {
      options.transports = [via[1]];
    }
    say("Connecting", "");
    stream = window.datecast(url, options);
  }

  build();
  token = recall();
  tokenWasRight = token !== "";
  shown.forget.style.display = token === "" ? "none" : "";
  takeToken();
  window.onhashchange = function () {
    if (location.hash.indexOf("token=") !== -1) {
      location.reload();
    }
  };
  if (typeof window.datecast === "function") {
    connect();
  } else {
    say("Not connected", "this browser can show the stream only by the link below.");
  }
})();
