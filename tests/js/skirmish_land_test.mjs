// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {SkirmishLand} from '../../web/play/skirmish_land.js';
import {readSkirmish} from './harness/skirmish_vectors.mjs';

const game = readSkirmish();
const land = new SkirmishLand(...game.land);
const world = new SkirmishLand(...game.world);

test('the samples of the relief are those of the game to the bit', () => {
  assert.equal(game.samples.length, 1000);
  for (const {column, row, height} of game.samples) {
    assert.equal(land.sample(column, row), height, `${column}, ${row}`);
  }
});

test('camps lie where the game has them', () => {
  assert.equal(land.camps.length, 64);
  assert.deepEqual(land.camps, game.camps);
});

test('boxes are those of the game to the bit', () => {
  const boxes = land.boxes.map(({x, y, z, halfX, halfY, halfZ, heading}) =>
    [x, y, z, halfX, halfY, halfZ, heading]);
  assert.equal(boxes.length, 4 + 49 * 2 + 36 + 64 * 3 + 240);
  assert.deepEqual(boxes, game.boxes);
});

test('the ground is where physics has it', () => {
  assert.equal(game.grounds.length, 1000);
  for (const {x, y, height} of game.grounds) {
    assert.ok(Math.abs(world.height(x, y) - height) < 0.001, `${x}, ${y}`);
  }
});

test('a land is made from the message that tells of it', () => {
  const [number, campCount] = game.world;
  const bytes = Uint8Array.of(number, number >> 8, number >> 16, number >> 24, campCount);
  const told = SkirmishLand.fromMessage(bytes);
  assert.equal(told.number, number);
  assert.deepEqual(told.boxes, world.boxes);
  assert.equal(SkirmishLand.fromMessage(bytes.subarray(1)), undefined);
});

test('the boxes near a place are found', () => {
  for (const box of land.boxes) {
    assert.ok(land.boxesAt(box.x, box.y).includes(box));
  }
  assert.deepEqual(land.boxesAt(1e6, 1e6), []);
  assert.deepEqual(land.boxesAt(-1e6, 0), []);
});

test('outside of the land the ground is that of its edge', () => {
  assert.equal(land.sample(-5, 1000), land.sample(0, 256));
  assert.ok(Number.isFinite(land.height(5000, -5000)));
});
