import flash.utils.ByteArray;

/** SHA-1 (FIPS 180-4 §6.1). **/
class Sha1 {
  /** The 20 bytes of the digest. **/
  public static function digest(message:ByteArray):ByteArray {
    var bytes = padded(message);
    var a = 0x67452301, b = 0xEFCDAB89, c = 0x98BADCFE, d = 0x10325476, e = 0xC3D2E1F0;
    var w:Array<Int> = [];
    for (block in 0...Std.int(bytes.length / 64)) {
      var a0 = a, b0 = b, c0 = c, d0 = d, e0 = e;
      for (t in 0...80) {
        w[t] = t < 16 ? bytes.readInt() : rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
        var next = rotate(a, 5) + mix(t, b, c, d) + e + w[t];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
      }
      a += a0;
      b += b0;
      c += c0;
      d += d0;
      e += e0;
    }
    var out = new ByteArray();
    for (word in [a, b, c, d, e]) {
      out.writeInt(word);
    }
    return out;
  }

  static function padded(message:ByteArray):ByteArray {
    var bytes = new ByteArray();
    bytes.writeBytes(message);
    bytes.writeByte(0x80);
    while (bytes.length % 64 != 56) {
      bytes.writeByte(0);
    }
    bytes.writeInt(0);
    bytes.writeInt(message.length * 8);
    bytes.position = 0;
    return bytes;
  }

  static function rotate(word:Int, by:Int):Int {
    return (word << by) | (word >>> (32 - by));
  }

  // The function of step t with its constant.
  static function mix(t:Int, b:Int, c:Int, d:Int):Int {
    return if (t < 20) ((b & c) | (~b & d)) + 0x5A827999
      else if (t < 40) (b ^ c ^ d) + 0x6ED9EBA1
      else if (t < 60) ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDC
      else (b ^ c ^ d) + 0xCA62C1D6;
  }
}
