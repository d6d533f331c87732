import flash.utils.ByteArray;

/** A frame whose payload is complete. **/
typedef Frame = {isLast:Bool, opcode:Int, payload:ByteArray}

/** Frames out of the bytes that a server sends, however they are cut (RFC 6455 §5.2), and frames for it. **/
class Frames {
  public static inline var CONTINUATION = 0;
  public static inline var TEXT = 1;
  public static inline var BINARY = 2;
  public static inline var CLOSE = 8;
  public static inline var PING = 9;
  public static inline var PONG = 10;

  public static inline var PROTOCOL = 1002;
  public static inline var UNACCEPTABLE = 1003;
  public static inline var INVALID = 1007;
  public static inline var TOO_LARGE = 1009;

  /** Bytes: the most that a message may have. Flash holds it three times on its way to the page. **/
  public static inline var MAX_MESSAGE = 4194304;
  static inline var MAX_CONTROL = 125;

  var input = new ByteArray();
  /** Where the next frame begins. **/
  var at = 0;
  /** Payload bytes of the message that has begun; -1 between messages. **/
  var begun = -1;
  /** Why the connection fails, once `next` has found it: a code of §7.4.1 and a sentence. **/
  public var code = 0;
  public var reason = "";

  public function new() {}

  public function push(bytes:ByteArray) {
    if (at > 0) {
      var rest = new ByteArray();
      if (at < Std.int(input.length)) {
        rest.writeBytes(input, at);
      }
      input = rest;
      at = 0;
    }
    input.position = input.length;
    input.writeBytes(bytes);
  }

  /** The next frame; null where more bytes are needed, or the server has broken the protocol (`code`). **/
  public function next():Frame {
    var have = Std.int(input.length) - at;
    if (code != 0 || have < 2) return null;
    var first = input[at], second = input[at + 1];
    var opcode = first & 15, isLast = first & 0x80 != 0;
    if (!check(first, second)) return null;
    var head = second < 126 ? 2 : second == 126 ? 4 : 10;
    if (have < head) return null;
    var length = payloadLength(second);
    if (code != 0) return null;
    var total = (opcode == CONTINUATION ? begun : 0) + length;
    if (total > MAX_MESSAGE) return fail(TOO_LARGE, "a message of more than " + MAX_MESSAGE + " bytes");
    if (have < head + length) return null;
    var payload = new ByteArray();
    if (length > 0) {
      payload.writeBytes(input, at + head, length);
    }
    at += head + length;
    if (opcode < CLOSE) {
      begun = isLast ? -1 : total;
    }
    return {isLast: isLast, opcode: opcode, payload: payload};
  }

  // The two bytes that begin each frame.
  function check(first:Int, second:Int):Bool {
    var opcode = first & 15, isLast = first & 0x80 != 0;
    // §5.2: "If a nonzero value is received and none of the negotiated extensions defines the meaning of such a nonzero value, the
    // receiving endpoint MUST _Fail the WebSocket Connection_."
    if (first & 0x70 != 0) fail(PROTOCOL, "a reserved bit is set");
    // §5.1: "A client MUST close a connection if it detects a masked frame."
    else if (second & 0x80 != 0) fail(PROTOCOL, "a masked frame");
    else if (opcode == BINARY) fail(UNACCEPTABLE, "a binary message");
    else if (opcode > PONG || opcode > BINARY && opcode < CLOSE) fail(PROTOCOL, "a reserved opcode");
    // §5.5: "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be fragmented."
    else if (opcode >= CLOSE && (!isLast || second > MAX_CONTROL)) fail(PROTOCOL, "a control frame that is too long or fragmented");
    // §5.4: fragments of one message "MUST NOT be interleaved between the fragments of another message".
    else if (opcode == TEXT && begun >= 0) fail(PROTOCOL, "a message inside another");
    else if (opcode == CONTINUATION && begun < 0) fail(PROTOCOL, "a fragment of no message");
    return code == 0;
  }

  // §5.2: "the minimal number of bytes MUST be used to encode the length".
  function payloadLength(second:Int):Int {
    if (second < 126) return second;
    if (second == 126) {
      var length = input[at + 2] << 8 | input[at + 3];
      if (length < 126) fail(PROTOCOL, "a length in more bytes than it needs");
      return length;
    }
    for (i in 2...7) {
      if (input[at + i] != 0) {
        fail(TOO_LARGE, "a message of more than " + MAX_MESSAGE + " bytes");
      }
    }
    var length = input[at + 7] << 16 | input[at + 8] << 8 | input[at + 9];
    if (length < 65536) fail(PROTOCOL, "a length in more bytes than it needs");
    return length;
  }

  function fail(code:Int, reason:String):Frame {
    if (this.code == 0) {
      this.code = code;
      this.reason = reason;
    }
    return null;
  }

  /** A frame for the server. §5.3: "The masking key is a 32-bit value chosen at random by the client". **/
  public static function masked(opcode:Int, payload:ByteArray):ByteArray {
    var out = new ByteArray(), length = Std.int(payload.length), mask = Entropy.bytes(4);
    out.writeByte(0x80 | opcode);
    if (length < 126) {
      out.writeByte(0x80 | length);
    } else if (length < 65536) {
      out.writeByte(0x80 | 126);
      out.writeShort(length);
    } else {
      out.writeByte(0x80 | 127);
      out.writeInt(0);
      out.writeInt(length);
    }
    out.writeBytes(mask);
    for (i in 0...length) {
      out.writeByte(payload[i] ^ mask[i & 3]);
    }
    return out;
  }
}
