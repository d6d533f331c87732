import flash.utils.ByteArray;

/** Checks the UTF-8 of one message (RFC 3629 §4), which may come in parts that end inside a character. **/
class Utf8 {
  /** Continuation bytes that the character still needs, and what the next one may be. **/
  var left = 0;
  var low = 0x80;
  var high = 0xBF;

  public function new() {}

  /** True unless no text begins with these bytes behind those before. **/
  public function feed(bytes:ByteArray, begin:Int, end:Int):Bool {
    for (i in begin...end) {
      var byte = bytes[i];
      if (left > 0) {
        if (byte < low || byte > high) {
          return false;
        }
        low = 0x80;
        high = 0xBF;
        left--;
      } else if (byte >= 0x80 && !lead(byte)) {
        return false;
      }
    }
    return true;
  }

  public function isWhole():Bool {
    return left == 0;
  }

  // No overlong forms (C0, C1, E0 80, F0 80), no surrogates (ED A0), nothing above U+10FFFF (F4 90, F5).
  function lead(byte:Int):Bool {
    if (byte < 0xC2 || byte > 0xF4) {
      return false;
    }
    left = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    if (byte == 0xE0) low = 0xA0;
    if (byte == 0xED) high = 0x9F;
    if (byte == 0xF0) low = 0x90;
    if (byte == 0xF4) high = 0x8F;
    return true;
  }
}
