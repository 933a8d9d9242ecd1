// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {FIELD_FLOAT, FIELD_POSITION} from '../../sdk/js/schema.js';
import {Tracks} from '../../sdk/js/track.js';

const fields = [{encoding: FIELD_FLOAT, laneCount: 1}, {encoding: FIELD_POSITION, laneCount: 3}];
const schema = {knownCountMax: 4, fields};

// What Tracks sees of a view, with one entity at index 1.
class OneEntity {
  constructor() {
    this.indexEnd = 2;
    this.be({id: 1n}, 0, [0, 0, 0]);
  }

  be(entity, tick, place) {
    Object.assign(this, {one: entity, tick, place});
  }

  entity(index) {
    return index === 1 ? this.one : undefined;
  }

  fieldTick(index, field) {
    assert.equal(field, 1);
    return index === 1 && this.one !== undefined ? this.tick : 0;
  }

  numbers(index, field, out) {
    this.place.forEach((number, lane) => {
      out[lane] = number;
    });
    return out;
  }
}

// Tracks of an entity that was at these ticks and places along x.
function tracksOf(states) {
  const tracks = new Tracks(schema);
  const view = new OneEntity();
  for (const [tick, x] of states) {
    view.be(view.one, tick, [x, 2 * x, 0.5]);
    tracks.note(view);
  }
  return {tracks, view};
}

test('a place is between the states around a time', () => {
  const {tracks} = tracksOf([[10, 0], [12, 1], [16, 3]]);
  assert.deepEqual(tracks.place(1, 11), [0.5, 1, 0.5]);
  assert.deepEqual(tracks.place(1, 12), [1, 2, 0.5]);
  assert.deepEqual(tracks.place(1, 15), [2.5, 5, 0.5]);
});

test('before the first state and after the last a place is theirs', () => {
  const {tracks} = tracksOf([[10, 1], [12, 2]]);
  assert.deepEqual(tracks.place(1, 3), [1, 2, 0.5]);
  assert.deepEqual(tracks.place(1, 100), [2, 4, 0.5]);
});

test('an entity that rested begins to move shortly before its new state', () => {
  const {tracks} = tracksOf([[10, 0], [110, 12]]);
  assert.equal(tracks.place(1, 90)[0], 0);
  assert.equal(tracks.place(1, 98)[0], 0);
  assert.equal(tracks.place(1, 104)[0], 6);
});

test('the last eight states are kept', () => {
  const {tracks} = tracksOf(Array.from({length: 20}, (_, i) => [10 + i, i]));
  assert.equal(tracks.place(1, 22.5)[0], 12.5);
  assert.equal(tracks.place(1, 15)[0], 12);
});

test('a state is noted once', () => {
  const {tracks} = tracksOf([[10, 0], [12, 4], [12, 4], [12, 4], [12, 4], [12, 4], [12, 4], [12, 4],
    [12, 4]]);
  assert.equal(tracks.place(1, 11)[0], 2);
});

test('another entity at an index has a track of its own', () => {
  const {tracks, view} = tracksOf([[10, 0], [12, 4]]);
  view.be({id: 2n}, 14, [100, 0, 0]);
  tracks.note(view);
  assert.equal(tracks.place(1, 13)[0], 100);
});

test('what has left has no place, also when the view was cleared', () => {
  const {tracks, view} = tracksOf([[10, 0], [12, 4]]);
  view.be(undefined, 0, [0, 0, 0]);
  view.indexEnd = 0;
  tracks.note(view);
  assert.equal(tracks.place(1, 12), undefined);
  assert.equal(tracks.place(0, 12), undefined);
  assert.equal(tracks.place(4000, 12), undefined);
});

test('cleared tracks know nothing', () => {
  const {tracks} = tracksOf([[10, 0], [12, 4]]);
  tracks.clear();
  assert.equal(tracks.place(1, 12), undefined);
});

test('a place goes where the caller says', () => {
  const {tracks} = tracksOf([[10, 7]]);
  const place = new Float64Array(3);
  assert.equal(tracks.place(1, 10, place), place);
  assert.deepEqual([...place], [7, 14, 0.5]);
});

test('a game without positions has no places', () => {
  const tracks = new Tracks({knownCountMax: 4, fields: [fields[0]]});
  tracks.note(new OneEntity());
  assert.equal(tracks.place(1, 12), undefined);
});
