import flash.Lib;
import flash.events.TimerEvent;
import flash.external.ExternalInterface;
import flash.system.Security;
import flash.utils.ByteArray;
import flash.utils.Timer;

/**
  The door to the page. It calls four functions, whose texts are percent-encoded:

      socketOpen(id, url, protocols)   socketSend(id, text)   socketClose(id, code, reason)   socketPolicy(url)

  and takes what has happened by `socketEvents()`: events end with `;`, their values are separated by `,`: the id and the kind first. Flash
  may not be called from inside its own call, so we only say that there is something to take, and say it again until it is taken.
**/
class Main {
  static inline var NEWS = "WEB_SOCKET_FLASH_EVENT";
  /** Milliseconds between two looks at the clocks of all connections. **/
  static inline var TICK = 250;

  /** The host that this file came from, the only one that is connected to, and its origin; null if it came by no HTTP. **/
  static var home = Address.page(Lib.current.loaderInfo.url);
  static var clients:Array<Client> = [];
  static var events = "";

  static function main() {
    if (!ExternalInterface.available) {
      return;
    }
    ExternalInterface.addCallback("socketOpen", open);
    ExternalInterface.addCallback("socketSend", send);
    ExternalInterface.addCallback("socketClose", close);
    ExternalInterface.addCallback("socketPolicy", policy);
    ExternalInterface.addCallback("socketEvents", take);
    var timer = new Timer(TICK);
    timer.addEventListener(TimerEvent.TIMER, tick);
    timer.start();
    tell(0, ["ready"]);
  }

  static function open(id:Int, url:String, protocols:String) {
    var address = Address.parse(text(url)), offered = text(protocols);
    if (home == null || address == null || address.host != home.host || !Handshake.areProtocols(offered)) {
      return refuse(id, "only ws: URLs of the host that WebSocketMain.swf came from are opened over Flash");
    }
    try {
      clients[id] = new Client(address, home.origin, offered, tell.bind(id));
    } catch (error:Dynamic) {
      refuse(id, "Flash opens no socket: " + error);
    }
  }

  static function refuse(id:Int, why:String) {
    var bytes = new ByteArray();
    bytes.writeUTFBytes(why);
    tell(id, ["error", Percent.encode(bytes)]);
    tell(id, ["close", "1006", "0", ""]);
  }

  static function send(id:Int, message:String):Bool {
    var client = clients[id], payload = Percent.decode(message);
    return client != null && payload != null && client.send(payload);
  }

  static function close(id:Int, code:Int, reason:String) {
    var client = clients[id], bytes = Percent.decode(reason);
    if (client != null && bytes != null) {
      client.close(code, bytes);
    }
  }

  /** Asks this server which sockets may be opened: of our host, like all. **/
  static function policy(url:String):Bool {
    var address = Address.parsePolicy(text(url));
    if (home == null || address == null || address.host != home.host) {
      return false;
    }
    Security.loadPolicyFile("xmlsocket://" + address.host + ":" + address.port);
    return true;
  }

  static function take():String {
    var taken = events;
    events = "";
    return taken;
  }

  static function tell(id:Int, values:Array<String>) {
    var isNews = events == "";
    events += id + "," + values.join(",") + ";";
    if (isNews) {
      say();
    }
  }

  static function say() {
    try {
      ExternalInterface.call(NEWS);
    } catch (_:Dynamic) {
      // The page is going away, or Flash is being called: `tick` says it again.
    }
  }

  static function tick(_) {
    for (id in 0...clients.length) {
      if (clients[id] != null && clients[id].tick()) {
        clients[id] = null;
      }
    }
    if (events != "") {
      say();
    }
  }

  // What is not ASCII stands in no URL and no protocol; a NUL would end the text.
  static function text(encoded:String):String {
    var bytes = Percent.decode(encoded);
    return bytes == null ? "\x00" : [for (i in 0...Std.int(bytes.length)) String.fromCharCode(bytes[i])].join("");
  }
}
