import flash.utils.ByteArray;
import flash.utils.RegExp;

/** The client's opening handshake (RFC 6455 §4.1, §4.2.2): pure text, in and out. **/
class Handshake {
  static inline var GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  static inline var ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  static inline var TOKENS = "^[!#$%&'*+.^_`|~0-9a-z-]+(, [!#$%&'*+.^_`|~0-9a-z-]+)*$";

  var key:String;
  /** What the page offers: `a, b`; empty for nothing. **/
  var protocols:String;
  /** The one of them that the server has chosen, or empty. **/
  public var protocol = "";

  public function new(protocols:String) {
    this.protocols = protocols;
    // §4.1: "a nonce consisting of a randomly selected 16-byte value that has been base64-encoded".
    key = base64(Entropy.bytes(16));
  }

  /** True if these can be offered: tokens, and so no control character that would end the field. **/
  public static function areProtocols(text:String):Bool {
    return text == "" || new RegExp(TOKENS, "i").test(text);
  }

  public function request(address:Address, origin:String):String {
    var lines = [
      "GET " + address.target + " HTTP/1.1",
      "Host: " + address.authority(),
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Key: " + key,
      "Origin: " + origin,
      "Sec-WebSocket-Version: 13"
    ];
    if (protocols != "") {
      lines.push("Sec-WebSocket-Protocol: " + protocols);
    }
    return lines.join("\r\n") + "\r\n\r\n";
  }

  /** Why the connection fails; null if this head opens it. **/
  public function check(head:String):String {
    var lines = head.split("\r\n");
    var status:Dynamic = new RegExp("^HTTP/1\\.[0-9] ([0-9]{3})( |$)").exec(lines.shift());
    if (status == null) return "the server does not speak HTTP";
    if (status[1] != "101") return "the server answers " + status[1];
    if (field(lines, "upgrade").toLowerCase() != "websocket") return "the answer has no Upgrade: websocket";
    if (!new RegExp("(^|,)[ \\t]*upgrade[ \\t]*(,|$)", "i").test(field(lines, "connection"))) return "the answer has no Connection: Upgrade";
    if (field(lines, "sec-websocket-accept") != accept()) return "Sec-WebSocket-Accept is not of this key";
    // "… indicates the use of an extension that was not present in the client's handshake": we ask for none.
    if (has(lines, "sec-websocket-extensions")) return "the server uses an extension";
    protocol = field(lines, "sec-websocket-protocol");
    // Browsers go further than the RFC here: what they offer must be chosen from (WebSockets Standard §2).
    if (protocols == "" ? has(lines, "sec-websocket-protocol") : protocols.split(", ").indexOf(protocol) < 0) {
      return "the server has not chosen one of the protocols that were offered";
    }
    return null;
  }

  function accept():String {
    var text = new ByteArray();
    text.writeUTFBytes(key + GUID);
    return base64(Sha1.digest(text));
  }

  static function has(lines:Array<String>, name:String):Bool {
    for (line in lines) {
      if (isNamed(line, name)) return true;
    }
    return false;
  }

  /** The values of all fields of this name, as one list. **/
  static function field(lines:Array<String>, name:String):String {
    var values = [];
    for (line in lines) {
      if (isNamed(line, name)) {
        values.push(new RegExp("^[ \\t]*(.*?)[ \\t]*$").exec(line.substr(name.length + 1))[1]);
      }
    }
    return values.join(", ");
  }

  static function isNamed(line:String, name:String):Bool {
    return line.substr(0, name.length + 1).toLowerCase() == name + ":";
  }

  static function base64(bytes:ByteArray):String {
    var out = "";
    var i = 0, count = Std.int(bytes.length);
    while (i < count) {
      var three = bytes[i] << 16 | (i + 1 < count ? bytes[i + 1] << 8 : 0) | (i + 2 < count ? bytes[i + 2] : 0);
      out += ALPHABET.charAt(three >> 18) + ALPHABET.charAt(three >> 12 & 63);
      out += (i + 1 < count ? ALPHABET.charAt(three >> 6 & 63) : "=") + (i + 2 < count ? ALPHABET.charAt(three & 63) : "=");
      i += 3;
    }
    return out;
  }
}
