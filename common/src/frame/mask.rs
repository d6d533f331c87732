//! Masking (RFC 6455 §5.3).

/// Masks or unmasks `bytes` in place; the first of them lies at `offset` in the payload.
pub(crate) fn mask(key: [u8; 4], offset: u64, bytes: &mut [u8]) {
    // §5.3: "octet i of the transformed data ... is the XOR of octet i of the original data ... with octet at index
    // i modulo 4 of the masking key"
    let mut key = key;
    key.rotate_left((offset % 4) as usize);
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    // Eight bytes at a time: the compiler turns this into vector instructions.
    let (chunks, tail) = bytes.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(key.into_iter().cycle()) {
        *byte ^= key;
    }
}
