import flash.Lib;
import flash.system.System;
import flash.utils.ByteArray;

/**
  Bytes for keys and masks. Flash Player 10 has no generator for them, and its `Math.random` can be guessed from what it gave before: so
  each piece is a digest over a pool that is never seen, and that takes in clocks, memory in use and `Math.random`.
**/
class Entropy {
  static var pool = new ByteArray();

  /** `count` bytes, at most 20. **/
  public static function bytes(count:Int):ByteArray {
    stir();
    // Another digest than the pool's, which stays unknown.
    pool[0] = pool[0] ^ 0xFF;
    var out = Sha1.digest(pool);
    pool[0] = pool[0] ^ 0xFF;
    out.length = count;
    return out;
  }

  static function stir() {
    for (i in 0...4) {
      pool.writeDouble(Math.random());
    }
    pool.writeDouble(Date.now().getTime());
    pool.writeInt(Lib.getTimer());
    pool.writeInt(System.totalMemory);
    pool = Sha1.digest(pool);
  }
}
