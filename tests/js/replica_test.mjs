// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {ReplicaView} from '../../sdk/js/replica.js';
import {Schema} from '../../sdk/js/schema.js';
import {Random, seedOf} from './harness/random.mjs';
import {readScenes} from './harness/replication_vectors.mjs';

const scenes = readScenes();

function makeView(scene) {
  return new ReplicaView(Schema.decode(scene.schema));
}

// All events that wait.
function popEvents(view) {
  const events = [];
  for (let event = view.popEvent(); event !== undefined; event = view.popEvent()) {
    events.push({type: event.type, ...event.entity});
  }
  return events;
}

// All values of the view's newest tick.
function newValues(view) {
  const values = [];
  for (let index = 0; index < view.indexEnd; index++) {
    view.schema.fields.forEach((_, field) => {
      if (view.fieldTick(index, field) === view.tick) {
        const lanes = view.values(index, field, [0, 0, 0]);
        values.push({index, field, tick: view.tick, lanes});
      }
    });
  }
  return values;
}

// All that is known, as 32-bit numbers.
function wordsOf(view) {
  const words = [];
  for (const {index, id, kind, isMine} of view.entities()) {
    words.push(index, Number(id & 0xffffffffn), Number(id >> 32n), kind, isMine ? 1 : 0);
    view.schema.fields.forEach((_, field) => {
      words.push(view.fieldTick(index, field));
      words.push(...view.values(index, field) ?? []);
    });
  }
  return words;
}

function hashOf(words) {
  let hash = 2166136261;
  for (const word of words) {
    for (let shift = 0; shift < 32; shift += 8) {
      hash = Math.imul(hash ^ (word >>> shift & 255), 16777619);
    }
  }
  return hash >>> 0;
}

// All that a packet could change: also the states that are not the newest, and what has left.
function pictureOf(view) {
  const words = [view.tick, view.count, view.indexEnd, view.events.length];
  for (let index = 0; index < view.indexEnd; index++) {
    words.push(view.changedTicks[index], view.newestTicks[index]);
    for (const states of view.states) {
      words.push(states.heads[index], states.counts[index]);
    }
  }
  return hashOf(words.concat(wordsOf(view)));
}

test('a view reads the documented vectors', () => {
  assert.equal(scenes.length, 3);
  for (const scene of scenes) {
    const view = makeView(scene);
    for (const packet of scene.packets) {
      assert.equal(view.decode(packet.bytes), packet.status);
      assert.deepEqual(popEvents(view), packet.events);
      if (packet.hash === undefined) {
        assert.deepEqual(newValues(view), packet.values);
      } else {
        assert.equal(hashOf(wordsOf(view)), packet.hash);
      }
    }
  }
});

test('the vectors hold packets that are refused', () => {
  const statuses = scenes.flatMap((scene) => scene.packets.map((packet) => packet.status));
  assert.deepEqual([...new Set(statuses)].sort(), ['malformed', 'not_found', 'ok']);
});

test('no beginning of a packet is taken, and none changes anything', () => {
  for (const scene of scenes) {
    const view = makeView(scene);
    for (const packet of scene.packets) {
      const before = pictureOf(view);
      for (let length = 0; length < packet.bytes.length; length++) {
        assert.equal(view.decode(packet.bytes.subarray(0, length)), 'malformed');
      }
      assert.equal(view.decode(Uint8Array.of(...packet.bytes, 0)), 'malformed');
      assert.equal(pictureOf(view), before);
      assert.equal(view.decode(packet.bytes), packet.status);
    }
  }
});

test('whatever bit is changed, a packet takes effect whole or not at all', (context) => {
  const random = new Random(seedOf(context));
  for (const scene of scenes) {
    const end = random.below(8) + 1;
    for (let count = end; count < scene.packets.length; count += 8) {
      const view = makeView(scene);
      scene.packets.slice(0, count).forEach((packet) => view.decode(packet.bytes));
      const bytes = scene.packets[count].bytes.slice();
      let before = pictureOf(view);
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        bytes[bit >> 3] ^= 1 << (bit & 7);
        const status = view.decode(bytes);
        const after = pictureOf(view);
        assert.ok(status === 'ok' || after === before, `bit ${bit} of packet ${count}: ${status}`);
        before = after;
        bytes[bit >> 3] ^= 1 << (bit & 7);
      }
    }
  }
});

test('noise is refused, or taken, but never throws', (context) => {
  const random = new Random(seedOf(context));
  const view = makeView(scenes[0]);
  for (let i = 0; i < 20000; i++) {
    const bytes = new Uint8Array(random.below(64)).map(() => random.below(256));
    if (bytes.length > 2) { // a count and a tick that make sense go further
      bytes.set([random.below(4), 0, random.below(128)]);
    }
    assert.match(view.decode(bytes), /^(ok|malformed|not_found|full)$/);
    popEvents(view);
  }
});

test('a packet that is too long is refused', () => {
  assert.equal(makeView(scenes[0]).decode(new Uint8Array(4097)), 'malformed');
});

test('a view that was cleared is as new', () => {
  const [scene] = scenes;
  const view = makeView(scene);
  scene.packets.forEach((packet) => view.decode(packet.bytes));
  view.clear();
  assert.deepEqual([...view.entities()], []);
  assert.equal(view.tick, 0);
  assert.equal(view.popEvent(), undefined);
  assert.equal(view.numbers(0, 'position'), undefined);
  for (const packet of scene.packets) {
    assert.equal(view.decode(packet.bytes), 'ok');
    assert.deepEqual(popEvents(view), packet.events);
    assert.deepEqual(newValues(view), packet.values);
  }
});

test('events that nobody takes are not lost: packets that bring more are refused', () => {
  const [scene] = scenes;
  const view = makeView(scene);
  const [first] = scene.packets; // it brings enters
  view.eventCountMax = 5;
  assert.equal(view.decode(first.bytes), 'full');
  assert.equal(view.count, 0);
  view.eventCountMax = 6;
  assert.equal(view.decode(first.bytes), 'ok');
  assert.equal(view.count, 3);
});

test('an entity is the same object as long as it is known', () => {
  const [scene] = scenes;
  const view = makeView(scene);
  view.decode(scene.packets[0].bytes);
  const entity = view.entity(0);
  assert.deepEqual(entity, {index: 0, id: 1048577n, kind: 0, isMine: true});
  assert.equal(view.decode(scene.packets[1].bytes), 'ok');
  assert.equal(view.entity(0), entity);
  assert.equal([...view.entities()][0], entity);
  assert.equal(view.entityTick(0), 1);
  assert.equal(view.entityTick(4095), 0);
});

test('fields are found by name, and what is not known is undefined', () => {
  const [scene] = scenes;
  const view = makeView(scene);
  view.decode(scene.packets[0].bytes);
  assert.deepEqual(view.numbers(0, 'health'), [100]);
  const place = view.numbers(0, 'position');
  [0, 1.5, 0.25].forEach((number, lane) => assert.ok(Math.abs(place[lane] - number) < 0.005));
  assert.deepEqual(view.numbers(0, 0, new Float64Array(3)), Float64Array.from(place));
  assert.equal(view.numbers(0, 'no such field'), undefined);
  assert.equal(view.numbers(1, 'ammo'), undefined); // another's
  assert.equal(view.numbers(4095, 'position'), undefined);
  assert.equal(view.values(4095, 'position'), undefined);
  assert.equal(view.motion(0, 'health'), undefined);
  assert.equal(view.fieldTick(0, 'no such field'), 0);
});

test('the motion of a position is its velocity', () => {
  const [scene] = scenes;
  const view = makeView(scene);
  scene.packets.forEach((packet) => view.decode(packet.bytes));
  const [x, y, z] = view.motion(1, 'position');
  assert.ok(Math.abs(x - 0.055 * 60) < 0.0025 * 60, `${x} m/s`); // a quarter of a step a tick
  assert.deepEqual([y, z], [0, 0]);
});
