// WebSocket over Flash, for browsers that have no WebSocket of their own: the interface of the standard, and the names by which pages of
// 2010 set it up. ES3. It needs swfobject.js before it, and WebSocketMain.swf, by default beside this file.
//
//   WEB_SOCKET_SWF_LOCATION   where WebSocketMain.swf is; on the page's host, the only one that it connects to
//   WEB_SOCKET_FORCE_FLASH    true, before this file: Flash also where the browser has a WebSocket
//   WEB_SOCKET_DEBUG          true: say what happens in the console
//   WEB_SOCKET_LOAD_TIMEOUT   before this file: how long the SWF may take to load, in milliseconds
//   WEB_SOCKET_DISABLE_AUTO_INITIALIZATION, WebSocket.__initialize()   load the SWF at that call, not when the document is there
//   WebSocket.loadFlashPolicyFile("xmlsocket://HOST:PORT")   the policy-server; 843 on the page's host unless told
(function () {
  var CONNECTING = 0, OPEN = 1, CLOSING = 2, CLOSED = 3;
  // Milliseconds. The SWF has its own limits for each step of a connection, which are shorter than ours for the whole.
  var LOAD_TIMEOUT = window.WEB_SOCKET_LOAD_TIMEOUT || 20000, OPEN_TIMEOUT = 60000, CLOSE_TIMEOUT = 15000;
  var PLAYER = "10.0.0";
  var ELEMENT = "webSocketFlash";
  var MOST_REASON = 123;

  var own = window.WebSocket || window.MozWebSocket;
  var isOurs = !own || (window.WEB_SOCKET_FORCE_FLASH && !own.__isFlash);
  var scripts = document.getElementsByTagName("script");
  var besides = (scripts[scripts.length - 1].getAttribute("src") || "").replace(/[?#].*$/, "").replace(/[^\/]*$/, "");

  var sockets = {}, count = 0;
  // What is done once the SWF has loaded; null from then on.
  var tasks = [];
  var swf = null, begun = false, failure = null, timer = null;
  // The policy files to load, and how many of them the SWF knows.
  var policies = [], told = 0;

  if (!isOurs) {
    useOwn();
    return;
  }

  /** The standard's constructor; what pages of 2010 give behind the protocols (a proxy, header fields) is ignored. */
  function FlashWebSocket(url, protocols) {
    var socket = this;
    socket.url = socket.URL = resolve(String(url));
    var offered = list(protocols);
    socket.readyState = CONNECTING;
    socket.bufferedAmount = 0;
    socket.protocol = socket.extensions = "";
    socket.binaryType = "blob";
    socket.onopen = socket.onmessage = socket.onerror = socket.onclose = null;
    socket.__listeners = {};
    socket.__id = ++count;
    sockets[socket.__id] = socket;
    // Later, in any case: the page sets its handlers behind `new`.
    setTimeout(function () {
      addTask(function () {
        if (socket.readyState === CONNECTING) {
          limit(socket, OPEN_TIMEOUT, "no connection, and no word from Flash");
          tellPolicies();
          call("socketOpen", [socket.__id, encode(socket.url), encode(offered)]);
        }
      }, socket);
    }, 0);
  }

  var methods = FlashWebSocket.prototype;

  methods.send = function (data) {
    if (this.readyState === CONNECTING) {
      throw failed("InvalidStateError", "INVALID_STATE_ERR: the connection is not open yet");
    }
    if (/ArrayBuffer|Blob|DataView|\dArray|ClampedArray/.test(Object.prototype.toString.call(data))) {
      throw failed("NotSupportedError", "only text is sent over Flash");
    }
    var text = encode(String(data));
    if (this.readyState !== OPEN || !call("socketSend", [this.__id, text])) {
      this.bufferedAmount += size(text);
    }
  };

  methods.close = function (code, reason) {
    var socket = this, isCode = code !== undefined, text = encode(reason === undefined ? "" : String(reason));
    if (isCode && Number(code) !== 1000 && !(code >= 3000 && code <= 4999)) {
      throw failed("InvalidAccessError", "the code of close() is 1000, or 3000 to 4999");
    }
    if (size(text) > MOST_REASON) {
      throw failed("SyntaxError", "the reason of close() has more than " + MOST_REASON + " bytes");
    }
    if (socket.readyState === CLOSING || socket.readyState === CLOSED) {
      return;
    }
    var wasOpen = socket.readyState === OPEN;
    socket.readyState = CLOSING;
    if (wasOpen) {
      limit(socket, CLOSE_TIMEOUT, "no end of the closing handshake");
      // 1005: a Close without a code.
      call("socketClose", [socket.__id, isCode ? Math.floor(code) : 1005, text]);
    } else {
      setTimeout(function () {
        fail(socket, "closed before it was open");
      }, 0);
    }
  };

  methods.addEventListener = function (type, listener) {
    this.removeEventListener(type, listener);
    (this.__listeners["on" + type] = this.__listeners["on" + type] || []).push(listener);
  };

  methods.removeEventListener = function (type, listener) {
    var kept = [], all = this.__listeners["on" + type] || [];
    for (var i = 0; i < all.length; i++) {
      if (all[i] !== listener) {
        kept.push(all[i]);
      }
    }
    this.__listeners["on" + type] = kept;
  };

  methods.dispatchEvent = function (event) {
    var all = (this.__listeners["on" + event.type] || []).slice(0);
    if (typeof this["on" + event.type] === "function") {
      all.unshift(this["on" + event.type]);
    }
    event.target = event.currentTarget = event.srcElement = this;
    for (var i = 0; i < all.length; i++) {
      guarded(this, all[i], event);
    }
    return true;
  };

  constants(FlashWebSocket);
  constants(methods);
  FlashWebSocket.__isFlash = true;
  FlashWebSocket.__initialize = initialize;
  FlashWebSocket.__addTask = addTask;
  FlashWebSocket.loadFlashPolicyFile = function (url) {
    policies.push(String(url));
    addTask(tellPolicies);
  };
  window.WebSocket = FlashWebSocket;
  // The SWF calls this until its events are taken. It may not be called from inside its call.
  window.WEB_SOCKET_FLASH_EVENT = function () {
    setTimeout(takeEvents, 0);
  };
  if (!window.WEB_SOCKET_DISABLE_AUTO_INITIALIZATION) {
    whenLoaded(initialize);
  }

  /** The browser has a WebSocket: it gets what a page of 2010 may call, to no effect. */
  function useOwn() {
    window.WebSocket = own;
    if (own.__isFlash) {
      return;
    }
    own.__initialize = own.loadFlashPolicyFile = function () {};
    own.__addTask = function (task) {
      task();
    };
  }

  /** Loads the SWF, once. */
  function initialize() {
    if (begun) {
      return;
    }
    begun = true;
    var player = window.swfobject;
    if (!player) {
      return giveUp("web_socket.js needs swfobject.js before it");
    }
    if (!player.hasFlashPlayerVersion(PLAYER)) {
      return giveUp("this browser has neither WebSocket nor Flash Player " + PLAYER);
    }
    timer = setTimeout(function () {
      giveUp("the SWF did not load within " + LOAD_TIMEOUT + " ms: " + location());
    }, LOAD_TIMEOUT);
    embed(player);
  }

  function location() {
    return window.WEB_SOCKET_SWF_LOCATION || FlashWebSocket.__swfLocation || besides + "WebSocketMain.swf";
  }

  function embed(player) {
    // Outside of the window, but not hidden: Flash does not run there.
    var box = document.createElement("div"), place = document.createElement("div");
    box.style.position = "absolute";
    box.style.left = box.style.top = "-100px";
    box.style.width = box.style.height = "1px";
    place.id = ELEMENT;
    box.appendChild(place);
    document.body.appendChild(box);
    player.embedSWF(location(), ELEMENT, "1", "1", PLAYER, null, null,
      { hasPriority: true, swliveconnect: true, allowScriptAccess: "sameDomain" }, null, function (result) {
        if (!result.success) {
          giveUp("the SWF cannot be embedded");
        }
      });
  }

  /** The SWF can be called from now on. Some browsers start it anew when its element is moved, and it knows nothing then. */
  function ready() {
    var waiting = tasks || [], lost = tasks ? {} : sockets, id;
    clearTimeout(timer);
    tasks = failure = null;
    told = 0;
    say("Flash is ready");
    for (id in lost) {
      if (lost[id] instanceof FlashWebSocket) {
        fail(lost[id], "Flash was started anew");
      }
    }
    for (var i = 0; i < waiting.length; i++) {
      waiting[i].task();
    }
  }

  /** Fails what waits for the SWF; a SWF that loads later serves what comes later. */
  function giveUp(why) {
    var waiting = tasks || [];
    clearTimeout(timer);
    tasks = [];
    failure = why;
    for (var i = 0; i < waiting.length; i++) {
      if (waiting[i].socket) {
        fail(waiting[i].socket, why);
      }
    }
  }

  /** Runs a task once the SWF can be called; without one, the socket that it is for fails. */
  function addTask(task, socket) {
    if (!tasks) {
      task();
    } else if (failure && socket) {
      fail(socket, failure);
    } else {
      tasks.push({ task: task, socket: socket });
    }
  }

  // Before the first connection, the usual one unless the page has named another.
  function tellPolicies() {
    if (policies.length === 0) {
      policies.push("xmlsocket://" + window.location.hostname + ":843");
    }
    for (; told < policies.length; told++) {
      if (!call("socketPolicy", [encode(policies[told])])) {
        say("a policy file is loaded from xmlsocket://HOST:PORT of the page's host, not from " + policies[told]);
      }
    }
  }

  /** Calls the SWF; what it answers is undefined if it is not there. */
  function call(name, values) {
    try {
      return swf[name].apply(swf, values);
    } catch (error) {
      say("Flash does not answer: " + (error.message || error));
    }
  }

  function takeEvents() {
    var text, all, i;
    swf = document.getElementById(ELEMENT);
    text = swf && swf.socketEvents ? call("socketEvents", []) : null;
    all = text ? text.split(";") : [];
    for (i = 0; i < all.length - 1; i++) {
      take(all[i].split(","));
    }
  }

  function take(values) {
    var socket = sockets[values[0]], kind = values[1];
    if (kind === "ready") {
      ready();
    } else if (socket && kind === "open" && socket.readyState === CONNECTING) {
      clearTimeout(socket.__timer);
      socket.readyState = OPEN;
      socket.protocol = decodeURIComponent(values[2]);
      socket.dispatchEvent({ type: "open" });
    } else if (socket && kind === "message" && socket.readyState === OPEN) {
      socket.dispatchEvent({ type: "message", data: decodeURIComponent(values[2]), origin: socket.url.split("/").slice(0, 3).join("/"), lastEventId: "" });
    } else if (socket && kind === "closing") {
      socket.readyState = CLOSING;
    } else if (socket && kind === "error") {
      complain(socket, decodeURIComponent(values[2]));
    } else if (socket && kind === "close") {
      end(socket, Number(values[2]), values[3] === "1", decodeURIComponent(values[4]));
    }
  }

  /** Ends a socket of which Flash has no more to say, or never knew. */
  function fail(socket, why) {
    if (sockets[socket.__id]) {
      complain(socket, why);
      end(socket, 1006, false, "");
      if (!tasks) {
        call("socketClose", [socket.__id, 1005, ""]);
      }
    }
  }

  function complain(socket, why) {
    socket.readyState = CLOSING;
    say(socket.url + ": " + why, true);
    socket.dispatchEvent({ type: "error", message: why });
  }

  function end(socket, code, wasClean, reason) {
    clearTimeout(socket.__timer);
    delete sockets[socket.__id];
    socket.readyState = CLOSED;
    socket.dispatchEvent({ type: "close", code: code, wasClean: wasClean, reason: reason });
  }

  function limit(socket, milliseconds, why) {
    clearTimeout(socket.__timer);
    socket.__timer = setTimeout(function () {
      fail(socket, why + " within " + milliseconds + " ms");
    }, milliseconds);
  }

  /** An absolute ws: URL in ASCII, without a fragment. */
  function resolve(url) {
    var text = url.replace(/#.*$/, "");
    if (!/^[a-z][a-z0-9+.\-]*:/i.test(text)) {
      // IE 6 and 7 resolve what they parse, and no property that is set.
      var box = document.createElement("div");
      box.innerHTML = '<a href="' + text.replace(/&/g, "&amp;").replace(/"/g, "&quot;").replace(/</g, "&lt;") + '"></a>';
      text = box.firstChild.href.replace(/#.*$/, "");
    }
    text = text.replace(/^http/i, "ws").replace(/[^\x21-\x7e]+/g, encode);
    if (!/^wss?:\/\/[^\/?]/i.test(text)) {
      throw failed("SyntaxError", "SYNTAX_ERR: " + url + " is no ws: URL");
    }
    return text;
  }

  /** The protocols that are offered, as one field's value. */
  function list(protocols) {
    // Pages of 2010 give an empty one for none.
    var all = !protocols ? [] : typeof protocols === "string" ? [protocols] : protocols, seen = {}, names = [];
    for (var i = 0; i < all.length; i++) {
      var name = String(all[i]);
      if (!/^[!#$%&'*+.\^_`|~0-9a-z\-]+$/i.test(name) || seen["_" + name]) {
        throw failed("SyntaxError", "SYNTAX_ERR: a protocol is a token, and offered once");
      }
      seen["_" + name] = true;
      names.push(name);
    }
    return names.join(", ");
  }

  /** ASCII, by which text goes to Flash and comes from it; half a surrogate pair becomes U+FFFD, as the standard has it. */
  function encode(text) {
    return encodeURIComponent(text.replace(/[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]/g, function (found) {
      return found.length === 2 ? found : "\ufffd";
    }));
  }

  /** The bytes that encoded text has as UTF-8. */
  function size(encoded) {
    return encoded.replace(/%../g, "x").length;
  }

  // A handler that throws keeps no other event from its handler.
  function guarded(socket, listener, event) {
    try {
      if (typeof listener === "function") {
        listener.call(socket, event);
      } else {
        listener.handleEvent(event);
      }
    } catch (error) {
      setTimeout(function () {
        throw error;
      }, 0);
    }
  }

  function failed(name, message) {
    var error = new Error(message);
    error.name = name;
    return error;
  }

  function constants(object) {
    object.CONNECTING = CONNECTING;
    object.OPEN = OPEN;
    object.CLOSING = CLOSING;
    object.CLOSED = CLOSED;
  }

  function whenLoaded(body) {
    if (window.swfobject) {
      window.swfobject.addDomLoadEvent(body);
    } else if (window.addEventListener) {
      window.addEventListener("load", body, false);
    } else {
      window.attachEvent("onload", body);
    }
  }

  function say(text, isError) {
    var log = window.console;
    if (log && log.log && (isError || window.WEB_SOCKET_DEBUG)) {
      log.log("[WebSocket] " + text);
    }
  }
})();
