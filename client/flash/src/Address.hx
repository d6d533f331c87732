import flash.utils.RegExp;

/** Where a `ws:` URL leads (RFC 6455 §3). **/
class Address {
  // A host's name or an address; a target without blanks, control characters or a fragment. Nothing else gets into the request.
  static inline var WS = "^ws://([a-z0-9._-]+|\\[[0-9a-f:.]+\\])(?::([0-9]{1,5}))?(/[\\x21\\x22\\x24-\\x7e]*|\\?[\\x21\\x22\\x24-\\x7e]*)?$";
  static inline var POLICY = "^xmlsocket://([a-z0-9._-]+|\\[[0-9a-f:.]+\\]):([0-9]{1,5})/?$";
  static inline var PAGE = "^(https?)://(?:[^/?#@]*@)?([a-z0-9._-]+|\\[[0-9a-f:.]+\\])(:[0-9]+)?([/?#]|$)";
  static inline var DEFAULT_PORT = 80;

  public var host:String;
  public var port:Int;
  /** The request target: path and query. **/
  public var target:String;

  function new() {}

  /** null for a URL that we do not open. **/
  public static function parse(url:String):Address {
    return of(url, WS);
  }

  /** The place of a policy file: `xmlsocket://HOST:PORT`. **/
  public static function parsePolicy(url:String):Address {
    return of(url, POLICY);
  }

  static function of(url:String, pattern:String):Address {
    var parts:Dynamic = new RegExp(pattern, "i").exec(url);
    if (parts == null) {
      return null;
    }
    var address = new Address();
    address.host = parts[1].toLowerCase();
    address.port = isGiven(parts[2]) ? Std.parseInt(parts[2]) : DEFAULT_PORT;
    var target:String = isGiven(parts[3]) ? parts[3] : "/";
    address.target = target.charAt(0) == "?" ? "/" + target : target;
    return address.port > 0 && address.port < 65536 ? address : null;
  }

  /** The Host field (RFC 6455 §4.1: "the port MUST be included if it is not the default"). **/
  public function authority():String {
    return port == DEFAULT_PORT ? host : host + ":" + port;
  }

  /** The host as a socket takes it: an IPv6 address without its brackets. **/
  public function name():String {
    return host.charAt(0) == "[" ? host.substr(1, host.length - 2) : host;
  }

  /** The host of an http or https URL, and its origin (RFC 6454 §6.2); null for any other. **/
  public static function page(url:String):{host:String, origin:String} {
    var parts:Dynamic = new RegExp(PAGE, "i").exec(url);
    if (parts == null) {
      return null;
    }
    var host:String = parts[2].toLowerCase();
    return {host: host, origin: parts[1].toLowerCase() + "://" + host + (isGiven(parts[3]) ? parts[3] : "")};
  }

  static function isGiven(part:Dynamic):Bool {
    return part != null && part != "";
  }
}
