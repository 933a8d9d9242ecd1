// SPDX-License-Identifier: Apache-2.0

/**
 * Bytes and bits, read and written in order.
 *
 * Every end checks each access and remembers its first failure: a codec reads or writes a whole
 * record and looks once at `isFailed`. After a failure a reader gives zeros and a writer writes
 * nothing. All integers are little-endian. Numbers that may not fit a safe integer are BigInts.
 */

const textDecoder = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});
const textEncoder = new TextEncoder();
const controlCharacters = /[\u0000-\u001f\u007f-\u009f]/;
const emptyBytes = new Uint8Array(0);

// Varints beyond this are not needed by anything that a client reads or writes.
const VARINT_MAX = Number.MAX_SAFE_INTEGER;

/**
 * The bytes of a text in UTF-8.
 * @param {string} text
 * @returns {Uint8Array}
 */
export function encodeText(text) {
  return textEncoder.encode(text);
}

/**
 * Bytes as a text, if they are UTF-8 without control characters.
 * @param {Uint8Array} bytes
 * @returns {string | undefined}
 */
export function decodeText(bytes) {
  let text;
  try {
    text = textDecoder.decode(bytes);
  } catch {
    return undefined;
  }
  return controlCharacters.test(text) ? undefined : text;
}

/**
 * The bytes of a text in Base64.
 * @param {string} text
 * @returns {Uint8Array}
 */
export function decodeBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/**
 * Bits that hold every number up to `max`: 0 for 0, 8 for 255.
 * @param {number} max in [0, 2^32 - 1]
 */
export function bitsFor(max) {
  return 32 - Math.clz32(max);
}

/** Reads bytes. */
export class ByteReader {
  /** @param {Uint8Array} bytes not copied */
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.offset = 0;
    this.isFailed = false;
  }

  /** Bytes that are left. */
  get left() {
    return this.isFailed ? 0 : this.bytes.length - this.offset;
  }

  /** True if all was read and nothing was wrong. */
  get isRead() {
    return !this.isFailed && this.offset === this.bytes.length;
  }

  fail() {
    this.isFailed = true;
    return 0;
  }

  // Where the next bytes begin, or -1 if there are not so many.
  take(count) {
    if (this.isFailed || count > this.bytes.length - this.offset) {
      this.isFailed = true;
      return -1;
    }
    this.offset += count;
    return this.offset - count;
  }

  u8() {
    const at = this.take(1);
    return at < 0 ? 0 : this.bytes[at];
  }

  i8() {
    return (this.u8() << 24) >> 24;
  }

  u16() {
    const at = this.take(2);
    return at < 0 ? 0 : this.view.getUint16(at, true);
  }

  u32() {
    const at = this.take(4);
    return at < 0 ? 0 : this.view.getUint32(at, true);
  }

  /** A u64 of at most `max`, itself a safe integer. */
  u64(max = VARINT_MAX) {
    const low = this.u32();
    const value = this.u32() * 0x100000000 + low;
    return value > max ? this.fail() : value;
  }

  f32() {
    const at = this.take(4);
    return at < 0 ? 0 : this.view.getFloat32(at, true);
  }

  /** Seven bits a byte, lowest first; longer forms than needed fail. */
  varint(max = VARINT_MAX) {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
      const byte = this.u8();
      if (this.isFailed || (byte === 0 && scale > 1)) {
        return this.fail();
      }
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        return value > max ? this.fail() : value;
      }
    }
    return this.fail();
  }

  /** The next bytes, in place; empty if there are fewer. */
  space(count) {
    const at = this.take(count);
    return at < 0 ? emptyBytes : this.bytes.subarray(at, at + count);
  }

  /** All bytes that are left, in place. */
  rest() {
    return this.space(this.left);
  }

  /** A varint of the length, then UTF-8 without control characters. */
  text(bytesMax) {
    const text = decodeText(this.space(this.varint(bytesMax)));
    if (text === undefined || this.isFailed) {
      this.isFailed = true;
      return '';
    }
    return text;
  }
}

/** Writes bytes into memory of a fixed size. */
export class ByteWriter {
  /** @param {number | Uint8Array} space how many bytes, or where */
  constructor(space) {
    this.bytes = typeof space === 'number' ? new Uint8Array(space) : space;
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    this.length = 0;
    this.isFailed = false;
  }

  /** Bytes that still fit. */
  get left() {
    return this.bytes.length - this.length;
  }

  // Where the next bytes go, or -1 if there is no room.
  take(count) {
    if (this.isFailed || count > this.left) {
      this.isFailed = true;
      return -1;
    }
    this.length += count;
    return this.length - count;
  }

  u8(value) {
    const at = this.take(1);
    if (at >= 0) {
      this.bytes[at] = value;
    }
  }

  u16(value) {
    const at = this.take(2);
    if (at >= 0) {
      this.view.setUint16(at, value, true);
    }
  }

  u32(value) {
    const at = this.take(4);
    if (at >= 0) {
      this.view.setUint32(at, value, true);
    }
  }

  /** A safe integer as a u64. */
  u64(value) {
    this.u32(value % 0x100000000);
    this.u32(Math.floor(value / 0x100000000));
  }

  f32(value) {
    const at = this.take(4);
    if (at >= 0) {
      this.view.setFloat32(at, value, true);
    }
  }

  /** A safe integer, as ByteReader.varint() reads it. */
  varint(value) {
    while (value >= 0x80) {
      this.u8((value % 0x80) | 0x80);
      value = Math.floor(value / 0x80);
    }
    this.u8(value);
  }

  space(bytes) {
    const at = this.take(bytes.length);
    if (at >= 0) {
      this.bytes.set(bytes, at);
    }
  }

  text(text) {
    const bytes = encodeText(text);
    this.varint(bytes.length);
    this.space(bytes);
  }

  /** What was written, in place. */
  finish() {
    return this.bytes.subarray(0, this.length);
  }
}

/** Reads bits: bit i of a stream is bit i % 8 of byte i / 8. */
export class BitReader {
  /** @param {Uint8Array} bytes not copied, at most 2^28 */
  constructor(bytes) {
    this.bytes = bytes;
    this.bitEnd = bytes.length * 8;
    this.bitIndex = 0;
    this.isFailed = false;
  }

  /** Bits that are left. */
  get left() {
    return this.bitEnd - this.bitIndex;
  }

  fail() {
    this.isFailed = true;
    return 0;
  }

  /** The next bits as an unsigned number: at most 32. */
  get(bitCount) {
    const index = this.bitIndex;
    if (this.isFailed || bitCount > this.bitEnd - index) {
      return this.fail();
    }
    this.bitIndex = index + bitCount;
    const bytes = this.bytes;
    const at = index >>> 3;
    const skipped = index & 7;
    // Beyond the end there is `undefined`, which is 0 here.
    let word = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    if (skipped > 0) {
      word = (word >>> skipped) | (bytes[at + 4] << (32 - skipped));
    }
    return bitCount === 32 ? word >>> 0 : word & ((1 << bitCount) - 1);
  }

  /** The next 32 bits without taking them, as a signed number; zeros past the end. */
  peek() {
    const bytes = this.bytes;
    const at = this.bitIndex >>> 3;
    const skipped = this.bitIndex & 7;
    const word = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    return (word >>> skipped) | ((bytes[at + 4] << 1) << (31 - skipped));
  }

  /** Takes bits that peek() has shown. */
  skip(bitCount) {
    if (this.isFailed || bitCount > this.bitEnd - this.bitIndex) {
      this.isFailed = true;
      return;
    }
    this.bitIndex += bitCount;
  }

  /** True if the next bit is set. */
  bool() {
    return this.get(1) !== 0;
  }

  /** The next bits as a BigInt: at most 64. */
  big(bitCount) {
    const low = this.get(Math.min(bitCount, 32));
    const high = bitCount > 32 ? this.get(bitCount - 32) : 0;
    return this.isFailed ? 0n : (BigInt(high) << 32n) | BigInt(low);
  }

  /** Counts ones up to a zero, which is taken too, or up to `max` of them. */
  ones(max) {
    let count = 0;
    while (count < max && this.get(1) !== 0) {
      count++;
    }
    return count;
  }

  /** Groups of 7 bits, lowest first, and one that says that more follow. */
  varint(max = VARINT_MAX) {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
      const group = this.get(8);
      if (this.isFailed || (group === 0 && scale > 1)) {
        return this.fail();
      }
      value += (group & 0x7f) * scale;
      if (group < 0x80) {
        return value > max ? this.fail() : value;
      }
    }
    return this.fail();
  }

  /** Goes to the next whole byte; a bit that is set on the way fails. */
  align() {
    if (this.get(-this.bitIndex & 7) !== 0) {
      this.fail();
    }
  }
}

/** Writes bits into memory of a fixed size. */
export class BitWriter {
  /** @param {number} byteCount */
  constructor(byteCount) {
    this.bytes = new Uint8Array(byteCount);
    this.bitCount = 0;
    this.isFailed = false;
  }

  /** Appends the lowest bits of an unsigned number, or of a BigInt. */
  put(value, bitCount) {
    if (this.isFailed || bitCount > this.bytes.length * 8 - this.bitCount) {
      this.isFailed = true;
      return;
    }
    const bits = BigInt(value);
    for (let i = 0; i < bitCount; i++) {
      if ((bits >> BigInt(i)) & 1n) {
        this.bytes[this.bitCount >>> 3] |= 1 << (this.bitCount & 7);
      }
      this.bitCount++;
    }
  }

  /** As BitReader.varint() reads it. */
  varint(value) {
    while (value >= 0x80) {
      this.put((value % 0x80) | 0x80, 8);
      value = Math.floor(value / 0x80);
    }
    this.put(value, 8);
  }

  /** What was written, the last byte filled up with zeros. */
  finish() {
    return this.bytes.subarray(0, (this.bitCount + 7) >>> 3);
  }
}
