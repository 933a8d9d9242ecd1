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

import {
  ACK_BITS_MAX, FRAGMENTS_MAX, FRAGMENT_BYTES, PACKET_BYTES_MAX, PACKET_BYTES_MIN, PacketWriter,
  VERSION, WINDOW_MAX, WINDOW_MIN, parsePacket, readClose,
} from './packet.js';

const MESSAGE_BYTES_MAX = 65536;
const SENT_COUNT = 256; // packets whose fate may be open
const RECEIVED_COUNT = 64; // packets of the past that are known to be received
const RTT_UNKNOWN_US = 250000; // assumed until the first sample
const RTT_SAMPLE_US_MAX = 60e6; // a longer round trip is a clock that jumped
const REORDER_SLACK_US = 1000;
const TIMEOUT_SLACK_US = 100000;
const ACK_OVERLAP = 8; // acks behind the last one that the peer has, for late packets
const LOSS_SHARE = 256;

// The first number received is near this one, so that those before it are not negative.
const FIRST_NEAR = 0x10000;

// The number nearest to `near` whose low 16 bits these are.
function extend(low, near) {
  return near + (((low - near) << 16) >> 16);
}

/** One end of a connection. Times are in microseconds, of one clock that does not go back. */
export class Session {
  /**
   * @param {object} [options]
   * @param {number} [options.window] fragments that can be received before the first is popped:
   *   a power of two in [4, 256]
   * @param {number} [options.sendFragmentsMax] fragments that may wait to be confirmed
   */
  constructor({window = WINDOW_MAX, sendFragmentsMax = 512} = {}) {
    this.window = window;
    this.sendFragmentsMax = sendFragmentsMax;
    this.isEnded = false;
    this.isAckOwed = false;

    // Packets received, each number at its place modulo `RECEIVED_COUNT`.
    this.received = new Float64Array(RECEIVED_COUNT).fill(-1);
    this.receivedNewest = -1;
    this.receivedNewestUs = 0;

    // Packets sent, and what the peer is known to know.
    this.sent = new Array(SENT_COUNT);
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
    this.writtenUs = 0;
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
    if (bytes.length < PACKET_BYTES_MIN || bytes.length > PACKET_BYTES_MAX) {
      return 'malformed';
    }
    if (bytes[0] >> 4 === 0) {
      return this.takeClose(bytes, result);
    }
    if (bytes[0] >> 4 !== VERSION) {
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
    const number = extend(packet.sequence, isFirst ? FIRST_NEAR : this.receivedNewest);
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
    } else if (this.receivedNewest - number > ACK_BITS_MAX || this.hasReceived(number)) {
      return false;
    }
    this.received[number % RECEIVED_COUNT] = number;
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
      if (this.receiveParts * FRAGMENT_BYTES + slot.bytes.length > MESSAGE_BYTES_MAX) {
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
    const bytes = new Uint8Array((parts.length - 1) * FRAGMENT_BYTES + slot.bytes.length);
    parts.forEach((part, i) => bytes.set(part, i * FRAGMENT_BYTES));
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
    const sent = this.sent[number % SENT_COUNT];
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
    if (sampleUs < 0 || sampleUs > RTT_SAMPLE_US_MAX) {
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
    this.stats.lossRatio += (target - this.stats.lossRatio) / LOSS_SHARE;
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
    const sent = this.sent[number % SENT_COUNT];
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
    const rttUs = this.stats.rttUs || RTT_UNKNOWN_US;
    if (this.peerAck > sent.number) {
      const overdueUs = (rttUs * 9) / 8 + REORDER_SLACK_US;
      return this.peerAck - sent.number > ACK_BITS_MAX || ageUs > overdueUs;
    }
    return ageUs > rttUs + 4 * this.stats.rttVarUs + TIMEOUT_SLACK_US;
  }

  // Judges which packets are lost by now, those sent first first.
  judgeLost(nowUs) {
    for (; this.sentOldest < this.sentNext; this.sentOldest++) {
      const sent = this.sent[this.sentOldest % SENT_COUNT];
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
    const count = Math.max(1, Math.ceil(bytes.length / FRAGMENT_BYTES));
    if (count > (this.peerWindow || WINDOW_MIN)) {
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
        bytes: bytes.slice(i * FRAGMENT_BYTES, (i + 1) * FRAGMENT_BYTES),
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
    return fragment.number < this.outgoing[0].messageFirst + (this.peerWindow || WINDOW_MIN);
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
  begin(nowUs, reliableBytesMax = PACKET_BYTES_MAX) {
    this.judgeLost(nowUs);
    if (this.sentNext - this.sentOldest === SENT_COUNT) {
      this.losePacket(this.sentOldest++); // every slot waits: the oldest gives way
    }
    if (this.fates.length >= SENT_COUNT) {
      return false;
    }
    const writer = new PacketWriter();
    this.writer = writer;
    this.writtenUs = nowUs;
    writer.header(this.sentNext, this.receivedNewest < 0 ? undefined : {
      number: this.receivedNewest,
      bytes: this.ackBytes(),
      delayUs: nowUs - this.receivedNewestUs,
    });
    if (this.peerAck < 0) {
      writer.window(this.window);
    }
    this.writeFragments(Math.min(writer.length + reliableBytesMax, PACKET_BYTES_MAX));
    return true;
  }

  hasReceived(number) {
    return this.received[number % RECEIVED_COUNT] === number;
  }

  // Bytes of ack bits that the peer needs: those back to the last ack that it is known to have, a
  // few more for packets that came late, and none beyond the oldest packet received.
  ackByteCount() {
    let bits = this.toldAck < 0 ? ACK_BITS_MAX : this.receivedNewest - this.toldAck + ACK_OVERLAP;
    bits = Math.min(bits, ACK_BITS_MAX);
    let behind = RECEIVED_COUNT - 1;
    while (!this.hasReceived(this.receivedNewest - behind)) {
      behind--;
    }
    return (Math.min(bits, behind) + 7) >> 3;
  }

  ackBytes() {
    const bytes = new Uint8Array(this.ackByteCount());
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      bytes[bit >> 3] |= this.hasReceived(this.receivedNewest - 1 - bit) ? 1 << (bit & 7) : 0;
    }
    return bytes;
  }

  writeFragments(end) {
    let count = 0;
    for (const fragment of this.outgoing) {
      if (count === FRAGMENTS_MAX || !this.isInWindow(fragment)) {
        return;
      }
      if (fragment.isDue && this.writer.length + PacketWriter.fragmentSpace(fragment) <= end) {
        this.writeFragment(fragment);
        count++;
      }
    }
  }

  writeFragment(fragment) {
    this.writer.fragment(fragment);
    this.stats.fragmentsSent++;
    this.stats.fragmentsRepeated += fragment.packet < 0 ? 0 : 1;
    fragment.packetBefore = fragment.packet;
    fragment.packet = this.sentNext;
    fragment.isDue = false;
  }

  /**
   * The most bytes that a blob may have in the packet that was begun; negative if there is no room
   * for any.
   * @param {boolean} [isLast] as in blob()
   */
  blobSpace(isLast = false) {
    return this.writer.blobSpace(isLast);
  }

  /**
   * Writes a blob into the packet that was begun.
   * @param {number} kind in [0, 63]
   * @param {Uint8Array} bytes
   * @param {boolean} [isLast] true saves two bytes; no blob may follow
   * @returns {boolean} false if there is no room
   */
  blob(kind, bytes, isLast = false) {
    if (bytes.length > this.writer.blobSpace(isLast)) {
      return false;
    }
    this.writer.blob(kind, bytes, isLast);
    return true;
  }

  /**
   * Ends the packet.
   * @param {number} [token] comes back by popFate(); 0 for none
   * @returns {Uint8Array} the packet
   */
  end(token = 0) {
    const writer = this.writer;
    this.sent[this.sentNext % SENT_COUNT] = {
      number: this.sentNext,
      token,
      sentUs: this.writtenUs,
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
