// SPDX-License-Identifier: Apache-2.0

// What a view takes and refuses, packet by packet.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {ReplicaView} from '../../sdk/js/replica.js';
import {
  BASE_NONE, BASE_OLD, farFirst, makeSchema, sameFirst, wholeAmmo, wholeFirst, wholeMarker,
  writePacket,
} from './harness/packets.mjs';

const schema = makeSchema();

const enter = (index, id, place) =>
  ({index, id: BigInt(id), sections: [wholeFirst(place), undefined, undefined]});
const update = (index, base, bits) => ({index, sections: [{base, bits}, undefined, undefined]});

// A view that knows entity 7 at index 3 since tick 100.
function makeView() {
  const view = new ReplicaView(schema);
  assert.equal(view.decode(writePacket(100, {enters: [enter(3, 7, 500)]})), 'ok');
  view.popEvent();
  return view;
}

const place = (view, index = 3) => view.values(index, 'place')?.[0];

test('an update builds on the state of its age', () => {
  const view = makeView();
  assert.equal(view.decode(writePacket(102, {updates: [update(3, 2, farFirst(900))]})), 'ok');
  assert.equal(place(view), 900);
  assert.equal(view.decode(writePacket(104, {updates: [update(3, 2, sameFirst)]})), 'ok');
  assert.equal(place(view), 900);
  assert.equal(view.fieldTick(3, 'place'), 104);
  assert.equal(view.decode(writePacket(105, {updates: [update(3, 4, sameFirst)]})), 'not_found');
});

test('what a state builds on is kept, and what is older is not', () => {
  const view = makeView();
  view.decode(writePacket(101, {updates: [update(3, 1, sameFirst)]}));
  view.decode(writePacket(102, {updates: [update(3, 2, sameFirst)]}));
  assert.equal(view.states[0].counts[3], 3);
  view.decode(writePacket(103, {updates: [update(3, 2, farFirst(600))]}));
  assert.equal(view.states[0].counts[3], 3); // of 101 and later
  const onFirst = writePacket(104, {updates: [update(3, 4, sameFirst)]});
  assert.equal(view.decode(onFirst), 'not_found');
  assert.equal(view.decode(writePacket(104, {updates: [update(3, 3, sameFirst)]})), 'ok');
});

test('no more than 34 states are kept, however many come', () => {
  const view = makeView();
  for (let tick = 101; tick <= 300; tick++) {
    const packet = writePacket(tick, {updates: [update(3, BASE_NONE, wholeFirst(tick))]});
    assert.equal(view.decode(packet), 'ok');
    assert.ok(view.states[0].counts[3] <= 34);
  }
  assert.equal(view.decode(writePacket(301, {updates: [update(3, BASE_OLD, sameFirst)]})), 'ok');
  assert.equal(place(view), 268);
});

test('the newest of the states that are too old to be named can be built on', () => {
  const view = makeView();
  view.decode(writePacket(110, {updates: [update(3, BASE_NONE, wholeFirst(700))]}));
  view.decode(writePacket(150, {updates: [update(3, BASE_NONE, wholeFirst(800))]}));
  const packet = writePacket(160, {updates: [update(3, BASE_OLD, sameFirst)]});
  assert.equal(view.decode(packet), 'ok');
  assert.equal(place(view), 700);
});

test('a state of exactly 33 ticks ago is an old one', () => {
  const view = makeView();
  assert.equal(view.decode(writePacket(133, {updates: [update(3, BASE_OLD, sameFirst)]})), 'ok');
  const other = makeView();
  assert.equal(other.decode(writePacket(132, {updates: [update(3, BASE_OLD, sameFirst)]})),
    'not_found');
  assert.equal(other.decode(writePacket(132, {updates: [update(3, 32, sameFirst)]})), 'ok');
});

test('a late packet is taken and turns nothing back', () => {
  const view = makeView();
  view.decode(writePacket(110, {updates: [update(3, 10, farFirst(900))]}));
  const late = writePacket(105, {updates: [update(3, 5, farFirst(10))]});
  assert.equal(view.decode(late), 'ok');
  assert.equal(view.decode(writePacket(105, {updates: [update(3, 30, sameFirst)]})), 'ok');
  assert.equal(place(view), 900);
  assert.equal(view.tick, 110);
});

test('an entity leaves, and what speaks of it in that tick is stepped over', () => {
  const view = makeView();
  assert.equal(view.decode(writePacket(110, {leaves: [3]})), 'ok');
  assert.equal(view.popEvent().type, 'leave');
  assert.equal(view.entity(3), undefined);
  assert.equal(place(view), undefined);
  assert.equal(view.decode(writePacket(110, {updates: [update(3, 10, sameFirst)]})), 'ok');
  assert.equal(view.decode(writePacket(109, {updates: [update(3, 9, sameFirst)]})), 'ok');
  assert.equal(view.decode(writePacket(109, {enters: [enter(3, 7, 500)]})), 'ok');
  assert.equal(view.entity(3), undefined);
  assert.equal(view.decode(writePacket(111, {updates: [update(3, 11, sameFirst)]})), 'not_found');
  const whole = update(3, BASE_NONE, wholeFirst(5));
  assert.equal(view.decode(writePacket(111, {updates: [whole]})), 'not_found');
});

test('a leave of the tick of an enter does not count', () => {
  const view = makeView();
  assert.equal(view.decode(writePacket(100, {leaves: [3]})), 'ok');
  assert.equal(view.entity(3).id, 7n);
  assert.equal(view.popEvent(), undefined);
});

test('an enter that comes again is no new one, and its state counts', () => {
  const view = makeView();
  const before = view.entity(3);
  view.decode(writePacket(105, {enters: [enter(3, 7, 600)]}));
  assert.equal(view.entity(3), before);
  assert.equal(view.popEvent(), undefined);
  assert.equal(place(view), 600);
});

test('another entity may enter without a leave, and begins anew', () => {
  const view = makeView();
  view.decode(writePacket(105, {updates: [{
    index: 3, sections: [undefined, {base: BASE_NONE, bits: wholeMarker(4, 5)}, undefined],
  }]}));
  assert.deepEqual(view.values(3, 'marker'), [4, 5]);
  view.decode(writePacket(110, {enters: [enter(3, 8, 900)]}));
  assert.deepEqual([view.popEvent().type, view.popEvent().type], ['leave', 'enter']);
  assert.equal(view.entity(3).id, 8n);
  assert.equal(place(view), 900);
  assert.equal(view.values(3, 'marker'), undefined);
  // What was said of the one before, in a section that the new one has not: of no use.
  const late = {index: 3, sections: [undefined, {base: 3, bits: [[0, 1], [0, 1]]}, undefined]};
  assert.equal(view.decode(writePacket(108, {updates: [late]})), 'ok');
  assert.equal(view.values(3, 'marker'), undefined);
  assert.equal(view.decode(writePacket(111, {updates: [late]})), 'not_found');
});

test('a section of one field has no bit for a change', () => {
  const view = makeView();
  const marker = (base, bits) => ({index: 3, sections: [undefined, {base, bits}, undefined]});
  view.decode(writePacket(101, {updates: [marker(BASE_NONE, wholeMarker(40, 50))]}));
  // x + 1 (z 2, number 1), y as it was
  const bits = [[0b01, 2], [1, 4], [0, 1]];
  assert.equal(view.decode(writePacket(102, {updates: [marker(1, bits)]})), 'ok');
  assert.deepEqual(view.values(3, 'marker'), [41, 50]);
  const ammo = (base, list) => ({index: 3, sections: [undefined, undefined, {base, bits: list}]});
  view.decode(writePacket(103, {updates: [ammo(BASE_NONE, wholeAmmo(20))]}));
  assert.equal(view.decode(writePacket(104, {updates: [ammo(1, [[0b01, 2], [0, 4]])]})), 'ok');
  assert.deepEqual(view.values(3, 'ammo'), [19]);
});

test('values out of their range are refused', () => {
  const refuse = (what) => {
    const view = makeView();
    view.decode(writePacket(101, {updates: [update(3, 1, farFirst(0))]}));
    assert.equal(view.decode(writePacket(102, what)), 'malformed');
    assert.equal(view.fieldTick(3, 'place'), 101);
  };
  refuse({updates: [update(3, BASE_NONE, wholeFirst(2001))]});
  refuse({updates: [update(3, BASE_NONE, wholeFirst(1, 101))]});
  refuse({updates: [update(3, 1, farFirst(2001))]});
  refuse({updates: [update(3, 1, [[0b01, 2], [0, 1], [0, 1], [0, 1]])]}); // one below 0
  refuse({enters: [enter(5, 9, 2001)]});
  // A motion of -4096.
  refuse({updates: [update(3, BASE_NONE, [[1, 11], [0b1111, 4], [8191, 13], [100, 7]])]});
  refuse({updates: [update(3, 1, [[0, 1], [0b1111, 4], [8191, 13], [0, 1]])]});
});

test('what is no packet is refused', () => {
  const refuse = (bytes) => assert.equal(makeView().decode(bytes), 'malformed');
  const good = [update(3, 1, sameFirst)];
  refuse(new Uint8Array(0));
  refuse(writePacket(0, {}));
  refuse(writePacket(101, {updates: good, rest: [[0b1, 1]]}));
  refuse(writePacket(101, {updates: good, rest: [[0, 24]]}));
  refuse(writePacket(101, {leaves: [64]})); // beyond all indices
  refuse(writePacket(101, {enters: [enter(64, 7, 1)]}));
  refuse(writePacket(101, {updates: [update(64, 1, sameFirst)]}));
  refuse(writePacket(101, {leaves: [3], enters: [enter(3, 8, 1)]})); // twice
  refuse(writePacket(101, {enters: [enter(3, 0, 1)]})); // no id
  refuse(writePacket(101, {enters: [{index: 4, id: 9n, sections: [undefined, undefined,
    undefined]}]}));
  refuse(writePacket(101, {updates: [{index: 3, sections: [undefined, undefined, undefined]}]}));
  refuse(writePacket(101, {updates: [update(3, 0, sameFirst)]}));
  refuse(writePacket(101, {updates: [update(3, 34, sameFirst)]}));
  refuse(writePacket(101, {updates: [update(3, 62, sameFirst)]}));
});

test('indices only rise', () => {
  const view = makeView();
  view.decode(writePacket(100, {enters: [enter(5, 9, 900)]}));
  const both = [update(3, 1, sameFirst), update(5, 1, sameFirst)];
  const falling = both.slice().reverse();
  assert.equal(view.decode(writePacket(101, {updates: falling})), 'malformed');
  assert.equal(view.decode(writePacket(101, {updates: both})), 'ok');
});

test('a packet with one section that builds on nothing brings nothing', () => {
  const view = makeView();
  view.decode(writePacket(100, {enters: [enter(5, 9, 900)]}));
  const updates = [update(3, 1, farFirst(1)), update(5, 2, sameFirst)];
  const packet = writePacket(101, {leaves: [6], enters: [enter(8, 4, 4)], updates});
  assert.equal(view.decode(packet), 'not_found');
  assert.equal(place(view), 500);
  assert.equal(view.entity(8), undefined);
  assert.equal(view.tick, 100);
  // And what it had written is free for the next.
  assert.equal(view.decode(writePacket(101, {updates: [update(3, 1, sameFirst)]})), 'ok');
  assert.equal(place(view), 500);
});
