// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {encodeText} from '../../sdk/js/bits.js';
import {PACKET_BYTES_MAX, writeClose} from '../../sdk/js/packet.js';
import {Session} from '../../sdk/js/session.js';
import {Random, seedOf} from './harness/random.mjs';

const KIND = 7;

// Two sessions and a line between them that delays, loses, repeats and reorders packets.
class Rig {
  constructor(random, {loss = 0, repeats = 0, delayUs = 30000, jitterUs = 0, window = 64} = {}) {
    Object.assign(this, {random, loss, repeats, delayUs, jitterUs});
    this.nowUs = 0;
    this.ends = [new Session({window}), new Session({window})];
    this.lines = [[], []]; // packets on the way to each end
    this.messages = [[], []];
    this.blobs = [[], []];
    this.fates = [[], []];
  }

  send(from, blob, token = 0) {
    const session = this.ends[from];
    assert.ok(session.begin(this.nowUs, 900));
    if (blob !== undefined) {
      session.blob(KIND, blob);
    }
    const bytes = session.end(token);
    assert.ok(bytes.length <= PACKET_BYTES_MAX);
    for (let copies = 1 + (this.random.share() < this.repeats ? 1 : 0); copies > 0; copies--) {
      if (this.random.share() >= this.loss) {
        const atUs = this.nowUs + this.delayUs + this.random.below(this.jitterUs + 1);
        this.lines[1 - from].push({atUs, bytes});
      }
    }
  }

  receive(to) {
    const session = this.ends[to];
    this.lines[to].sort((a, b) => a.atUs - b.atUs);
    while (this.lines[to].length > 0 && this.lines[to][0].atUs <= this.nowUs) {
      const received = session.read(this.nowUs, this.lines[to].shift().bytes);
      assert.equal(received.status, 'ok');
      received.blobs.forEach((blob) => this.blobs[to].push(blob.bytes));
      for (let message = session.pop(); message; message = session.pop()) {
        this.messages[to].push(message);
      }
    }
    for (let fate = session.popFate(); fate; fate = session.popFate()) {
      this.fates[to].push(fate);
    }
  }

  run(count, each = () => {}) {
    for (let i = 0; i < count; i++) {
      this.nowUs += 16667;
      this.receive(0);
      this.receive(1);
      each(i);
      this.send(0);
      this.send(1);
    }
  }
}

function messageOf(random, number, lengthMax) {
  const bytes = new Uint8Array(4 + random.below(lengthMax - 3));
  new DataView(bytes.buffer).setUint32(0, number, true);
  bytes.fill(number, 4);
  return bytes;
}

test('messages arrive once and in order, whatever the line does', (context) => {
  const random = new Random(seedOf(context));
  for (const line of [{}, {loss: 0.02}, {loss: 0.3, repeats: 0.2, jitterUs: 60000}]) {
    const rig = new Rig(random, line);
    const sent = [[], []];
    rig.run(2, () => {});
    rig.run(300, () => {
      for (const from of [0, 1]) {
        const bytes = messageOf(random, sent[from].length, random.below(8) === 0 ? 5000 : 100);
        if (rig.ends[from].push(sent[from].length & 0xffff, bytes) === 'ok') {
          sent[from].push(bytes);
        }
      }
    });
    rig.run(1500);
    for (const from of [0, 1]) {
      assert.ok(sent[from].length > 100);
      assert.deepEqual(rig.messages[1 - from].map((message) => message.bytes), sent[from]);
      assert.deepEqual(rig.messages[1 - from].map((message) => message.kind),
        sent[from].map((_, i) => i));
      assert.equal(rig.ends[from].outgoing.length, 0);
    }
  }
});

test('blobs arrive at most once, and fates tell which packets arrived', (context) => {
  const random = new Random(seedOf(context));
  const rig = new Rig(random, {loss: 0.1, repeats: 0.2, jitterUs: 20000});
  rig.run(600, (i) => rig.send(0, Uint8Array.of(i & 0xff, i >> 8), i + 1));
  rig.run(100);
  const numbers = rig.blobs[1].map(([low, high]) => low + 256 * high);
  assert.equal(new Set(numbers).size, numbers.length);
  assert.ok(numbers.length > 450 && numbers.length < 600);
  assert.equal(rig.fates[0].length, 600);
  for (const {token, isAcked} of rig.fates[0]) {
    assert.ok(!isAcked || numbers.includes(token - 1), `packet ${token} never arrived`);
  }
  const ackedCount = rig.fates[0].filter((fate) => fate.isAcked).length;
  assert.ok(ackedCount > 0.9 * numbers.length);
  assert.ok(Math.abs(rig.ends[0].stats.lossRatio - 0.1) < 0.1);
});

test('the round trip is measured without the delay of the answer', (context) => {
  const rig = new Rig(new Random(seedOf(context)), {delayUs: 40000});
  rig.run(200);
  for (const {stats} of rig.ends) {
    assert.ok(Math.abs(stats.rttUs - 83000) < 20000, `${stats.rttUs}`);
    assert.equal(stats.packetsLost, 0);
  }
});

test('numbers wrap many times without harm', (context) => {
  const random = new Random(seedOf(context));
  const rig = new Rig(random, {loss: 0.01, delayUs: 10000});
  let sent = 0;
  for (let i = 0; i < 70000; i++) {
    rig.nowUs += 16667;
    rig.receive(0);
    rig.receive(1);
    sent += rig.ends[0].push(1, Uint8Array.of(sent & 0xff)) === 'ok' ? 1 : 0;
    rig.send(0);
    rig.send(1);
  }
  rig.run(100);
  assert.ok(sent > 66000);
  assert.equal(rig.messages[1].length, sent);
  assert.ok(rig.messages[1].every(({bytes}, i) => bytes[0] === (i & 0xff)));
  assert.ok(rig.ends[0].stats.packetsSent > 65536);
});

test('a message of the longest kind arrives', (context) => {
  const rig = new Rig(new Random(seedOf(context)), {window: 256, loss: 0.05});
  rig.run(10);
  assert.equal(rig.ends[0].push(1, new Uint8Array(65536).fill(3)), 'ok');
  rig.run(400);
  assert.equal(rig.messages[1].length, 1);
  assert.equal(rig.messages[1][0].bytes.length, 65536);
});

test('a message may not be longer than the peer accepts, nor long before it has said so', () => {
  const rig = new Rig(new Random(1), {window: 4});
  const long = new Uint8Array(4 * 288 + 1);
  assert.equal(rig.ends[0].push(1, long), 'full');
  assert.equal(rig.ends[0].push(1, long.subarray(1)), 'ok');
  rig.run(10);
  assert.equal(rig.messages[1].length, 1);
  assert.equal(rig.ends[0].push(1, long), 'invalid');
});

test('fragments that wait have a limit', () => {
  const session = new Session({sendFragmentsMax: 3});
  assert.equal(session.push(1, new Uint8Array(600)), 'ok');
  assert.equal(session.push(1, new Uint8Array(0)), 'full');
});

test('what is too much for one packet waits for the next', () => {
  const rig = new Rig(new Random(1));
  rig.run(10);
  for (let i = 0; i < 60; i++) {
    assert.equal(rig.ends[0].push(i, new Uint8Array(0)), 'ok');
  }
  assert.ok(rig.ends[0].hasDue(rig.nowUs));
  rig.run(1);
  assert.equal(rig.ends[0].outgoing.filter((fragment) => fragment.isDue).length, 60 - 32);
  rig.run(10);
  assert.equal(rig.messages[1].length, 60);
  rig.run(10);
  assert.equal(rig.ends[0].hasDue(rig.nowUs), false);
});

test('content is to be acknowledged, an ack alone is not', () => {
  const [a, b] = [new Session(), new Session()];
  a.begin(0);
  a.blob(1, Uint8Array.of(1));
  b.read(0, a.end());
  assert.ok(b.hasDue(0));
  b.begin(0);
  a.read(0, b.end());
  assert.equal(b.hasDue(0), false);
  assert.equal(a.hasDue(0), false);
});

test('a packet has room for eight blobs, and none behind the last', () => {
  const session = new Session();
  session.begin(0);
  for (let i = 0; i < 8; i++) {
    assert.ok(session.blob(i, Uint8Array.of(i)));
  }
  assert.ok(session.blobSpace() < 0);
  assert.equal(session.blob(8, new Uint8Array(0)), false);
  session.end();
  session.begin(0);
  assert.equal(session.blob(0, new Uint8Array(1195)), false);
  assert.equal(session.blobSpace(true), 1200 - 6 - 1);
  assert.ok(session.blob(1, new Uint8Array(session.blobSpace(true)), true));
  assert.equal(session.blob(2, Uint8Array.of(1)), false);
  assert.equal(session.end().length, 1200);
});

test('a sender that hears nothing forgets the oldest packets, and waits for its fates', () => {
  const session = new Session();
  for (let i = 0; i < 256; i++) {
    assert.ok(session.begin(0));
    session.end(i + 1);
  }
  assert.ok(session.begin(0));
  session.end();
  assert.deepEqual(session.popFate(), {token: 1, isAcked: false});
  session.judgeLost(10e6);
  assert.equal(session.fates.length, 255);
  session.begin(10e6);
  session.end(1000);
  session.judgeLost(20e6);
  assert.equal(session.begin(20e6), false);
  session.popFate();
  assert.ok(session.begin(20e6));
});

test('a message that does not end within the window ends the session', () => {
  const part = (sequence) => {
    const bytes = new Uint8Array(3 + 3 + 288);
    bytes.set([0x10, sequence, 0, 1, sequence, 0]);
    return bytes;
  };
  const session = new Session({window: 4});
  for (let i = 0; i < 3; i++) {
    assert.equal(session.read(0, part(i)).status, 'ok');
  }
  assert.equal(session.read(0, part(3)).status, 'malformed');
  assert.equal(session.read(0, part(4)).status, 'denied');
  assert.equal(session.stats.packetsMalformed, 1);
  assert.equal(session.stats.packetsRefused, 1);
});

test('a close packet is cut between two characters', () => {
  const bytes = writeClose(3, 'ä'.repeat(150) + 'x');
  assert.equal(bytes.length, 3 + 200);
  const cut = writeClose(3, 'x' + 'ä'.repeat(150));
  assert.equal(cut.length, 3 + 199);
  const {closeReason, closeText} = new Session().read(0, cut);
  assert.equal(closeReason, 3);
  assert.equal(closeText, 'x' + 'ä'.repeat(99));
});

test('the text of a close packet that is no text is left out', () => {
  const bytes = writeClose(3, 'abc');
  bytes[4] = 0xff;
  const {status, closeText} = new Session().read(0, bytes);
  assert.equal(status, 'ok');
  assert.equal(closeText, '');
});

// A session in the middle of its life, and a packet with one of each record for it.
function makeReader() {
  const [a, b] = [new Session({window: 8}), new Session({window: 8})];
  for (let i = 0; i < 3; i++) {
    a.begin(i);
    b.read(i, a.end());
    b.begin(i);
    a.read(i, b.end());
  }
  a.push(1, new Uint8Array(300));
  a.begin(10);
  a.blob(1, encodeText('one'));
  a.blob(2, encodeText('two'), true);
  return [b, a.end()];
}

test('a packet that is cut anywhere is refused or changes nothing that it should not', () => {
  const [, whole] = makeReader();
  for (let length = 0; length < whole.length; length++) {
    const [session, packet] = makeReader();
    const before = session.stats.packetsMalformed;
    const received = session.read(20, packet.subarray(0, length));
    const isCounted = session.stats.packetsMalformed === before + 1;
    assert.equal(received.status === 'malformed', isCounted);
    assert.equal(received.isFresh, received.status === 'ok');
    assert.equal(session.pop() !== undefined && received.status !== 'ok', false);
    assert.equal(session.read(20, packet).status, 'ok');
  }
});

test('changed bytes throw nothing', (context) => {
  const random = new Random(seedOf(context));
  for (let i = 0; i < 3000; i++) {
    const [session, packet] = makeReader();
    for (let changes = 1 + random.below(5); changes > 0; changes--) {
      packet[random.below(packet.length)] = random.below(256);
    }
    session.read(20, packet);
    while (session.pop() !== undefined);
    session.begin(30);
    session.end();
  }
});

// Packets by hand, with an ack of `ack` and acks of what stands before it in `bits`.
function packetOf(sequence, {ack, bits = [], delay, records = []} = {}) {
  const head = 0x10 | (ack === undefined ? 0 : 0x08 | bits.length);
  const bytes = [head, sequence & 0xff, sequence >> 8];
  if (ack !== undefined) {
    bytes.push(ack & 0xff, ack >> 8, ...bits);
    if (sequence % 8 === 0) {
      bytes.push(delay ?? 0);
    }
  }
  return Uint8Array.of(...bytes, ...records);
}

function send(session, nowUs, token = 0) {
  assert.ok(session.begin(nowUs));
  return session.end(token);
}

test('a packet is lost when the newest ack is more than 56 ahead of it', () => {
  const session = new Session();
  for (let i = 0; i < 58; i++) {
    send(session, 0, i + 1);
  }
  session.read(0, packetOf(1, {ack: 56}));
  assert.deepEqual(session.popFate(), {token: 57, isAcked: true});
  assert.equal(session.popFate(), undefined);
  session.read(0, packetOf(2, {ack: 57}));
  assert.deepEqual(session.popFate(), {token: 58, isAcked: true});
  assert.deepEqual(session.popFate(), {token: 1, isAcked: false});
  assert.equal(session.popFate(), undefined);
});

test('a packet that nothing is heard of is lost after a while, and not before', () => {
  const session = new Session();
  send(session, 0, 1);
  session.judgeLost(350000); // no round trip is known yet
  assert.equal(session.popFate(), undefined);
  session.judgeLost(350001);
  assert.deepEqual(session.popFate(), {token: 1, isAcked: false});
});

test('a late ack of a packet that was judged lost still confirms its fragment', () => {
  const session = new Session();
  session.push(1, Uint8Array.of(1));
  send(session, 0);
  send(session, 0);
  session.read(0, packetOf(1, {ack: 1}));
  session.judgeLost(1e6);
  send(session, 1e6);
  assert.equal(session.stats.fragmentsRepeated, 1);
  session.read(1e6, packetOf(2, {ack: 1, bits: [1]}));
  assert.equal(session.outgoing.length, 0);
});

test('the round trip leaves out how long the peer has waited', () => {
  const session = new Session();
  send(session, 0);
  session.read(100000, packetOf(8, {ack: 0, delay: 100}));
  assert.equal(session.stats.rttUs, 100000 - 100 * 512);
});

test('the round trip is not taken from an ack that was overtaken', () => {
  const session = new Session();
  send(session, 0);
  send(session, 0);
  session.read(50000, packetOf(8, {ack: 1}));
  session.read(90000, packetOf(0, {ack: 0}));
  assert.equal(session.stats.rttUs, 50000);
});

test('a delay beyond the field, or a clock that jumped, gives no round trip', () => {
  const session = new Session();
  send(session, 0);
  send(session, 0);
  send(session, 0);
  session.read(50000, packetOf(0, {ack: 0, delay: 255}));
  session.read(1000, packetOf(8, {ack: 1, delay: 100}));
  session.read(61e6, packetOf(16, {ack: 2}));
  assert.equal(session.stats.rttUs, 0);
});

test('a packet may hold eight blobs', () => {
  const blobs = (count) => Array(count).fill([0x41, 1, 0, 7]).flat();
  assert.equal(new Session().read(0, packetOf(1, {records: blobs(8)})).blobs.length, 8);
  assert.equal(new Session().read(0, packetOf(1, {records: blobs(9)})).status, 'malformed');
});

test('a packet may hold 32 fragments, and ack bits only with an ack', () => {
  const fragments = (count) => Array.from({length: count}, (_, i) => [2, i, 0, 1, 0, 0, 0]).flat();
  assert.equal(new Session().read(0, packetOf(1, {records: fragments(32)})).status, 'ok');
  assert.equal(new Session().read(0, packetOf(1, {records: fragments(33)})).status, 'malformed');
  assert.equal(new Session().read(0, Uint8Array.of(0x10, 1, 0, 0x82)).status, 'ok');
  assert.equal(new Session().read(0, Uint8Array.of(0x11, 1, 0, 0x82)).status, 'malformed');
});

test('a fragment beyond the window is refused, one of the past is ignored', () => {
  const session = new Session();
  const numbers = [[256, 'full'], [511, 'full'], [512, 'malformed'], [0x7fff, 'malformed'],
    [0x8000, 'ok'], [0xffff, 'ok'], [0, 'ok']];
  numbers.forEach(([number, status], i) => {
    const records = [2, number & 0xff, number >> 8, 1, 0, 0, 0];
    assert.equal(session.read(0, packetOf(i, {records})).status, status);
  });
  assert.notEqual(session.pop(), undefined);
  assert.equal(session.pop(), undefined);
});

test('a message that is longer than all may be ends the session', () => {
  for (const [length, status] of [[65536, 'ok'], [65537, 'malformed']]) {
    const session = new Session();
    const parts = Math.floor(length / 288);
    for (let i = 0; i < parts; i++) {
      const records = [1, i, 0, ...new Uint8Array(288)];
      assert.equal(session.read(0, packetOf(i, {records})).status, 'ok');
    }
    const rest = length - parts * 288;
    const records = [2, parts, 0, 1, 0, rest, 0, ...new Uint8Array(rest)];
    assert.equal(session.read(0, packetOf(parts, {records})).status, status);
  }
});

test('a message is kept although its packet\'s memory is used again', () => {
  const session = new Session();
  const packet = packetOf(1, {records: [2, 0, 0, 1, 0, 1, 0, 77]});
  session.read(0, packet);
  packet.fill(0);
  assert.deepEqual(session.pop(), {kind: 1, bytes: Uint8Array.of(77)});
});
