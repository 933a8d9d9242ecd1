// SPDX-License-Identifier: Apache-2.0

// The packets of a session as bytes: docs/protocol/session.md. What they mean to a session is the
// business of session.js.

import {ByteReader, ByteWriter, decodeText, encodeText} from './bits.js';

export const VERSION = 1;
export const PACKET_BYTES_MAX = 1200;
export const PACKET_BYTES_MIN = 3;
export const FRAGMENT_BYTES = 288;
export const FRAGMENTS_MAX = 32;
export const BLOBS_MAX = 8;
export const WINDOW_MIN = 4;
export const WINDOW_MAX = 256;
export const ACK_BITS_MAX = 56;

const CLOSE_TEXT_BYTES_MAX = 200;
const DELAY_INTERVAL = 8;
const DELAY_UNIT_US = 512;
const DELAY_MAX = 255;

const TAG_PART = 0x01;
const TAG_LAST = 0x02;
const TAG_WINDOW = 0x03;
const TAG_BLOB = 0x40;
const TAG_BLOB_LAST = 0x80;
const TAG_GROUP = 0xc0;
const KIND_MASK = 0x3f;
const HEAD_HAS_ACK = 0x08;
const HEAD_ACK_BYTES = 0x07;

// Of records, before their bytes.
const PART_HEAD_BYTES = 3;
const LAST_HEAD_BYTES = 7;
const BLOB_HEAD_BYTES = 3;
const BLOB_LAST_HEAD_BYTES = 1;

/** Why a session ends; other numbers are kept as they come. */
export const CloseReason = Object.freeze({
  none: 0,
  left: 1,
  kicked: 2,
  refused: 3,
  full: 4,
  draining: 5,
  replaced: 6,
  version: 7,
  protocol: 8,
  limit: 9,
  ended: 10,
  unreachable: 11,
});

/**
 * A close packet, which needs no session.
 * @param {number} reason one of CloseReason
 * @param {string} text for people; cut at 200 bytes
 */
export function writeClose(reason, text = '') {
  let bytes = encodeText(text);
  if (bytes.length > CLOSE_TEXT_BYTES_MAX) {
    let length = CLOSE_TEXT_BYTES_MAX;
    while ((bytes[length] & 0xc0) === 0x80) {
      length--; // not in the middle of a character
    }
    bytes = bytes.subarray(0, length);
  }
  return Uint8Array.of(0, reason, bytes.length, ...bytes);
}

/**
 * Reads a close packet.
 * @param {Uint8Array} bytes at least 3
 * @returns {{reason: number, text: string} | undefined} undefined if it is none
 */
export function readClose(bytes) {
  const isWhole = bytes[0] === 0 && bytes[1] !== 0 && bytes[2] <= CLOSE_TEXT_BYTES_MAX &&
    bytes.length === 3 + bytes[2];
  return isWhole ? {reason: bytes[1], text: decodeText(bytes.subarray(3)) ?? ''} : undefined;
}

// Taking a packet apart; nothing of the session is looked at. `isFailed` of the reader tells.

function parseHeader(reader, packet) {
  const head = reader.u8();
  packet.sequence = reader.u16();
  const ackByteCount = head & HEAD_ACK_BYTES;
  if ((head & HEAD_HAS_ACK) === 0) {
    reader.isFailed ||= ackByteCount !== 0;
    return;
  }
  packet.hasAck = true;
  packet.ack = reader.u16();
  packet.ackBytes = reader.space(ackByteCount);
  if (packet.sequence % DELAY_INTERVAL === 0) {
    const delay = reader.u8();
    packet.delayUs = delay < DELAY_MAX ? delay * DELAY_UNIT_US : undefined;
  }
}

function parseFragment(reader, isLast, packet) {
  const sequence = reader.u16();
  const kind = isLast ? reader.u16() : 0;
  const length = isLast ? reader.u16() : FRAGMENT_BYTES;
  if (packet.fragments.length === FRAGMENTS_MAX || length > FRAGMENT_BYTES) {
    reader.fail();
    return;
  }
  packet.fragments.push({sequence, isLast, kind, bytes: reader.space(length)});
}

function parseBlob(reader, tag, packet) {
  const isLast = (tag & TAG_GROUP) === TAG_BLOB_LAST;
  const length = isLast ? reader.left : reader.u16();
  if (packet.blobs.length === BLOBS_MAX) {
    reader.fail();
    return;
  }
  packet.blobs.push({kind: tag & KIND_MASK, bytes: reader.space(length)});
}

function parseWindow(reader, packet) {
  if (packet.window !== 0) {
    reader.fail();
  }
  packet.window = reader.u16();
  if (packet.window < WINDOW_MIN || packet.window > WINDOW_MAX) {
    reader.fail();
  }
}

/**
 * Reads any other packet; its blobs and fragments are in place.
 * @param {Uint8Array} bytes
 * @returns {object | undefined} undefined if it is none
 */
export function parsePacket(bytes) {
  const reader = new ByteReader(bytes);
  const packet = {
    sequence: 0, hasAck: false, ack: 0, ackBytes: undefined, delayUs: undefined, window: 0,
    fragments: [], blobs: [],
  };
  parseHeader(reader, packet);
  while (reader.left > 0) {
    const tag = reader.u8();
    const group = tag & TAG_GROUP;
    if (group === TAG_BLOB || group === TAG_BLOB_LAST) {
      parseBlob(reader, tag, packet);
    } else if (tag === TAG_PART || tag === TAG_LAST) {
      parseFragment(reader, tag === TAG_LAST, packet);
    } else if (tag === TAG_WINDOW) {
      parseWindow(reader, packet);
    } else {
      reader.fail();
    }
  }
  return reader.isFailed ? undefined : packet;
}

/** Writes one packet. */
export class PacketWriter extends ByteWriter {
  constructor() {
    super(PACKET_BYTES_MAX);
    this.blobCount = 0;
    this.hasFragments = false;
  }

  /**
   * The first record, without which there is no packet.
   * @param {number} sequence
   * @param {{number: number, bytes: Uint8Array, delayUs: number} | undefined} ack
   */
  header(sequence, ack) {
    this.u8((VERSION << 4) | (ack ? HEAD_HAS_ACK | ack.bytes.length : 0));
    this.u16(sequence & 0xffff);
    if (!ack) {
      return;
    }
    this.u16(ack.number & 0xffff);
    this.space(ack.bytes);
    if (sequence % DELAY_INTERVAL === 0) {
      this.u8(Math.min(Math.floor(Math.max(ack.delayUs, 0) / DELAY_UNIT_US), DELAY_MAX));
    }
  }

  window(fragmentCount) {
    this.u8(TAG_WINDOW);
    this.u16(fragmentCount);
  }

  /** The bytes that a fragment takes. */
  static fragmentSpace(fragment) {
    return (fragment.isLast ? LAST_HEAD_BYTES : PART_HEAD_BYTES) + fragment.bytes.length;
  }

  fragment({number, isLast, kind, bytes}) {
    this.u8(isLast ? TAG_LAST : TAG_PART);
    this.u16(number & 0xffff);
    if (isLast) {
      this.u16(kind);
      this.u16(bytes.length);
    }
    this.space(bytes);
    this.hasFragments = true;
  }

  /** The most bytes of a blob that can follow; negative if none can. */
  blobSpace(isLast) {
    const space = this.left - (isLast ? BLOB_LAST_HEAD_BYTES : BLOB_HEAD_BYTES);
    return this.blobCount < BLOBS_MAX ? space : -1;
  }

  blob(kind, bytes, isLast) {
    this.u8((isLast ? TAG_BLOB_LAST : TAG_BLOB) | kind);
    if (!isLast) {
      this.u16(bytes.length);
    }
    this.space(bytes);
    this.blobCount = isLast ? BLOBS_MAX : this.blobCount + 1;
  }
}
