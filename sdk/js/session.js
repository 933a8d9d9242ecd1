// SPDX-License-Identifier: Apache-2.0

// Sessions: what two ends say to each other inside WebSocket messages. docs/protocol/session.md has
// every byte.
//
//     session.begin(nowUs);
//     session.blob(kind, bytes);                     // unreliable, in this packet or never
//     socket.send(session.end());
//     ...
//     const received = session.read(nowUs, packet);  // its blobs
//     for (let m = session.pop(); m; m = session.pop()) { ... } // reliable messages, in order
//
// A packet is the unit that is confirmed or lost, everything else follows from its fate: a fragment
// of a message remembers the packets that carried it. On the wire numbers wrap after 65,535; here
// they are whole, extended when they come in.
//
// What the peer does wrong is a status, never an exception: 'ok', 'malformed', 'version', 'full'
// (messages must be popped first), 'denied' (the session is over).

import {ByteReader, ByteWriter, decodeText, encodeText} from './bits.js';

export const packetBytesMax = 1200;
export const messageBytesMax = 65536;
export const blobsMax = 8;
export const closeTextBytesMax = 200;

const version = 1;
const fragmentBytes = 288;
const fragmentsMax = 32; // in one packet
const sentCount = 256; // packets whose fate may be open
const ackBitsMax = 56;
const receivedCount = 64; // packets of the past that are known to be received
const windowMin = 4; // fragments in flight before the peer has said its window
const windowMax = 256;
const delayInterval = 8;
const delayUnitUs = 512;
const delayMax = 255;

const tagPart = 0x01;
const tagLast = 0x02;
const tagWindow = 0x03;
const tagBlob = 0x40;
const tagBlobLast = 0x80;
const tagGroup = 0xc0;
const kindMask = 0x3f;
const headHasAck = 0x08;
const headAckBytes = 0x07;

const rttUnknownUs = 250000; // assumed until the first sample
const rttSampleUsMax = 60e6; // a longer round trip is a clock that jumped
const reorderSlackUs = 1000;
const timeoutSlackUs = 100000;
const ackOverlap = 8; // acks behind the last one that the peer has, for late packets
const lossShare = 256;

// The first number received is near this one, so that those before it are not negative.
const firstNear = 0x10000;

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

// The number nearest to `near` whose low 16 bits these are.
function extend(low, near) {
  return near + (((low - near) << 16) >> 16);
}

/**
 * A close packet, which needs no session.
 * @param {number} reason one of CloseReason
 * @param {string} text for people; cut at 200 bytes
 */
export function writeClose(reason, text = '') {
  let bytes = encodeText(text);
  if (bytes.length > closeTextBytesMax) {
    let length = closeTextBytesMax;
    while ((bytes[length] & 0xc0) === 0x80) {
      length--; // not in the middle of a character
    }
    bytes = bytes.subarray(0, length);
  }
  return Uint8Array.of(0, reason, bytes.length, ...bytes);
}

function readClose(bytes) {
  const isWhole = bytes[0] === 0 && bytes[1] !== 0 && bytes[2] <= closeTextBytesMax &&
    bytes.length === 3 + bytes[2];
  return isWhole ? {reason: bytes[1], text: decodeText(bytes.subarray(3)) ?? ''} : undefined;
}

// Taking a packet apart; nothing of the session is looked at. `isFailed` of the reader tells.

function parseHeader(reader, packet) {
  const head = reader.u8();
  packet.sequence = reader.u16();
  const ackByteCount = head & headAckBytes;
  if ((head & headHasAck) === 0) {
    reader.isFailed ||= ackByteCount !== 0;
    return;
  }
  packet.hasAck = true;
  packet.ack = reader.u16();
  packet.ackBytes = reader.space(ackByteCount);
  if (packet.sequence % delayInterval === 0) {
    const delay = reader.u8();
    packet.delayUs = delay < delayMax ? delay * delayUnitUs : undefined;
  }
}

function parseFragment(reader, isLast, packet) {
  const sequence = reader.u16();
  const kind = isLast ? reader.u16() : 0;
  const length = isLast ? reader.u16() : fragmentBytes;
  if (packet.fragments.length === fragmentsMax || length > fragmentBytes) {
    reader.fail();
    return;
  }
  packet.fragments.push({sequence, isLast, kind, bytes: reader.space(length)});
}

function parseBlob(reader, tag, packet) {
  const isLast = (tag & tagGroup) === tagBlobLast;
  const length = isLast ? reader.left : reader.u16();
  if (packet.blobs.length === blobsMax) {
    reader.fail();
    return;
  }
  packet.blobs.push({kind: tag & kindMask, bytes: reader.space(length)});
}

function parseWindow(reader, packet) {
  if (packet.window !== 0) {
    reader.fail();
  }
  packet.window = reader.u16();
  if (packet.window < windowMin || packet.window > windowMax) {
    reader.fail();
  }
}

function parsePacket(bytes) {
  const reader = new ByteReader(bytes);
  const packet = {
    sequence: 0, hasAck: false, ack: 0, ackBytes: undefined, delayUs: undefined, window: 0,
    fragments: [], blobs: [],
  };
  parseHeader(reader, packet);
  while (reader.left > 0) {
    const tag = reader.u8();
    const group = tag & tagGroup;
    if (group === tagBlob || group === tagBlobLast) {
      parseBlob(reader, tag, packet);
    } else if (tag === tagPart || tag === tagLast) {
      parseFragment(reader, tag === tagLast, packet);
    } else if (tag === tagWindow) {
      parseWindow(reader, packet);
    } else {
      reader.fail();
    }
  }
  return reader.isFailed ? undefined : packet;
}

/** One end of a connection. Times are in microseconds, of one clock that does not go back. */
export class Session {
  /**
   * @param {object} [options]
   * @param {number} [options.window] fragments that can be received before the first is popped:
   *   a power of two in [4, 256]
   * @param {number} [options.sendFragmentsMax] fragments that may wait to be confirmed
   */
  constructor({window = windowMax, sendFragmentsMax = 512} = {}) {
    this.window = window;
    this.sendFragmentsMax = sendFragmentsMax;
    this.isEnded = false;
    this.isAckOwed = false;

    // Packets received, each number at its place modulo `receivedCount`.
    this.received = new Float64Array(receivedCount).fill(-1);
    this.receivedNewest = -1;
    this.receivedNewestUs = 0;

    // Packets sent, and what the peer is known to know.
    this.sent = new Array(sentCount);
    this.sentNext = 0;
    this.sentOldest = 0; // the first whose fate is open, or sentNext
    this.peerAck = -1;
    this.toldAck = -1;
    this.fates = [];

    this.outgoing = []; // fragments in order, until they are confirmed
    this.sendNext = 0;
    this.peerWindow = 0; // 0 until the peer has said it

    // Fragments from `receiveBase` on, the first that is not popped; `receiveMissing` is the first
    // that is not there, right behind `receiveParts` parts of an unfinished message.
    this.slots = new Array(window);
    this.receiveBase = 0;
    this.receiveMissing = 0;
    this.receiveParts = 0;
    this.messageCount = 0;

    this.writer = undefined; // of the packet that was begun
    this.stats = {
      packetsSent: 0,
      packetsAcked: 0,
      packetsLost: 0,
      packetsReceived: 0,
      packetsStale: 0,
      packetsMalformed: 0,
      packetsRefused: 0,
      fragmentsSent: 0,
      fragmentsRepeated: 0,
      rttUs: 0, // smoothed, 0 while unknown
      rttVarUs: 0,
      lossRatio: 0, // smoothed share of packets judged lost
    };
  }

  // Reading. First the packet is compared with the session, and every refusal happens there; then
  // the session changes.

  /**
   * Reads a packet.
   * @param {number} nowUs
   * @param {Uint8Array} bytes stay in use by the blobs
   * @returns {{status: string, isFresh: boolean, isNewest: boolean,
   *   blobs: {kind: number, bytes: Uint8Array}[], closeReason: number, closeText: string}}
   */
  read(nowUs, bytes) {
    const result = {
      status: 'ok', isFresh: false, isNewest: false, blobs: [], closeReason: 0, closeText: '',
    };
    result.status = this.readPacket(nowUs, bytes, result);
    if (result.status !== 'ok') {
      this.stats[result.status === 'malformed' ? 'packetsMalformed' : 'packetsRefused']++;
    }
    return result;
  }

  readPacket(nowUs, bytes, result) {
    if (this.isEnded) {
      return 'denied';
    }
    if (bytes.length < 3 || bytes.length > packetBytesMax) {
      return 'malformed';
    }
    if (bytes[0] >> 4 === 0) {
      return this.takeClose(bytes, result);
    }
    if (bytes[0] >> 4 !== version) {
      return 'version';
    }
    const packet = parsePacket(bytes);
    if (packet === undefined) {
      return 'malformed';
    }
    const status = this.check(packet);
    return status === 'ok' ? this.apply(nowUs, packet, result) : status;
  }

  takeClose(bytes, result) {
    const close = readClose(bytes);
    if (close === undefined) {
      return 'malformed';
    }
    result.isFresh = true;
    result.closeReason = close.reason;
    result.closeText = close.text;
    this.isEnded = true;
    return 'ok';
  }

  check(packet) {
    if (packet.hasAck && !this.areAcksPossible(packet)) {
      return 'malformed';
    }
    if (packet.window !== 0 && this.peerWindow !== 0 && packet.window !== this.peerWindow) {
      return 'malformed';
    }
    let status = 'ok';
    for (const fragment of packet.fragments) {
      const ahead = (fragment.sequence - this.receiveBase) & 0xffff;
      if (ahead >= 2 * this.window && ahead < 0x8000) {
        return 'malformed';
      }
      if (ahead >= this.window && ahead < 0x8000) {
        status = 'full';
      }
    }
    return status;
  }

  // Acks may name packets of the last half of the numbers, and only such as were sent.
  areAcksPossible(packet) {
    const newest = this.sentNext - 1;
    const behind = (newest - packet.ack) & 0xffff;
    let oldest = newest - behind;
    for (let i = 0; i < packet.ackBytes.length; i++) {
      const byte = packet.ackBytes[i];
      oldest = byte === 0 ? oldest : newest - behind - 8 * i - (32 - Math.clz32(byte));
    }
    return behind < 0x8000 && oldest >= 0;
  }

  apply(nowUs, packet, result) {
    const isFirst = this.receivedNewest < 0;
    const number = extend(packet.sequence, isFirst ? firstNear : this.receivedNewest);
    result.isFresh = this.accept(nowUs, number);
    if (!result.isFresh) {
      this.stats.packetsStale++;
      return 'ok';
    }
    this.stats.packetsReceived++;
    this.isAckOwed ||= packet.fragments.length > 0 || packet.blobs.length > 0;
    for (const fragment of packet.fragments) {
      this.store(fragment);
    }
    if (packet.fragments.length > 0 && !this.completeMessages()) {
      this.isEnded = true;
      return 'malformed';
    }
    if (packet.window !== 0) {
      this.peerWindow = packet.window;
    }
    if (packet.hasAck) {
      this.applyAcks(nowUs, packet);
    }
    result.isNewest = number === this.receivedNewest;
    result.blobs = packet.blobs;
    return 'ok';
  }

  // Notes a packet as received. False for a duplicate, and for one too old to tell.
  accept(nowUs, number) {
    if (number > this.receivedNewest) {
      this.receivedNewest = number;
      this.receivedNewestUs = nowUs;
    } else if (this.receivedNewest - number > ackBitsMax || this.hasReceived(number)) {
      return false;
    }
    this.received[number % receivedCount] = number;
    return true;
  }

  store(fragment) {
    const ahead = (fragment.sequence - this.receiveBase) & 0xffff;
    const place = fragment.sequence % this.window;
    if (ahead < this.window && this.slots[place] === undefined) {
      this.slots[place] = {...fragment, bytes: fragment.bytes.slice()};
    }
  }

  // Walks over what is complete by now. False if a message exceeds what was agreed.
  completeMessages() {
    while (this.receiveMissing - this.receiveBase < this.window) {
      const slot = this.slots[this.receiveMissing % this.window];
      if (slot === undefined) {
        break;
      }
      this.receiveMissing++;
      if (!slot.isLast) {
        this.receiveParts++;
        continue;
      }
      if (this.receiveParts * fragmentBytes + slot.bytes.length > messageBytesMax) {
        return false;
      }
      this.receiveParts = 0;
      this.messageCount++;
    }
    return this.receiveParts < this.window;
  }

  /**
   * Takes the next reliable message. Pop all after each read.
   * @returns {{kind: number, bytes: Uint8Array} | undefined}
   */
  pop() {
    if (this.messageCount === 0) {
      return undefined;
    }
    this.messageCount--;
    const parts = [];
    let slot;
    do {
      const place = this.receiveBase++ % this.window;
      slot = this.slots[place];
      this.slots[place] = undefined;
      parts.push(slot.bytes);
    } while (!slot.isLast);
    const bytes = new Uint8Array((parts.length - 1) * fragmentBytes + slot.bytes.length);
    parts.forEach((part, i) => bytes.set(part, i * fragmentBytes));
    return {kind: slot.kind, bytes};
  }

  // Acks and losses.

  applyAcks(nowUs, packet) {
    const newest = this.sentNext - 1;
    const ack = newest - ((newest - packet.ack) & 0xffff);
    const isAhead = ack > this.peerAck;
    this.peerAck = Math.max(this.peerAck, ack);
    // The newest first: who acts on a fate before the next one comes must not take an older packet
    // for the newest that the peer has.
    const sent = this.confirm(ack);
    for (let bit = 0; bit < packet.ackBytes.length * 8; bit++) {
      if ((packet.ackBytes[bit >> 3] >> (bit & 7)) & 1) {
        this.confirm(ack - 1 - bit);
      }
    }
    if (isAhead && sent !== undefined && packet.delayUs !== undefined) {
      this.sampleRtt(nowUs - sent.sentUs - packet.delayUs);
    }
    this.judgeLost(nowUs);
  }

  // Returns the packet's record, unless another has its slot by now.
  confirm(number) {
    const sent = this.sent[number % sentCount];
    if (sent === undefined || sent.number !== number) {
      return undefined;
    }
    if (sent.state === 'acked') {
      return sent;
    }
    if (sent.state === 'waiting') {
      this.countLoss(0);
      this.queueFate(sent);
    }
    sent.state = 'acked';
    this.stats.packetsAcked++;
    this.toldAck = Math.max(this.toldAck, sent.ack);
    if (sent.hasFragments) {
      this.outgoing = this.outgoing.filter(
        (fragment) => fragment.packet !== number && fragment.packetBefore !== number);
    }
    return sent;
  }

  sampleRtt(sampleUs) {
    const stats = this.stats;
    if (sampleUs < 0 || sampleUs > rttSampleUsMax) {
      return;
    }
    sampleUs = Math.max(sampleUs, 1); // 0 stands for unknown
    if (stats.rttUs === 0) {
      stats.rttUs = sampleUs;
      stats.rttVarUs = sampleUs / 2;
      return;
    }
    // The gains of RFC 6298: an eighth for the mean, a quarter for the deviation.
    const errorUs = sampleUs - stats.rttUs;
    stats.rttVarUs += (Math.abs(errorUs) - stats.rttVarUs) / 4;
    stats.rttUs = Math.max(stats.rttUs + errorUs / 8, 1);
  }

  countLoss(target) {
    this.stats.lossRatio += (target - this.stats.lossRatio) / lossShare;
  }

  queueFate(sent) {
    if (sent.token !== 0) {
      this.fates.push(sent);
    }
  }

  /**
   * Takes what became of a packet with a token, in the order of learning it.
   * @returns {{token: number, isAcked: boolean} | undefined}
   */
  popFate() {
    const sent = this.fates.shift();
    return sent && {token: sent.token, isAcked: sent.state === 'acked'};
  }

  losePacket(number) {
    const sent = this.sent[number % sentCount];
    sent.state = 'lost';
    this.stats.packetsLost++;
    this.countLoss(1);
    this.queueFate(sent);
    for (const fragment of this.outgoing) {
      fragment.isDue ||= fragment.packet === number;
    }
  }

  isLost(sent, nowUs) {
    const ageUs = nowUs - sent.sentUs;
    const rttUs = this.stats.rttUs || rttUnknownUs;
    if (this.peerAck > sent.number) {
      return this.peerAck - sent.number > ackBitsMax || ageUs > (rttUs * 9) / 8 + reorderSlackUs;
    }
    return ageUs > rttUs + 4 * this.stats.rttVarUs + timeoutSlackUs;
  }

  // Judges which packets are lost by now, those sent first first.
  judgeLost(nowUs) {
    for (; this.sentOldest < this.sentNext; this.sentOldest++) {
      const sent = this.sent[this.sentOldest % sentCount];
      if (sent.state === 'waiting') {
        if (!this.isLost(sent, nowUs)) {
          return;
        }
        this.losePacket(sent.number);
      }
    }
  }

  // Writing.

  /**
   * Queues a reliable message, which is copied.
   * @param {number} kind in [0, 65535]
   * @param {Uint8Array} bytes at most 65,536
   * @returns {string} 'ok'; 'full' if too much waits, or the message is long and the peer has not
   *   yet said how much it accepts; 'invalid' if it is longer than the peer accepts
   */
  push(kind, bytes) {
    const count = Math.max(1, Math.ceil(bytes.length / fragmentBytes));
    if (count > (this.peerWindow || windowMin)) {
      return this.peerWindow === 0 ? 'full' : 'invalid';
    }
    if (this.outgoing.length + count > this.sendFragmentsMax) {
      return 'full';
    }
    const messageFirst = this.sendNext;
    for (let i = 0; i < count; i++) {
      this.outgoing.push({
        number: this.sendNext++,
        messageFirst,
        kind,
        isLast: i === count - 1,
        bytes: bytes.slice(i * fragmentBytes, (i + 1) * fragmentBytes),
        isDue: true,
        packet: -1, // the last two that carried it
        packetBefore: -1,
      });
    }
    return 'ok';
  }

  // The peer holds a message until all of it is there, so its window begins with the first one
  // that is not confirmed as a whole.
  isInWindow(fragment) {
    return fragment.number < this.outgoing[0].messageFirst + (this.peerWindow || windowMin);
  }

  /** True if a packet without a blob is due: for fragments, or to acknowledge content. */
  hasDue(nowUs) {
    this.judgeLost(nowUs);
    const first = this.outgoing.find((fragment) => fragment.isDue);
    return this.isAckOwed || (first !== undefined && this.isInWindow(first));
  }

  /**
   * Begins a packet with the reliable fragments that are due. It must be ended; if it is then not
   * sent, it counts as lost.
   * @param {number} nowUs
   * @param {number} [reliableBytesMax] the most bytes that fragments may take
   * @returns {boolean} false if too many fates wait to be popped
   */
  begin(nowUs, reliableBytesMax = packetBytesMax) {
    this.judgeLost(nowUs);
    if (this.sentNext - this.sentOldest === sentCount) {
      this.losePacket(this.sentOldest++); // every slot waits: the oldest gives way
    }
    if (this.fates.length >= sentCount) {
      return false;
    }
    this.writer = new ByteWriter(packetBytesMax);
    this.writer.sentUs = nowUs;
    this.writer.blobCount = 0;
    this.writer.hasFragments = false;
    this.writeHeader(nowUs);
    if (this.peerAck < 0) {
      this.writer.u8(tagWindow);
      this.writer.u16(this.window);
    }
    this.writeFragments(Math.min(this.writer.length + reliableBytesMax, packetBytesMax));
    return true;
  }

  writeHeader(nowUs) {
    const writer = this.writer;
    const hasAck = this.receivedNewest >= 0;
    const ackByteCount = hasAck ? this.ackByteCount() : 0;
    writer.u8((version << 4) | (hasAck ? headHasAck : 0) | ackByteCount);
    writer.u16(this.sentNext & 0xffff);
    if (!hasAck) {
      return;
    }
    writer.u16(this.receivedNewest & 0xffff);
    for (let i = 0; i < ackByteCount; i++) {
      let byte = 0;
      for (let bit = 0; bit < 8; bit++) {
        byte |= this.hasReceived(this.receivedNewest - 1 - 8 * i - bit) ? 1 << bit : 0;
      }
      writer.u8(byte);
    }
    if (this.sentNext % delayInterval === 0) {
      const delay = Math.floor((nowUs - this.receivedNewestUs) / delayUnitUs);
      writer.u8(Math.min(Math.max(delay, 0), delayMax));
    }
  }

  hasReceived(number) {
    return this.received[number % receivedCount] === number;
  }

  // Bytes of ack bits that the peer needs: those back to the last ack that it is known to have, a
  // few more for packets that came late, and none beyond the oldest packet received.
  ackByteCount() {
    let bits = this.toldAck < 0 ? ackBitsMax : this.receivedNewest - this.toldAck + ackOverlap;
    bits = Math.min(bits, ackBitsMax);
    let behind = receivedCount - 1;
    while (!this.hasReceived(this.receivedNewest - behind)) {
      behind--;
    }
    return (Math.min(bits, behind) + 7) >> 3;
  }

  writeFragments(end) {
    let count = 0;
    for (const fragment of this.outgoing) {
      if (count === fragmentsMax || !this.isInWindow(fragment)) {
        return;
      }
      const bytes = (fragment.isLast ? 7 : 3) + fragment.bytes.length;
      if (fragment.isDue && this.writer.length + bytes <= end) {
        this.writeFragment(fragment);
        count++;
      }
    }
  }

  writeFragment(fragment) {
    const writer = this.writer;
    writer.u8(fragment.isLast ? tagLast : tagPart);
    writer.u16(fragment.number & 0xffff);
    if (fragment.isLast) {
      writer.u16(fragment.kind);
      writer.u16(fragment.bytes.length);
    }
    writer.space(fragment.bytes);
    writer.hasFragments = true;
    this.stats.fragmentsSent++;
    this.stats.fragmentsRepeated += fragment.packet < 0 ? 0 : 1;
    fragment.packetBefore = fragment.packet;
    fragment.packet = this.sentNext;
    fragment.isDue = false;
  }

  /**
   * The most bytes that a blob may have in the packet that was begun.
   * @param {boolean} [isLast] as in blob()
   */
  blobSpace(isLast = false) {
    const space = this.writer.left - (isLast ? 1 : 3);
    return this.writer.blobCount < blobsMax ? Math.max(space, 0) : 0;
  }

  /**
   * Writes a blob into the packet that was begun.
   * @param {number} kind in [0, 63]
   * @param {Uint8Array} bytes
   * @param {boolean} [isLast] true saves two bytes; no blob may follow
   * @returns {boolean} false if there is no room
   */
  blob(kind, bytes, isLast = false) {
    const writer = this.writer;
    const headBytes = isLast ? 1 : 3;
    if (writer.blobCount === blobsMax || bytes.length + headBytes > writer.left) {
      return false;
    }
    writer.u8((isLast ? tagBlobLast : tagBlob) | kind);
    if (!isLast) {
      writer.u16(bytes.length);
    }
    writer.space(bytes);
    writer.blobCount += isLast ? blobsMax : 1;
    return true;
  }

  /**
   * Ends the packet.
   * @param {number} [token] comes back by popFate(); 0 for none
   * @returns {Uint8Array} the packet
   */
  end(token = 0) {
    const writer = this.writer;
    this.sent[this.sentNext % sentCount] = {
      number: this.sentNext,
      token,
      sentUs: writer.sentUs,
      ack: this.receivedNewest, // what the packet tells the peer
      state: 'waiting',
      hasFragments: writer.hasFragments,
    };
    this.sentNext++;
    this.stats.packetsSent++;
    this.isAckOwed = false;
    this.writer = undefined;
    return writer.bytes.slice(0, writer.length);
  }
}
