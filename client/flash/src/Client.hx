import flash.Lib;
import flash.events.Event;
import flash.events.IOErrorEvent;
import flash.events.ProgressEvent;
import flash.events.SecurityErrorEvent;
import flash.net.Socket;
import flash.utils.ByteArray;

/**
  One connection, from `connect` to the end of its socket:

      CONNECTING ──▶ HANDSHAKE ──▶ OPEN ──▶ CLOSING ──▶ ENDED
      policy, TCP     101, or no    frames   Close        the socket is closed, or lingers until the server has closed it
**/
class Client {
  static inline var CONNECTING = 0;
  static inline var HANDSHAKE = 1;
  static inline var OPEN = 2;
  static inline var CLOSING = 3;
  static inline var ENDED = 4;

  // Milliseconds. A firewall that drops what goes to port 843 holds an explicit policy file up for about 20 s.
  static inline var CONNECT_TIMEOUT = 30000;
  static inline var HANDSHAKE_TIMEOUT = 20000;
  static inline var CLOSE_TIMEOUT = 10000;
  static inline var LINGER = 2000;
  /** Bytes: the most that the head of the server's answer may have. **/
  static inline var MAX_HEAD = 16384;
  static inline var NO_STATUS = 1005;
  static inline var ABNORMAL = 1006;

  var state = CONNECTING;
  /** When the state ends in failure, on Flash's clock. **/
  var deadline:Int;
  var socket = new Socket();
  var address:Address;
  var handshake:Handshake;
  var origin:String;
  var tell:Array<String>->Void;
  var head = "";
  var frames = new Frames();
  var message = new ByteArray();
  var text = new Utf8();
  /** The code and reason of the server's Close; 1006 before it has sent one. **/
  var closeCode = ABNORMAL;
  var closeReason = new ByteArray();

  /** `tell` gets what happens: a kind and its values, percent-encoded. **/
  public function new(address:Address, origin:String, protocols:String, tell:Array<String>->Void) {
    this.address = address;
    this.origin = origin;
    this.tell = tell;
    handshake = new Handshake(protocols);
    socket.addEventListener(Event.CONNECT, onConnect);
    socket.addEventListener(ProgressEvent.SOCKET_DATA, onData);
    socket.addEventListener(Event.CLOSE, onEnd);
    socket.addEventListener(IOErrorEvent.IO_ERROR, onError);
    socket.addEventListener(SecurityErrorEvent.SECURITY_ERROR, onRefused);
    socket.timeout = CONNECT_TIMEOUT;
    wait(CONNECT_TIMEOUT);
    socket.connect(address.name(), address.port);
  }

  /** False once nothing can be sent any more. **/
  public function send(payload:ByteArray):Bool {
    return state == OPEN && write(Frames.masked(Frames.TEXT, payload));
  }

  /** Begins the closing handshake; before the connection is open it fails instead. The reason is UTF-8 of at most 123 bytes. **/
  public function close(code:Int, reason:ByteArray) {
    if (state < OPEN) {
      fail("closed before it was open", 0);
    } else if (state == OPEN) {
      state = CLOSING;
      wait(CLOSE_TIMEOUT);
      write(Frames.masked(Frames.CLOSE, closePayload(code, reason)));
    }
  }

  /** Looks at the clock; true once the socket is gone for good. **/
  public function tick():Bool {
    if (Lib.getTimer() - deadline < 0 || state == OPEN) {
      return false;
    }
    switch (state) {
      case CONNECTING: fail("no connection within " + CONNECT_TIMEOUT + " ms: a firewall, or the policy", 0);
      case HANDSHAKE: fail("no answer to the opening handshake within " + HANDSHAKE_TIMEOUT + " ms", 0);
      case CLOSING: end();
      default:
    }
    shut();
    return true;
  }

  function onConnect(_) {
    if (state != CONNECTING) {
      return;
    }
    state = HANDSHAKE;
    wait(HANDSHAKE_TIMEOUT);
    var request = new ByteArray();
    request.writeUTFBytes(handshake.request(address, origin));
    write(request);
  }

  function onData(_) {
    var bytes = new ByteArray();
    socket.readBytes(bytes, 0, socket.bytesAvailable);
    if (state == HANDSHAKE) {
      bytes = readHead(bytes);
    }
    if (state == OPEN || state == CLOSING) {
      frames.push(bytes);
      readFrames();
    }
  }

  // Takes the head's bytes, and gives those behind it.
  function readHead(bytes:ByteArray):ByteArray {
    bytes.position = 0;
    while (bytes.bytesAvailable > 0 && head.substr(-4) != "\r\n\r\n") {
      head += String.fromCharCode(bytes.readUnsignedByte());
      if (head.length > MAX_HEAD) {
        fail("the head of the answer has more than " + MAX_HEAD + " bytes", 0);
        return bytes;
      }
    }
    var rest = new ByteArray();
    if (bytes.bytesAvailable > 0) {
      bytes.readBytes(rest);
    }
    if (head.substr(-4) == "\r\n\r\n") {
      var why = handshake.check(head.substr(0, head.length - 4));
      if (why != null) {
        fail(why, 0);
      } else {
        state = OPEN;
        tell(["open", quote(handshake.protocol)]);
      }
    }
    return rest;
  }

  function readFrames() {
    // §5.5.1: nothing follows a Close.
    while (state != ENDED && closeCode == ABNORMAL) {
      var frame = frames.next();
      if (frame == null) {
        if (frames.code != 0) {
          fail(frames.reason, frames.code);
        }
        return;
      }
      switch (frame.opcode) {
        // §5.5.2: "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in response, unless it already received a Close frame."
        case Frames.PING: write(Frames.masked(Frames.PONG, frame.payload));
        case Frames.PONG:
        case Frames.CLOSE: return onClose(frame.payload);
        default: onFragment(frame.payload, frame.isLast);
      }
    }
  }

  function onFragment(payload:ByteArray, isLast:Bool) {
    // §8.1: "the endpoint MUST _Fail the WebSocket Connection_".
    if (!text.feed(payload, 0, payload.length) || isLast && !text.isWhole()) {
      return fail("a message that is not UTF-8", Frames.INVALID);
    }
    message.writeBytes(payload);
    if (isLast) {
      if (state == OPEN) {
        tell(["message", Percent.encode(message)]);
      }
      message = new ByteArray();
      text = new Utf8();
    }
  }

  function onClose(payload:ByteArray) {
    var code = NO_STATUS, reason = new ByteArray();
    if (payload.length > 0) {
      code = payload.length > 1 ? payload[0] << 8 | payload[1] : 0;
      if (!mayBeReceived(code)) {
        return fail("a Close with a code that must not be sent", Frames.PROTOCOL);
      }
      if (payload.length > 2) {
        reason.writeBytes(payload, 2);
      }
      var utf8 = new Utf8();
      if (!utf8.feed(reason, 0, reason.length) || !utf8.isWhole()) {
        return fail("a Close whose reason is not UTF-8", Frames.INVALID);
      }
    }
    closeCode = code;
    closeReason = reason;
    if (state == OPEN) {
      // §5.5.1: "If an endpoint receives a Close frame and did not previously send a Close frame, the endpoint MUST send a Close frame in
      // response."
      state = CLOSING;
      tell(["closing"]);
      if (!write(Frames.masked(Frames.CLOSE, closePayload(code, new ByteArray())))) {
        return;
      }
    }
    // §7.1.1: the server "closes the TCP connection immediately", the client waits for it.
    wait(CLOSE_TIMEOUT);
  }

  // §7.4.1, §7.4.2 and the registry of §11.7: 1004 to 1006 and 1015 stand in no frame.
  static function mayBeReceived(code:Int):Bool {
    return code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 || code >= 3000 && code <= 4999;
  }

  static function closePayload(code:Int, reason:ByteArray):ByteArray {
    var payload = new ByteArray();
    if (code != NO_STATUS) {
      payload.writeShort(code);
      payload.writeBytes(reason);
    }
    return payload;
  }

  function onEnd(_) {
    // What came with the end may be here still.
    if (socket.bytesAvailable > 0) {
      onData(null);
    }
    if (state < OPEN) {
      fail("the server closed the connection before it was open", 0);
    } else {
      end();
    }
    shut();
  }

  function onError(event:IOErrorEvent) {
    // Once both have said Close, it makes no difference how the connection ends.
    if (closeCode != ABNORMAL) {
      end();
    } else {
      fail("the connection failed: " + event.text, 0);
    }
    shut();
  }

  function onRefused(event:SecurityErrorEvent) {
    fail("no policy allows this socket: " + event.text, 0);
    shut();
  }

  /** Fails the connection (§7.1.7): with a Close of this code, if there is one and the server can read it. **/
  function fail(why:String, code:Int) {
    if (state == ENDED) {
      return;
    }
    if (code != 0 && state == OPEN && !write(Frames.masked(Frames.CLOSE, closePayload(code, new ByteArray())))) {
      return;
    }
    var wasOpen = state >= OPEN;
    tell(["error", quote(why)]);
    closeCode = ABNORMAL;
    closeReason = new ByteArray();
    end();
    if (!wasOpen) {
      shut();
    }
  }

  // The page hears of the end at once; the socket stays until the server has read what was sent, or a little longer.
  function end() {
    if (state == ENDED) {
      return;
    }
    state = ENDED;
    wait(LINGER);
    tell(["close", "" + closeCode, closeCode == ABNORMAL ? "0" : "1", Percent.encode(closeReason)]);
  }

  function shut() {
    deadline = Lib.getTimer();
    try {
      socket.close();
    } catch (_:Dynamic) {
      // It was closed already.
    }
  }

  function write(bytes:ByteArray):Bool {
    try {
      socket.writeBytes(bytes);
      socket.flush();
      return true;
    } catch (_:Dynamic) {
      fail("the connection is gone", 0);
      return false;
    }
  }

  function wait(milliseconds:Int) {
    deadline = Lib.getTimer() + milliseconds;
  }

  static function quote(text:String):String {
    var bytes = new ByteArray();
    bytes.writeUTFBytes(text);
    return Percent.encode(bytes);
  }
}
