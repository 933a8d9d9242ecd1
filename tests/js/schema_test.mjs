// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {Schema, SchemaError, dequantise} from '../../sdk/js/schema.js';
import {Random, seedOf} from './harness/random.mjs';
import {readScenes} from './harness/replication_vectors.mjs';

const [scene] = readScenes();

const floatOf = (bits) => new Float32Array(Uint32Array.of(bits).buffer)[0];

// The bytes of the scene's schema with some of them replaced.
function changed(offset, ...bytes) {
  const copy = scene.schema.slice();
  copy.set(bytes, offset);
  return copy;
}

// Where the head ends and fields begin, and of a field where its type stands.
const FIRST_FIELD = 30;
const FIRST_TYPE = FIRST_FIELD + 1 + 'position'.length;
const SECOND_FIELD = FIRST_TYPE + 17;
const SECOND_TYPE = SECOND_FIELD + 1 + 'health'.length;

test('a schema has what the server declares', () => {
  const schema = Schema.decode(scene.schema);
  assert.equal(schema.tickRateHz, 60);
  assert.equal(schema.knownCountMax, 1024);
  assert.deepEqual(schema.channels, [{rateHz: 60, radiusM: 50}, {rateHz: 30, radiusM: 150},
    {rateHz: 15, radiusM: 300}, {rateHz: 5, radiusM: 1000}]);
  assert.deepEqual(schema.fields.map((field) => field.name),
    ['position', 'health', 'velocity', 'yaw', 'ammo', 'pose', 'secret', 'score', 'plan']);
  assert.equal(schema.fieldIndexes.get('yaw'), 3);
});

test('fields of one channel and visibility are a section', () => {
  const {sections} = Schema.decode(scene.schema);
  assert.deepEqual(sections.map((section) => section.fields.map((field) => field.name)),
    [['position', 'health'], ['velocity', 'yaw'], ['ammo'], ['pose'], ['secret'], ['score'],
      ['plan']]);
  assert.deepEqual(sections.map((section) => section.valueCount), [7, 4, 1, 1, 1, 1, 1]);
});

test('numbers are those of the server, bit by bit', () => {
  const {fields} = Schema.decode(scene.schema);
  assert.equal(scene.numbers.length, 81);
  for (const {field, value, bits} of scene.numbers) {
    assert.equal(dequantise(fields[field], value), floatOf(bits), `${field} ${value}`);
  }
});

test('no beginning of a schema is one, nor one that goes on', () => {
  for (let length = 0; length < scene.schema.length; length++) {
    assert.throws(() => Schema.decode(scene.schema.subarray(0, length)), SchemaError);
  }
  assert.throws(() => Schema.decode(Uint8Array.of(...scene.schema, 0)), SchemaError);
});

test('values out of their range are refused', () => {
  assert.throws(() => Schema.decode(changed(0, 2)), /version/);
  assert.throws(() => Schema.decode(changed(1, 0, 0)), /tick rate/);
  assert.throws(() => Schema.decode(changed(1, 241, 0)), /tick rate/);
  assert.throws(() => Schema.decode(changed(3, 0, 0)), /indices/);
  assert.throws(() => Schema.decode(changed(3, 1, 16)), /indices/);
  assert.throws(() => Schema.decode(changed(5, 7, 0)), /rate/);
  assert.throws(() => Schema.decode(changed(5, 0, 0)), /rate/);
  assert.throws(() => Schema.decode(changed(5, 20, 0)), /channels/);
  assert.throws(() => Schema.decode(changed(7, 0, 0, 0, 0)), /radius/);
  assert.throws(() => Schema.decode(changed(7, 0, 0, 192, 127)), /radius/); // not a number
  assert.throws(() => Schema.decode(changed(7, 0, 0, 0, 68)), /channels/);
  assert.throws(() => Schema.decode(changed(29, 0)), /fields/);
  assert.throws(() => Schema.decode(changed(29, 33)), /fields/);
});

test('fields out of their range are refused', () => {
  assert.throws(() => Schema.decode(changed(FIRST_FIELD + 1, 0)), /name/);
  assert.throws(() => Schema.decode(changed(FIRST_FIELD + 1, 255)), /name/);
  assert.throws(() => Schema.decode(changed(FIRST_TYPE, 2)), /type/);
  assert.throws(() => Schema.decode(changed(FIRST_TYPE + 1, 0)), /lanes/);
  assert.throws(() => Schema.decode(changed(FIRST_TYPE + 1, 5)), /lanes/);
  assert.throws(() => Schema.decode(changed(FIRST_TYPE + 2, 4)), /encoding/);
  assert.throws(() => Schema.decode(changed(FIRST_TYPE + 3, 4)), /channel/);
  assert.throws(() => Schema.decode(changed(FIRST_TYPE + 4, 4)), /channel/);
  assert.throws(() => Schema.decode(changed(FIRST_TYPE + 5, 0, 0, 192, 127)), /range/);
  assert.throws(() => Schema.decode(changed(FIRST_TYPE + 9, 0, 0, 0, 197)), /range/);
  assert.throws(() => Schema.decode(changed(FIRST_TYPE + 13, 0, 0, 0, 0)), /precision/);
  assert.throws(() => Schema.decode(changed(FIRST_TYPE + 13, 189, 55, 134, 54)), /steps/);
  assert.throws(() => Schema.decode(changed(SECOND_TYPE, 3)), /type/);
  assert.throws(() => Schema.decode(changed(SECOND_TYPE + 5, 0, 0, 128, 191)), /range/);
  assert.throws(() => Schema.decode(changed(SECOND_TYPE + 13, 0, 0, 0, 64)), /range/);
});

test('two fields of one name are refused', () => {
  const name = new TextEncoder().encode('health');
  const yaw = new TextDecoder('latin1').decode(scene.schema).indexOf('secret');
  assert.throws(() => Schema.decode(changed(yaw, ...name)), /one name/);
});

test('noise is no schema, and throws nothing else', (context) => {
  const random = new Random(seedOf(context));
  for (let i = 0; i < 5000; i++) {
    const bytes = scene.schema.slice();
    for (let k = 0; k <= random.below(3); k++) {
      bytes[random.below(bytes.length)] = random.below(256);
    }
    try {
      Schema.decode(bytes);
    } catch (error) {
      assert.ok(error instanceof SchemaError, `${error}`);
    }
  }
});
