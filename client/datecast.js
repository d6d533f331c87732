// README.md
(function () {
var root = typeof window == "object" ? window : typeof self == "object" ? self : global, page = root.document, held = 0;

function nothing() {}

function now() { return new Date().getTime(); }

function each(list, then) {
  for (var i = 0; i < list.length; i++) then(list[i]);
}

function parse(json) {
  try {
    return root.JSON && root.JSON.parse ? root.JSON.parse(json) : new Function("return " + json)();
  } catch (e) {}
}

function datecast(url, options) {
  var link = page ? page.createElement("a") : new URL(url, root.location);
  if (page) link.href = url;
  url = (link.href || url).replace(/^ws(s?:)/, "http$1").replace(/#.*/, "");
  options = options || {};

  var names = [].concat(options.transports || ["websocket", "sse", "stream", "poll", "jsonp"]), token = options.token;
  var beat = options.heartbeat == null ? 15 : options.heartbeat, beats = beat ? "&heartbeat=" + beat : "", callback = "datecast" + Math.random().toString(36).slice(2);
  var stream = { state: "waiting", transport: names[0], last: options.since || null, connect: connect, close: close };
  var current = 0, failures = 0, tries = 0, turn = 0, counted = 0, seen = {}, end = nothing, told, home, away;
  var timer = 0, armed, deadline, earliest, patience, openedAt, heardAt, heard, asked, resume;

  function call(name, value) {
    try {
      if (options[name]) options[name](value);
    } catch (e) {
      setTimeout(function () { throw e; }, 0);
    }
  }

  function say(state, reason, status, wait) {
    call("onstate", { state: stream.state = state, transport: stream.transport, reason: reason || "", status: status || null, wait: wait || null });
  }

  function live(then) {
    var mine = turn;
    return function (e) {
      if (mine == turn) then(e);
    };
  }

  function stop() {
    turn++;
    clearTimeout(timer);
    held -= counted;
    counted = 0;
    try { end(); } catch (e) {}
    end = nothing;
  }

  function until(time) {
    clearTimeout(timer);
    deadline = time;
    armed = now();
    timer = setTimeout(live(tick), Math.max(0, Math.min(time - armed, 5000)));
  }

  function tick() {
    if (now() - armed > 15000) {
      probe();
      armed = 1e99;
    } else if (now() < deadline) until(deadline);
    else if (stream.state == "waiting") open();
    else if (!openedAt && !asked) ended();
    else lost(openedAt ? "silent" : held > 5 ? "no answer: a seventh stream of one host" : "no answer");
  }

  function probe() {
    if (stream.state == "waiting") until(earliest);
    else until(Math.max(now() + 4000, openedAt ? heardAt + patience / 2 : deadline));
  }

  function opened() {
    if (openedAt) return;
    openedAt = heardAt = now();
    until(openedAt + patience);
    say("open");
  }

  function open() {
    stop();
    var mine = turn;
    stream.transport = names[current];
    heard = asked = away = openedAt = 0;
    resume = stream.last;
    patience = 2500 * (/^[pj]/.test(stream.transport) ? 25 : beat || 1e9);
    held += counted = /^s/.test(stream.transport);
    until(now() + 1e4);
    say("connecting");
    try {
      if (mine == turn) ways[stream.transport](1);
    } catch (e) {
      lost("not in this browser: " + e.name);
    }
  }

  function lost(reason, status, least) {
    var random = Math.random() / 2, wait, next;
    stop();
    if (status == 401) return say("refused", reason, status);
    if (heard && now() - openedAt > 5000) failures = 0;
    if (!heard && !(status > 428) && (status || current != home && (!openedAt || reason == "silent") || ++tries > 9)) {
      tries = 0;
      current = (current + 1) % names.length;
      next = current != (home || 0);
    }
    wait = next ? 100 : Math.min(1e4, 500 * Math.pow(2, failures++));
    wait = Math.ceil(Math.max(wait * (1 - random), (least || 0) * (1 + random)));
    earliest = least ? now() + wait : 0;
    until(now() + wait);
    say("waiting", reason, status, wait);
  }

  function good(status, header) {
    if (status == 200 && /ndjson/.test(header("Content-Type"))) return 1;
    var later = header("Retry-After");
    lost("status " + status, status != 401 || /bearer/i.test(header("WWW-Authenticate") || "bearer") ? status : 0, later * 1000 || Date.parse(later) - now());
  }

  function take(m) {
    var mine = turn, after = resume, kind = m.kind, id = m.id, text = m.text, parts = /^(.*?)(\d*)$/.exec(id), number = 100 + parts[2].length + parts[2];
    if (kind == "gap") {
      if (m.missed == null && m.stream == "same") seen = {};
      number = told;
      told = m.missed + m.stream + m.next;
      resume = 0;
      if (told != number) call("ongap", { missed: m.missed, stream: m.stream, next: m.next });
    } else if (kind == "message") {
      if (id) {
        if (number <= seen[parts[1]]) return;
        resume = told = 0;
        if (after) call("onresume", { after: after });
        if (mine != turn) return;
        seen[parts[1]] = number;
        stream.last = id;
      }
      call("onmessage", { id: id, text: text });
    } else call("on" + kind, kind == "source" ? { source: m.source, text: text } : { text: text });
  }

  function takeAll(list) {
    var mine = turn;
    heardAt = now();
    deadline = heardAt + patience;
    heard = 1;
    home = current;
    tries = 0;
    opened();
    each(list, function (m) {
      m = m.kind ? m : parse(m);
      if (m && mine == turn) take(m);
    });
    return mine == turn;
  }

  function word(json) {
    var m = parse(json) || {};
    m.kind = m.source ? "source" : m.stream && "gap";
    m.text = m.said;
    return m;
  }

  function address(query, secret) {
    return url + (/\?/.test(url) ? "&" : "?") + "ids=1" + query + (stream.last ? "&since=" + stream.last : "") + (!secret ? "&at=" + Math.random() : token ? "&token=" + encodeURIComponent(token) : "");
  }

  function fields() {
    return token ? { Accept: "application/x-ndjson", Authorization: "Bearer " + token } : { Accept: "application/x-ndjson" };
  }

  function ask(query, done, part) {
    var request = root.XMLHttpRequest ? new XMLHttpRequest() : new ActiveXObject("Microsoft.XMLHTTP"), all = fields(), name;
    function header(name) { return request.getResponseHeader(name); }
    end = function () {
      request.onreadystatechange = nothing;
      request.abort();
    };
    request.open(query ? "GET" : "HEAD", address(query), true);
    for (name in all) if (typeof all[name] == "string") request.setRequestHeader(name, all[name]);
    request.onreadystatechange = function () {
      var whole = request.readyState == 4;
      if (whole) request.onreadystatechange = nothing;
      else if (!part || request.readyState < 3) return;
      if (!query || good(request.status, header)) (whole ? done : part)(request.responseText, header, request.status);
    };
    request.send(null);
  }

  function ended() {
    if (openedAt) return lost("the stream ended");
    stop();
    asked = 1;
    until(now() + 1e4);
    try {
      ask("", function (text, header, status) {
        if (status > 399) good(status, header);
        else lost("not opened", status);
      });
    } catch (e) {
      lost("not opened");
    }
  }

  function brought(list, last) {
    var before = stream.last, wait = 0;
    if (!takeAll(list)) return;
    if (before == stream.last) {
      stream.last = last || before;
      wait = 500;
    }
    setTimeout(live(function () { ways[stream.transport](25); }), wait);
  }

  var ways = {
    websocket: function () {
      var socket = new (root.WebSocket || root.MozWebSocket)(address(beats, 1).replace(/^http/, "ws"));
      end = function () { socket.close(); };
      socket.onopen = live(opened);
      socket.onmessage = live(function (e) {
        var parts = /^(!(?=\t\{)|[0-9a-f]{12}_\d+|)\t([\s\S]*)/.exec(e.data) || [0, 0, e.data], id = parts[1], text = parts[2];
        takeAll([id == "!" ? word(text) : { id: id || null, text: text, kind: id === "" ? "notice" : "message" }]);
      });
      socket.onclose = live(function (e) {
        if (openedAt) lost(["closed", e.code, e.reason].join(" "), e.code == 1008 && /\btoken\b/.test(e.reason) && 401, e.code == 1013 && 5000);
        else ended();
      });
    },

    sse: function () {
      var source = new EventSource(address(beats, 1));
      end = function () { source.close(); };
      each(["message", "notice", "gap", "source", "heartbeat"], function (kind) {
        source.addEventListener(kind, live(function (e) {
          takeAll([/^[gs]/.test(kind) ? word(e.data) : { id: e.lastEventId || null, text: e.data, kind: kind }]);
        }), false);
      });
      source.onopen = live(opened);
      source.onerror = live(function () {
        if (source.readyState || !openedAt) return ended();
        openedAt = 0;
        resume = stream.last;
        until(now() + 2e4);
        say("connecting", "the stream ended");
      });
    },

    stream: function () {
      var used = 0, rest = "", ending, decoder, reader, read = live(function () {
        reader.read().then(live(function (e) {
          if (e.done) return ended();
          more(decoder.decode(e.value, { stream: true }));
          read();
        }), live(ended));
      });
      function more(text) {
        var lines = (rest + text).split("\n");
        rest = lines.pop();
        takeAll(lines);
      }
      if (root.AbortController && root.TextDecoder) {
        ending = new AbortController();
        decoder = new TextDecoder();
        end = function () { ending.abort(); };
        fetch(address("&heartbeat=5"), { headers: fields(), signal: ending.signal }).then(live(function (e) {
          if (!good(e.status, function (name) { return e.headers.get(name); })) return;
          reader = e.body.getReader();
          opened();
          read();
        }), live(ended));
      } else (root.ProgressEvent ? ask : null)("&heartbeat=5", ended, function (text) {
        if (used > 1e6 && !rest) return open();
        if (text) more(text.substring(used));
        used = text.length;
      });
    },

    poll: function (seconds) {
      ask("&poll=" + seconds, function (text, header) {
        brought(text.split("\n"), header("Content-Length") <= text.length && header("Datecast-Last-Id"));
      });
    },

    jsonp: function (seconds) {
      var script = page.createElement("script"), name = callback + "_" + turn, came;
      end = function () {
        if (script.parentNode) script.parentNode.removeChild(script);
        root[name] = nothing;
      };
      root[name] = live(function (e) {
        came = 1;
        end();
        brought(e.messages, e.last);
      });
      script.onload = script.onerror = script.onreadystatechange = live(function () {
        if (!came && !/g|v/.test(script.readyState)) ended();
      });
      script.src = address("&callback=" + name + "&poll=" + seconds, 1);
      page.documentElement.appendChild(script);
    }
  };

  function happened(e) {
    var type = e.type;
    if (stream.state == "refused") return;
    if (type == "pagehide") {
      stop();
      away = 1;
      say("waiting", "the page is away");
    } else if (type == "pageshow") {
      if (away) open();
    } else if (/^s/.test(type)) {
      if (stream.state == "connecting" && e.disposition != "report" && e.blockedURI.indexOf(url.split("/")[2]) > 0) lost("the page's policy blocks it");
    } else if (!away) probe();
  }

  function listen(method) {
    if (root[method]) each(["online", "pagehide", "pageshow", "securitypolicyviolation", "visibilitychange"], function (kind) { root[method](kind, happened, false); });
  }

  function connect(other) {
    if (stream.state == "closed") return;
    if (other != null) token = other;
    open();
  }

  function close() {
    if (stream.state == "closed") return;
    stop();
    listen("removeEventListener");
    say("closed");
  }

  listen("addEventListener");
  until(earliest = 0);
  return stream;
}

if (typeof module == "object" && module.exports) module.exports = datecast;
else root.datecast = datecast;
})();
