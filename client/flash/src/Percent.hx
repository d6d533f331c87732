import flash.utils.ByteArray;

/**
  Bytes as ASCII text that ExternalInterface carries unharmed in both directions: it breaks on backslashes, on control characters and
  on U+2028, and a NUL ends its strings. Letters, digits, `-`, `.` and `_` stand for themselves, every other byte is `%XX`.
**/
class Percent {
  static inline var HEX = "0123456789ABCDEF";
  static inline var PERCENT = 0x25;

  public static function encode(bytes:ByteArray):String {
    var out = new ByteArray();
    for (i in 0...Std.int(bytes.length)) {
      var byte = bytes[i];
      if (isPlain(byte)) {
        out.writeByte(byte);
      } else {
        out.writeByte(PERCENT);
        out.writeByte(HEX.charCodeAt(byte >> 4));
        out.writeByte(HEX.charCodeAt(byte & 15));
      }
    }
    return ascii(out);
  }

  /** The bytes of such a text, and of what `encodeURIComponent` makes; null if it is neither. **/
  public static function decode(text:String):ByteArray {
    var out = new ByteArray();
    var i = 0;
    while (i < text.length) {
      var code = text.charCodeAt(i++);
      if (code < 0x21 || code > 0x7E) {
        return null;
      }
      if (code == PERCENT) {
        var high = digit(text, i++), low = digit(text, i++);
        if (high < 0 || low < 0) {
          return null;
        }
        code = high << 4 | low;
      }
      out.writeByte(code);
    }
    return out;
  }

  /** Bytes of which each is a character below 128 and none is 0. **/
  public static function ascii(bytes:ByteArray):String {
    bytes.position = 0;
    return bytes.readUTFBytes(bytes.length);
  }

  static function digit(text:String, at:Int):Int {
    return at < text.length ? HEX.indexOf(text.charAt(at).toUpperCase()) : -1;
  }

  static function isPlain(byte:Int):Bool {
    return byte >= 0x61 && byte <= 0x7A || byte >= 0x41 && byte <= 0x5A || byte >= 0x30 && byte <= 0x39 || byte == 0x2D || byte == 0x2E
      || byte == 0x5F;
  }
}
