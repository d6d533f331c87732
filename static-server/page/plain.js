// The plain list of lines, for browsers that cannot run the page's modules, or could not load them. ES3: it runs as far back as scripts go, over
// whatever works there: WebSocket (also the drafts), server-sent events, or one request after the other.

(function () {
  var KEPT = 1000;
  var FIRST_WAIT = 1000;
  var LONGEST_WAIT = 10000;
  var POLL_EVERY = 1500;
  // A request for what there is ends at once, where the server knows such requests.
  var LONGEST_POLL = 15000;
  var ID = /^([0-9a-f]{12})_([0-9]{1,15})$/;
  // eslint-disable-next-line no-control-regex
  var ESCAPES = /(\x1b\[|\x9b)[0-?]*[ -\/]*[@-~]?|(\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x90\x98\x9c-\x9f]*(\x07|\x1b\\|\x9c)|\x1b[ -\/]*[0-~]|[\x0e\x0f]/g;
  // eslint-disable-next-line no-control-regex
  var CONTROLS = /[\0-\x08\n-\x1f\x7f-\x9f]/g;

  var stream = address(meta("datecast-ws"));
  var name = meta("datecast-title") || "datecast";
  var shown = { status: null, list: null, link: null, form: null, question: null, field: null, forget: null };
  var transports = [];
  var current = 0;
  var proven = false;
  var failures = 0;
  var last = "";
  // The clock keeps one date; lines have a history, which is asked for once.
  var hasHistory = false;
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

  function withQuery(url, query) {
    return query === "" ? url : url + (url.indexOf("?") === -1 ? "?" : "&") + query;
  }

  function since() {
    return last === "" ? "" : "since=" + last;
  }

  // The token

  function tokenKey() {
    return "datecast-token " + shown.link.href;
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

  function tokenParameter() {
    return token === "" ? "" : "token=" + encodeURIComponent(token);
  }

  function authorize(request) {
    if (token !== "") {
      request.setRequestHeader("Authorization", "Bearer " + token);
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
      connect();
    } else {
      ask("This token is not valid");
    }
    return false;
  }

  // The server wants a token, or another one. Nothing is tried until the reader has answered.
  function refused(isRevoked) {
    var wasRight = token !== "" && tokenWasRight;
    var question = isRevoked || wasRight ? "The token is no longer valid" : token === "" ? "This stream needs a token" : "This token is not valid";
    failures = 0;
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
    shown.link = element("a", "The stream as text", note);
    shown.link.href = stream;
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

  function message(text, id) {
    if (id !== "") {
      var now = ID.exec(id);
      var before = ID.exec(last);
      if (before && before[1] === now[1] && Number(now[2]) <= Number(before[2])) {
        return;
      }
      last = id;
    }
    show(text, "line");
  }

  function word(json) {
    var said = null;
    try {
      said = JSON.parse(json);
    } catch (error) {
      // Browsers without JSON are told of a gap in fewer words.
    }
    if (said === null || typeof said.source !== "string") {
      gap(said);
    } else {
      ended = said.source === "ended" ? said.said || "the stream has ended" : "";
      live();
    }
  }

  function gap(said) {
    if (said !== null && said.stream === "new") {
      ended = "";
      show("New stream: it has begun anew, and all that it keeps follows.", "event");
    } else if (said !== null && said.missed) {
      show(said.missed + (said.missed === 1 ? " message missed." : " messages missed."), "event");
    } else {
      show("Some messages may be missed.", "event");
    }
  }

  function frame(text) {
    var tab = text.indexOf("\t");
    var head = tab === -1 ? "" : text.substring(0, tab);
    if (tab === 0) {
      show(text.substring(1), "event");
    } else if (head === "!") {
      word(text.substring(2));
    } else if (ID.test(head)) {
      message(text.substring(tab + 1), head);
    } else {
      message(text, "");
    }
  }

  function event(kind, id, data) {
    if (kind === "gap" || kind === "source") {
      word(data);
    } else if (kind === "notice") {
      show(data, "event");
    } else {
      message(data, ID.test(id) ? id : "");
    }
  }

  // All events of a text in the event stream format; returns how many were messages.
  function events(text) {
    var lines = text.replace(/\r\n?/g, "\n").split("\n");
    var count = 0;
    var kind = "message";
    var id = "";
    var data = null;
    for (var index = 0; index < lines.length; index += 1) {
      var field = /^([a-z]+): ?(.*)$/.exec(lines[index]);
      if (lines[index] === "") {
        if (data !== null) {
          event(kind, id, data);
          count += kind === "message" ? 1 : 0;
        }
        kind = "message";
        id = "";
        data = null;
      } else if (field && field[1] === "data") {
        data = data === null ? field[2] : data + "\n" + field[2];
      } else if (field && field[1] === "event") {
        kind = field[2];
      } else if (field && field[1] === "id") {
        id = field[2];
      }
    }
    return count;
  }

  // How it comes: each way calls `opened` when it works, and `closed` once when it does not any more, with a WebSocket's event if there is one.

  function bySocket(opened, closed) {
    var Socket = window.WebSocket || window.MozWebSocket;
    var url = withQuery(withQuery(withQuery(stream.replace(/^http/, "ws"), "ids=1"), since()), tokenParameter());
    var socket = new Socket(url);
    socket.onopen = opened;
    socket.onmessage = function (arrived) { frame(String(arrived.data)); };
    socket.onclose = closed;
  }

  function byEvents(opened, closed) {
    var source = new window.EventSource(withQuery(withQuery(stream, since()), tokenParameter()));
    var before = "";
    var listen = function (kind) {
      source.addEventListener(kind, function (arrived) {
        // An event without an id of its own keeps the id before it.
        var id = String(arrived.lastEventId);
        event(kind, id === before ? "" : id, arrived.data);
        before = id;
      }, false);
    };
    listen("message");
    listen("notice");
    listen("gap");
    listen("source");
    source.onopen = opened;
    source.onerror = function () {
      source.close();
      closed();
    };
  }

  function newRequest() {
    return window.XMLHttpRequest ? new XMLHttpRequest() : new ActiveXObject("Microsoft.XMLHTTP");
  }

  // Asks again and again for all there is after the last message.
  function byRequests(opened, closed) {
    var request = newRequest();
    var late = setTimeout(function () { request.abort(); }, LONGEST_POLL);
    request.onreadystatechange = function () {
      if (request.readyState !== 4) {
        return;
      }
      clearTimeout(late);
      request.onreadystatechange = function () {};
      if (request.status === 200) {
        opened();
        hasHistory = events(request.responseText) > 1 || hasHistory;
        setTimeout(function () { byRequests(opened, closed); }, POLL_EVERY);
      } else {
        closed();
      }
    };
    // Old caches keep answers that nobody let them keep: each address is used once.
    request.open("GET", withQuery(withQuery(stream, hasHistory ? since() : ""), "until=999999999999999&at=" + new Date().getTime()), true);
    request.setRequestHeader("Accept", "text/event-stream");
    authorize(request);
    request.send(null);
  }

  // One after the other

  function live() {
    say(ended === "" ? "Live" : "Ended", ended);
  }

  function lost() {
    var wait = Math.min(LONGEST_WAIT, FIRST_WAIT * Math.pow(2, failures)) * (1 - Math.random() / 2);
    failures += 1;
    // What once worked is kept: then the server is merely away.
    current = proven ? current : (current + 1) % transports.length;
    if (ended !== "") {
      say("Ended", ended);
    } else if (proven) {
      say("Connection lost", "trying again");
    } else {
      say("Not connected", failures < 2 * transports.length ? "trying again" : "no way to the stream has worked yet; its text is below. Trying again");
    }
    setTimeout(connect, wait);
  }

  // No way has opened: neither a WebSocket nor an event source tells that the server wants a token.
  function learnWhy() {
    var request = null;
    var late = null;
    var isOver = false;
    var end = function (status) {
      if (!isOver) {
        isOver = true;
        clearTimeout(late);
        if (status === 401) {
          refused(false);
        } else {
          lost();
        }
      }
    };
    try {
      request = newRequest();
      late = setTimeout(function () { request.abort(); end(0); }, LONGEST_POLL);
      request.onreadystatechange = function () {
        if (request.readyState === 4) {
          end(request.status);
        }
      };
      request.open("HEAD", withQuery(stream, "at=" + new Date().getTime()), true);
      authorize(request);
      request.send(null);
    } catch (error) {
      end(0);
    }
  }

  function connect() {
    var isOver = false;
    var isOpen = false;
    var closed = function (event) {
      if (isOver) {
        return;
      }
      isOver = true;
      if (event && event.code === 1008 && /\btoken\b/.test(event.reason)) {
        refused(true);
      } else if (isOpen) {
        lost();
      } else {
        learnWhy();
      }
    };
    try {
      transports[current](function () {
        isOpen = true;
        proven = true;
        tokenWasRight = true;
        failures = 0;
        live();
      }, closed);
    } catch (error) {
      // Some browsers have a constructor that only throws.
      closed();
    }
  }

  function findTransports() {
    if (window.WebSocket || window.MozWebSocket) {
      transports.push(bySocket);
    }
    if (window.EventSource) {
      transports.push(byEvents);
    }
    try {
      newRequest();
      transports.push(byRequests);
    } catch (error) {
      // This browser has no requests either.
    }
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
  findTransports();
  if (transports.length === 0) {
    say("Not connected", "this browser can show the stream only as text, by the link below.");
  } else {
    say("Connecting", "");
    connect();
  }
})();
