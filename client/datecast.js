// datecast(url, options): the stream of a datecast server, by whatever works in this browser. ES3, for IE 6 and what came after it. See README.md.
(function () {
  var root = typeof self === "undefined" ? this : self;
  var WAYS = ["websocket", "sse", "stream", "poll", "jsonp"];
  var EVENTS = ["online", "pagehide", "pageshow", "securitypolicyviolation", "visibilitychange"];
  var CODES = { 1000: "the stream ended", 1001: "the server stops", 1006: "the connection broke", 1008: "this page is too slow", 1012: "the server restarts", 1013: "the server is full" };
  // Milliseconds, but for POLL.
  var OPENING = 10000, FIRST_WAIT = 500, LONGEST_WAIT = 10000, STABLE = 5000, TICK = 5000, GRACE = 4000, POLL = 25;
  var ID = /^([0-9a-f]{12}_)(\d{1,20})$/;
  var NDJSON = "application/x-ndjson";
  var streams = {}, serial = 0;

  function nothing() {}

  function now() {
    return new Date().getTime();
  }

  function parse(json) {
    try {
      return root.JSON ? JSON.parse(json) : new Function("return " + json)();
    } catch (error) {
      return null;
    }
  }

  function field(request, name) {
    try {
      return request.getResponseHeader(name);
    } catch (error) {
      return null;
    }
  }

  function absolute(url) {
    var page = root.location;
    url = url.replace(/#.*/, "").replace(/^ws(s?:)/i, "http$1");
    return /^https?:/i.test(url) ? url
      : page.protocol + (/^\/\//.test(url) ? "" : "//" + page.host + (/^\//.test(url) ? "" : /^(\?|$)/.test(url) ? page.pathname : page.pathname.replace(/[^\/]*$/, ""))) + url;
  }

  function datecast(given, options) {
    var url = absolute(given), host = url.replace(/^(https?:\/\/[^\/?]*).*/i, "$1");
    var names = [].concat((options = options || {}).transports || WAYS), heartbeat = options.heartbeat === undefined ? 15 : options.heartbeat, token = options.token;
    var current = 0, proven = false, tries = 0, failures = 0, turn = 0, end = nothing, away = false, seen = {}, told;
    var timer, due, deadline, earliest, patience, openedAt, heardAt, heard, resume, why, counted;
    var stream = { state: "connecting", transport: names[0], last: options.since || null, connect: connect, close: close };

    function call(name, value) {
      try {
        if (options[name]) {
          options[name](value);
        }
      } catch (error) {
        setTimeout(function () { throw error; }, 0);
      }
    }

    function say(state, reason, status, wait) {
      stream.state = state;
      call("onstate", { state: state, transport: stream.transport, reason: reason || "", status: status || null, wait: wait === undefined ? null : wait });
    }

    // What belongs to an attempt is not called any more when that is over.
    function live(callback) {
      var mine = turn;
      return function (event) {
        if (mine === turn) {
          callback(event);
        }
      };
    }

    function stop() {
      turn += 1;
      clearTimeout(timer);
      if (counted) {
        streams[host] -= 1;
        counted = false;
      }
      try {
        end();
      } catch (error) {}
      end = nothing;
    }

    // One timer for all that has a time. One that comes late tells of a sleep.
    function until(time) {
      deadline = time;
      clearTimeout(timer);
      due = now() + Math.max(0, Math.min(deadline - now(), TICK));
      timer = setTimeout(live(tick), due - now());
    }

    function tick() {
      var isLate = now() - due > 2 * TICK;
      until(deadline);
      if (isLate) {
        probe();
      } else if (now() >= deadline) {
        expire();
      }
    }

    function expire() {
      if (stream.state === "waiting") {
        open();
      } else if (stream.state === "open") {
        stream.state = "";
        lost("silent for " + Math.round((now() - heardAt) / 1000) + " s");
      } else {
        lost(why || "no answer within 10 s" + (!counted && stream.transport === "websocket" ? "" : streams[host] > 6 ? ": a seventh event stream, and browsers open six connections to a host"
          : ", from a mute server or behind six other connections to this host"));
      }
    }

    // The path may be another one: what is heard soon proves it.
    function probe() {
      var time = now();
      if (stream.state === "waiting") {
        until(Math.max(time, earliest));
      } else if (stream.state === "open" && patience === Infinity) {
        connect();
      } else {
        until(Math.max(time + GRACE, stream.state === "open" ? Math.min(deadline, heardAt + patience / 2.5 + GRACE) : deadline));
      }
    }

    function hear() {
      heardAt = now();
      deadline = heardAt + patience;
      heard = proven = true;
      tries = 0;
    }

    function opened() {
      if (stream.state !== "open") {
        openedAt = heardAt = now();
        until(openedAt + patience);
        say("open");
      }
    }

    function lost(reason, status, least) {
      var isQuick = false, wait = Math.min(LONGEST_WAIT, FIRST_WAIT * Math.pow(2, failures));
      stop();
      if (status === 401) {
        failures = tries = 0;
        say("refused", reason, status);
        return;
      }
      if (heard && now() - openedAt > STABLE) {
        failures = 0;
        wait = FIRST_WAIT;
      }
      // The server is away, or it has said why: then the same way is tried again. Else the next one, soon.
      if (!heard && !(status >= 429) && (status || !(proven || stream.state === "open") || (tries += 1) > 2)) {
        proven = false;
        tries = 0;
        current = (current + 1) % names.length;
        isQuick = current > 0;
      }
      failures += isQuick ? 0 : 1;
      wait = Math.round(Math.max((isQuick ? 100 : wait) * (1 - Math.random() / 2), (least || 0) * (1 + Math.random() / 2)));
      earliest = least ? now() + wait : 0;
      until(now() + wait);
      say("waiting", reason, status, wait);
    }

    function open() {
      var mine;
      stop();
      mine = turn;
      stream.transport = names[current];
      heard = away = false;
      why = "";
      resume = stream.last;
      patience = (/^[pj]/.test(stream.transport) ? POLL : heartbeat || Infinity) * 2500;
      until(now() + OPENING);
      say("connecting");
      if (mine === turn) {
        try {
          ways[stream.transport]();
        } catch (error) {
          // What a browser says in more words may hold the address, and so the token.
          lost("this browser has or allows none (" + error.name + ")");
        }
      }
    }

    function later(seconds) {
      return !seconds ? 0 : /^\d+$/.test(seconds) ? seconds * 1000 : Math.max(0, Date.parse(seconds) - now()) || 0;
    }

    // What comes

    function take(kind, id, text, word) {
      var parts = ID.exec(id), after = resume, mine = turn, number, gap;
      if (kind === "message") {
        if (id) {
          number = parts && ("0000000000000000000" + parts[2]).slice(-20);
          if (parts ? number <= seen[parts[1]] : id === stream.last) {
            return;
          }
          resume = null;
          if (after) {
            call("onresume", { after: after });
            if (mine !== turn) {
              return;
            }
          }
          if (parts) {
            seen[parts[1]] = number;
          }
          stream.last = id;
          told = "";
        }
        call("onmessage", { id: id || null, text: text });
      } else if (kind === "gap") {
        resume = null;
        gap = { missed: word.missed, stream: word.stream, next: word.next };
        number = gap.missed + gap.stream + gap.next;
        if (gap.missed === null && gap.stream === "same") {
          // The server has lost the newest messages, and gives their numbers again.
          seen = {};
        }
        // A connection that broke behind a gap hears of it again.
        if (told !== number) {
          told = number;
          call("ongap", gap);
        }
      } else if (kind === "source") {
        call("onsource", { source: word.source, text: word.said || text || "" });
      } else if (kind === "notice") {
        call("onnotice", { text: text });
      }
    }

    function frame(text) {
      var tab = text.indexOf("\t"), head = text.substring(0, tab), rest = text.substring(tab + 1), word = head === "!" && parse(rest);
      if (word) {
        take(word.source ? "source" : word.missed === undefined ? "" : "gap", null, "", word);
      } else if (tab === 0) {
        take("notice", null, rest);
      } else if (ID.test(head)) {
        take("message", head, rest);
      } else if (text) {
        take("message", null, text);
      }
    }

    // How it is asked for

    function address(query, withToken) {
      return url + (url.indexOf("?") < 0 ? "?" : "&") + query + (stream.last ? "&since=" + encodeURIComponent(stream.last) : "") + (withToken && token ? "&token=" + encodeURIComponent(token) : "");
    }

    function unique() {
      return "&at=" + now() + (serial += 1);
    }

    function ask(method, query, done) {
      var request = root.XMLHttpRequest ? new XMLHttpRequest() : new ActiveXObject("Microsoft.XMLHTTP");
      end = function () {
        request.onreadystatechange = nothing;
        request.abort();
      };
      request.open(method, address(query + unique()), true);
      request.setRequestHeader("Accept", method === "GET" ? NDJSON : "text/event-stream");
      if (token) {
        request.setRequestHeader("Authorization", "Bearer " + token);
      }
      request.onreadystatechange = live(function () {
        if (request.readyState === 4) {
          done(request.status, request);
        }
      });
      request.send(null);
    }

    // Neither a WebSocket nor an event source tells with which status the server refused it.
    function learn(reason) {
      stop();
      why = reason;
      until(now() + OPENING);
      try {
        ask("HEAD", "", function (status, request) {
          refused(status, request) || lost(reason, status);
        });
      } catch (error) {
        lost(reason);
      }
    }

    function refused(status, request) {
      if (status < 400 || status === 401 && !/bearer/i.test(field(request, "WWW-Authenticate") || "bearer")) {
        return false;
      }
      lost("the server answers " + status, status, later(field(request, "Retry-After")));
      return true;
    }

    var ways = {
      websocket: function () {
        var socket = new (root.WebSocket || root.MozWebSocket)(address("ids=1" + (heartbeat ? "&heartbeat=" + heartbeat : ""), true).replace(/^http/i, "ws"));
        end = function () { socket.close(); };
        socket.onopen = live(opened);
        socket.onmessage = live(function (event) {
          hear();
          frame(String(event.data));
        });
        socket.onclose = live(function (event) {
          var code = event.code || 1006, reason = (CODES[code] || "the server closed") + " (" + code + (event.reason ? ": " + event.reason : "") + ")";
          if (stream.state !== "open") {
            learn("no WebSocket opened");
          } else {
            heard = heard || code !== 1006;
            lost(reason, code === 1008 && /\btoken\b/.test(event.reason) ? 401 : 0, code === 1013 ? 5000 : 0);
          }
        });
      },

      sse: function () {
        var source = new root.EventSource(address(heartbeat ? "heartbeat=" + heartbeat : "", true)), kinds = ["message", "notice", "gap", "source", "heartbeat"];
        counted = true;
        streams[host] = (streams[host] || 0) + 1;
        end = function () { source.close(); };
        function listen(kind) {
          source.addEventListener(kind, live(function (event) {
            var word = kind !== "message" && parse(event.data) || {};
            hear();
            take(kind, event.lastEventId, event.data, word);
          }), false);
        }
        while (kinds[0]) {
          listen(kinds.shift());
        }
        source.onopen = live(function () {
          resume = stream.last;
          opened();
        });
        source.onerror = live(function () {
          if (stream.state !== "open") {
            learn("no event stream opened");
          } else if (source.readyState) {
            lost("the event stream ended");
          } else {
            // `retry:` is known to the browser alone, which now waits as long, and tries once.
            stream.state = "";
            until(now() + 2 * OPENING);
            say("connecting", why = "the event stream broke");
          }
        });
      }
    };

    // What happens to the page

    function happened(event) {
      var type = event.type;
      if (stream.state === "refused") {
        return;
      }
      if (type === "pagehide") {
        stop();
        away = true;
        say("waiting", "the page is put aside");
      } else if (type === "pageshow") {
        if (away) {
          open();
        }
      } else if (type === "securitypolicyviolation") {
        if (stream.state === "connecting" && String(event.blockedURI).indexOf(stream.transport === "websocket" ? host.replace(/^http/i, "ws") : host) === 0) {
          lost("the page's Content-Security-Policy blocks it: " + event.effectiveDirective);
        }
      } else if (!away && !(root.document && document.hidden)) {
        probe();
      }
    }

    function listen(method) {
      for (var index = 0; index < EVENTS.length; index += 1) {
        var target = index === 4 && root.document || root;
        if (target[method]) {
          target[method](EVENTS[index], happened, false);
        }
      }
    }

    function connect(other) {
      if (stream.state !== "closed") {
        token = other === undefined ? token : other;
        open();
      }
    }

    function close() {
      if (stream.state !== "closed") {
        stop();
        listen("removeEventListener");
        say("closed");
      }
    }

    listen("addEventListener");
    end = nothing;
    timer = setTimeout(live(open), 0);
    return stream;
  }

  if (typeof module === "object" && module.exports) {
    module.exports = datecast;
  } else {
    root.datecast = datecast;
  }
})();
