// The first bytes of browsers that cannot be had, field by field as they sent them, with the year. `source`: where we have them from.
// HOST stands for the server's host and port. `%HIXIE` at the end: the eight bytes of the third key follow.

const PAGE = "http://pages.example";
const CAPTURE = "a capture of its time, in a public repository";
const TEST = "its own unit tests";
const DRAFT = "the draft that it follows";
const MEMORY = "memory of captures";

const key = (fields) => [...fields, "Sec-WebSocket-Key1: 388P O503D&ul7 {K%gX( %7  15", "Sec-WebSocket-Key2: 1 N ?|k UT0or 3o  4 I97N 5-S3O 31"];
/** Of draft 76 after those fields: the third key, behind the head. */
const KEY3 = "G0\"-Z?GX";
const SHA_KEY = "HgBKcPfdBSzjCYxGnWCO3g==";
const WEBKIT = ["GET / HTTP/1.1", "Upgrade: WebSocket", "Connection: Upgrade", "Host: HOST", `Origin: ${PAGE}`];
const firefox = (version, number) => [
  "GET / HTTP/1.1", "Host: HOST", `User-Agent: Mozilla/5.0 (Windows NT 6.1; WOW64; rv:${version}) Gecko/20100101 Firefox/${version}`,
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "Accept-Language: sk,cs;q=0.8,en-us;q=0.5,en;q=0.3", "Accept-Encoding: gzip, deflate",
  "Accept-Charset: ISO-8859-2,utf-8;q=0.7,*;q=0.7", "Connection: keep-alive, Upgrade", `Sec-WebSocket-Version: ${number}`,
  number === 13 ? `Origin: ${PAGE}` : `Sec-WebSocket-Origin: ${PAGE}`, `Sec-WebSocket-Key: ${SHA_KEY}`, "Pragma: no-cache", "Cache-Control: no-cache", "Upgrade: websocket"];
const webkitHybi = (version) => ["GET / HTTP/1.1", "Upgrade: websocket", "Connection: Upgrade", "Host: HOST",
  version === 13 ? `Origin: ${PAGE}` : `Sec-WebSocket-Origin: ${PAGE}`, `Sec-WebSocket-Key: ${SHA_KEY}`, `Sec-WebSocket-Version: ${version}`];
const explorer = (agent, target, accept = "*/*", more = []) => [
  `GET ${target} HTTP/1.1`, `Accept: ${accept}`, `Referer: ${PAGE}/`, "Accept-Language: en-us", ...more, "Accept-Encoding: gzip, deflate",
  `User-Agent: Mozilla/${agent}`, "Host: HOST", "Connection: Keep-Alive"];
const IE6 = "4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)";
const IE7 = "4.0 (compatible; MSIE 7.0; Windows NT 6.0)";
const IE8 = "4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0)";
const IE9 = "5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0)";
const JSONP = "/?callback=dc.c1&poll=25&at=1290787200000";
const POLL = "/?poll=25&at=1290787200000";

export { KEY3 };

/** `way`: what the server must take it for. */
export const OPENINGS = [
  { browser: "Chrome 4", year: 2010, way: "draft 75", source: DRAFT, head: WEBKIT },
  { browser: "Safari 5.0", year: 2010, way: "draft 75", source: DRAFT, head: WEBKIT },
  { browser: "Chrome 6", year: 2010, way: "draft 76", source: TEST, head: key(WEBKIT) },
  { browser: "Safari 5.0.1, iOS 4.2", year: 2010, way: "draft 76", source: "PhantomJS 1.9, of the same WebKit", head: key(WEBKIT) },
  { browser: "Firefox 4", year: 2011, way: "draft 76", source: DRAFT,
    head: key(["GET / HTTP/1.1", "Host: HOST", "Upgrade: WebSocket", "Connection: Upgrade", `Origin: ${PAGE}`]) },
  { browser: "Opera 11", year: 2010, way: "draft 76", source: DRAFT,
    head: [...key(["GET / HTTP/1.1", "Upgrade: WebSocket", "Connection: Upgrade", `Origin: ${PAGE}`, "Host: HOST"])] },
  { browser: "Firefox 6", year: 2011, way: "version 7", source: CAPTURE, head: firefox("6.0", 7) },
  { browser: "Firefox 7", year: 2011, way: "version 8", source: "the capture of Firefox 6", head: firefox("7.0", 8) },
  { browser: "Firefox 11", year: 2012, way: "RFC 6455", source: "the capture of Firefox 6", head: firefox("11.0", 13) },
  { browser: "Chrome 14", year: 2011, way: "version 8", source: CAPTURE, head: webkitHybi(8) },
  { browser: "Chrome 16", year: 2011, way: "RFC 6455", source: "the capture of Chrome 14", head: [...webkitHybi(13), "Sec-WebSocket-Extensions: x-webkit-deflate-frame"] },
  { browser: "Safari 6", year: 2012, way: "RFC 6455", source: "the capture of Chrome 14", head: [...webkitHybi(13), "Sec-WebSocket-Extensions: x-webkit-deflate-frame"] },
  { browser: "IE 10", year: 2012, way: "RFC 6455", source: MEMORY,
    head: ["GET / HTTP/1.1", `Origin: ${PAGE}`, `Sec-WebSocket-Key: ${SHA_KEY}`, "Connection: Upgrade", "Upgrade: Websocket", "Sec-WebSocket-Version: 13",
      "User-Agent: Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; WOW64; Trident/6.0)", "Host: HOST", "DNT: 1", "Cache-Control: no-cache"] },
  { browser: "IE 6", year: 2001, way: "JSONP", source: MEMORY, head: explorer(IE6, JSONP) },
  { browser: "IE 7", year: 2006, way: "JSONP", source: MEMORY, head: explorer(IE7, JSONP) },
  { browser: "IE 8", year: 2009, way: "JSONP", source: MEMORY, head: explorer(IE8, JSONP) },
  { browser: "IE 9", year: 2011, way: "JSONP", source: MEMORY, head: explorer(IE9, JSONP, "application/javascript, */*;q=0.8") },
  { browser: "IE 6, a request of its own origin", year: 2001, way: "long poll", source: MEMORY, head: explorer(IE6, POLL, "application/x-ndjson") },
  { browser: "IE 8, XDomainRequest", year: 2009, way: "long poll", source: MEMORY, head: explorer(IE8, POLL, "*/*", [`Origin: ${PAGE}`]) },
  { browser: "Firefox 3.5, a request to another origin", year: 2009, way: "long poll", source: MEMORY,
    head: [`GET ${POLL} HTTP/1.1`, "Host: HOST", "User-Agent: Mozilla/5.0 (Windows; U; Windows NT 5.1; en-US; rv:1.9.1) Gecko/20090624 Firefox/3.5",
      "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "Accept-Language: en-us,en;q=0.5", "Accept-Encoding: gzip,deflate",
      "Accept-Charset: ISO-8859-1,utf-8;q=0.7,*;q=0.7", "Keep-Alive: 300", "Connection: keep-alive", `Referer: ${PAGE}/`, `Origin: ${PAGE}`] },
  { browser: "Opera 11, an event stream", year: 2010, way: "event stream", source: MEMORY,
    head: ["GET / HTTP/1.1", "User-Agent: Opera/9.80 (Windows NT 6.1; U; en) Presto/2.6.37 Version/11.00", "Host: HOST", "Accept: text/event-stream", "Accept-Language: en",
      "Accept-Encoding: gzip, deflate", `Referer: ${PAGE}/`, "Cache-Control: no-cache", "Connection: Keep-Alive, TE", "TE: deflate, gzip, chunked, identity, trailers"] },
  { browser: "Netscape 4, no script", year: 1998, way: "HTML document", source: MEMORY,
    head: ["GET /stream.html HTTP/1.0", "Connection: Keep-Alive", "User-Agent: Mozilla/4.08 [en] (X11; I; Linux 2.0.32 i686)", "Host: HOST",
      "Accept: image/gif, image/x-xbitmap, image/jpeg, image/pjpeg, image/png, */*", "Accept-Encoding: gzip", "Accept-Language: en", "Accept-Charset: iso-8859-1,*,utf-8"] },
  { browser: "Mosaic 2, no script, no Host", year: 1994, way: "HTML document", source: MEMORY,
    head: ["GET /stream.html HTTP/1.0", "Accept: text/plain", "Accept: text/html", "User-Agent: NCSA Mosaic for the X Window System/2.4  libwww/2.12 modified"] },
];
