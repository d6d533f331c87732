// Puts a SWF into a page where a Flash Player can play it: the functions of swfobject 2 that pages of 2010 call, written anew. ES3.
var swfobject = window.swfobject || (function () {
  var PLUGIN = "Shockwave Flash", TYPE = "application/x-shockwave-flash", ACTIVEX = "ShockwaveFlash.ShockwaveFlash";
  var CLASS = "clsid:D27CDB6E-AE6D-11cf-96B8-444553540000";

  var version = findVersion(), isLoaded = false, waiting = [];

  if (document.addEventListener) {
    document.addEventListener("DOMContentLoaded", domLoaded, false);
  }
  addLoadEvent(domLoaded);
  if (document.readyState === "complete") {
    setTimeout(domLoaded, 0);
  }

  /** The player's version as three numbers: zeros without one. `isActiveX` is true in Internet Explorer. */
  function findVersion() {
    var plugin = navigator.plugins && navigator.plugins[PLUGIN], text = "", isActiveX = false;
    if (plugin) {
      text = plugin.description;
    } else if (window.ActiveXObject) {
      try {
        // "WIN 10,0,12,36"
        text = new ActiveXObject(ACTIVEX).GetVariable("$version");
        isActiveX = true;
      } catch (error) {
        // There is no player.
      }
    }
    // "Shockwave Flash 10.1 r53", "Shockwave Flash 32.0 r0"
    var found = /(\d+)[.,](\d+)(?:[.,](\d+)|\s*r(\d+))?/.exec(text || "") || [];
    return { pv: [Number(found[1] || 0), Number(found[2] || 0), Number(found[3] || found[4] || 0)], isActiveX: isActiveX };
  }

  function hasFlashPlayerVersion(wanted) {
    var parts = String(wanted).split("."), have = version.pv;
    for (var i = 0; i < 3; i++) {
      var least = parseInt(parts[i], 10) || 0;
      if (have[i] !== least) {
        return have[i] > least;
      }
    }
    return true;
  }

  function getFlashPlayerVersion() {
    return { major: version.pv[0], minor: version.pv[1], release: version.pv[2] };
  }

  function addDomLoadEvent(body) {
    if (isLoaded) {
      body();
    } else {
      waiting.push(body);
    }
  }

  function addLoadEvent(body) {
    if (window.addEventListener) {
      window.addEventListener("load", body, false);
    } else if (window.attachEvent) {
      window.attachEvent("onload", body);
    }
  }

  function domLoaded() {
    if (!isLoaded) {
      isLoaded = true;
      for (var i = 0; i < waiting.length; i++) {
        waiting[i]();
      }
    }
  }

  /** Replaces an element by the SWF, once the document is there, and calls `callback` with `{ success, id, ref }`. */
  function embedSWF(url, id, width, height, wanted, expressInstall, flashvars, params, attributes, callback) {
    addDomLoadEvent(function () {
      var all = copy(attributes), values = copy(params), name, pairs = [], ref = null;
      if (hasFlashPlayerVersion(wanted)) {
        for (name in flashvars || {}) {
          pairs.push(name + "=" + flashvars[name]);
        }
        if (pairs.length > 0) {
          values.flashvars = (values.flashvars ? values.flashvars + "&" : "") + pairs.join("&");
        }
        all.data = url;
        all.width = String(width);
        all.height = String(height);
        ref = createSWF(all, values, id);
      }
      if (callback) {
        callback({ success: ref !== null, id: id, ref: ref });
      }
    });
  }

  /** Puts an object element in the place of the element with this id; null if there is none. */
  function createSWF(attributes, params, id) {
    var place = document.getElementById(id), all = copy(attributes), made;
    if (!place || !version.pv[0]) {
      return null;
    }
    all.id = all.id || id;
    made = version.isActiveX ? activeX(all, params) : objectElement(all, params);
    place.parentNode.replaceChild(made, place);
    return made;
  }

  function objectElement(attributes, params) {
    var made = document.createElement("object"), name, param;
    made.setAttribute("type", TYPE);
    for (name in attributes) {
      made.setAttribute(name === "styleclass" ? "class" : name, attributes[name]);
    }
    for (name in params) {
      param = document.createElement("param");
      param.setAttribute("name", name);
      param.setAttribute("value", params[name]);
      made.appendChild(param);
    }
    return made;
  }

  // Internet Explorer starts the player only for an object that it has parsed with all of its parameters.
  function activeX(attributes, params) {
    var box = document.createElement("div"), html = '<object classid="' + CLASS + '"', name;
    for (name in attributes) {
      if (name !== "data") {
        html += " " + (name === "styleclass" ? "class" : name) + '="' + escapeText(attributes[name]) + '"';
      }
    }
    html += '><param name="movie" value="' + escapeText(attributes.data) + '">';
    for (name in params) {
      html += '<param name="' + escapeText(name) + '" value="' + escapeText(params[name]) + '">';
    }
    box.innerHTML = html + "</object>";
    releaseAtUnload(box.firstChild);
    return box.firstChild;
  }

  // The player leaves its functions behind at the end of a page, and Internet Explorer then says that an object was expected.
  function releaseAtUnload(made) {
    window.attachEvent("onunload", function () {
      for (var name in made) {
        if (typeof made[name] === "function") {
          made[name] = null;
        }
      }
      made.parentNode.removeChild(made);
    });
  }

  function removeSWF(id) {
    var found = getObjectById(id);
    if (found) {
      found.parentNode.removeChild(found);
    }
  }

  function getObjectById(id) {
    var found = document.getElementById(id);
    return found && /^(object|embed)$/i.test(found.nodeName) ? found : null;
  }

  /** The value of a parameter of the page's address, percent-encoded as it stands there; the whole query without a name. */
  function getQueryParamValue(name) {
    var query = window.location.search.replace(/^\?/, ""), pairs = query.split("&");
    if (name === null || name === undefined) {
      return escapeText(query);
    }
    for (var i = 0; i < pairs.length; i++) {
      if (pairs[i].split("=")[0] === name) {
        return escapeText(pairs[i].substring(name.length + 1));
      }
    }
    return "";
  }

  /** A SWF that stands in the page's markup: it plays without us. */
  function registerObject(id, wanted, expressInstall, callback) {
    addDomLoadEvent(function () {
      var ref = getObjectById(id), success = ref !== null && hasFlashPlayerVersion(wanted);
      if (callback) {
        callback({ success: success, id: id, ref: success ? ref : null });
      }
    });
  }

  function createCSS(selector, declaration) {
    var style = document.createElement("style"), rule = selector + " {" + declaration + "}";
    style.setAttribute("type", "text/css");
    if (style.styleSheet) {
      style.styleSheet.cssText = rule;
    } else {
      style.appendChild(document.createTextNode(rule));
    }
    document.getElementsByTagName("head")[0].appendChild(style);
  }

  function copy(object) {
    var made = {}, name;
    for (name in object || {}) {
      if (object[name] !== Object.prototype[name]) {
        made[name] = object[name];
      }
    }
    return made;
  }

  function escapeText(text) {
    return String(text).replace(/&/g, "&amp;").replace(/"/g, "&quot;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  }

  // What is there for pages that call it, and has no effect here.
  function nothing() {}

  return {
    ua: { pv: version.pv },
    hasFlashPlayerVersion: hasFlashPlayerVersion,
    getFlashPlayerVersion: getFlashPlayerVersion,
    embedSWF: embedSWF,
    createSWF: createSWF,
    removeSWF: removeSWF,
    registerObject: registerObject,
    getObjectById: getObjectById,
    addDomLoadEvent: addDomLoadEvent,
    addLoadEvent: addLoadEvent,
    getQueryParamValue: getQueryParamValue,
    createCSS: createCSS,
    switchOffAutoHideShow: nothing,
    showExpressInstall: nothing
  };
})();
