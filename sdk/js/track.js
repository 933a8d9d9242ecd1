// SPDX-License-Identifier: Apache-2.0

// Where entities were in their last few states, for a picture that is drawn a little behind the
// newest: one track for each index of a view.

import {FIELD_POSITION} from './schema.js';

const STATE_COUNT = 8;
const LANE_COUNT = 3;

// An entity that rests sends no states. When it moves on, its last state is long past, and the
// picture must not drift slowly from there: it rests until shortly before the new state.
const GAP_TICKS_MAX = 12;

/** Tracks of the first POSITION field of a schema. A schema without one has no places. */
export class Tracks {
  /** @param {import('./schema.js').Schema} schema */
  constructor(schema) {
    const count = schema.knownCountMax;
    this.fieldIndex = schema.fields.findIndex((field) => field.encoding === FIELD_POSITION);
    this.laneCount = this.fieldIndex < 0
      ? 0 : Math.min(LANE_COUNT, schema.fields[this.fieldIndex].laneCount);
    this.indexEnd = 0;
    this.entities = new Array(count).fill(undefined);
    this.counts = new Uint8Array(count);
    this.newest = new Uint8Array(count); // of the states of an index, a ring
    this.ticks = new Float64Array(count * STATE_COUNT);
    this.places = new Float32Array(count * STATE_COUNT * LANE_COUNT);
    this.numbers = [0, 0, 0, 0];
  }

  /** Forgets everything. */
  clear() {
    this.counts.fill(0);
    this.entities.fill(undefined);
    this.indexEnd = 0;
  }

  /**
   * Notes what is new in a view; to be called after each packet.
   * @param {import('./replica.js').ReplicaView} view
   */
  note(view) {
    if (this.fieldIndex < 0) {
      return;
    }
    const end = Math.max(this.indexEnd, view.indexEnd);
    for (let index = 0; index < end; index++) {
      this.noteIndex(view, index);
    }
    this.indexEnd = view.indexEnd;
  }

  /** @private */
  noteIndex(view, index) {
    const entity = view.entity(index);
    const tick = view.fieldTick(index, this.fieldIndex);
    if (entity !== this.entities[index] || tick === 0) {
      this.counts[index] = 0;
      this.entities[index] = entity;
    }
    const newestSlot = index * STATE_COUNT + this.newest[index];
    if (tick === 0 || (this.counts[index] > 0 && tick <= this.ticks[newestSlot])) {
      return;
    }
    this.newest[index] = (this.newest[index] + 1) % STATE_COUNT;
    this.counts[index] = Math.min(STATE_COUNT, this.counts[index] + 1);
    const slot = index * STATE_COUNT + this.newest[index];
    this.ticks[slot] = tick;
    view.numbers(index, this.fieldIndex, this.numbers);
    for (let lane = 0; lane < this.laneCount; lane++) {
      this.places[slot * LANE_COUNT + lane] = this.numbers[lane];
    }
  }

  // The state `age` states before the newest.
  /** @private */
  slotAt(index, age) {
    return index * STATE_COUNT + (this.newest[index] + STATE_COUNT - age) % STATE_COUNT;
  }

  /**
   * Where the entity at an index was at a time: between two states, or at the nearest end.
   * @param {number} index
   * @param {number} tick also between two ticks
   * @param {number[]} [out] filled and returned if given
   * @returns {number[]|undefined} [x, y, z], undefined if nothing is known of it
   */
  place(index, tick, out = [0, 0, 0]) {
    if (!(this.counts[index] > 0)) {
      return undefined;
    }
    let age = 0;
    while (age + 1 < this.counts[index] && this.ticks[this.slotAt(index, age)] > tick) {
      age++;
    }
    const from = this.slotAt(index, age);
    const to = age > 0 ? this.slotAt(index, age - 1) : from;
    const share = this.shareBetween(from, to, tick);
    for (let lane = 0; lane < LANE_COUNT; lane++) {
      const start = this.places[from * LANE_COUNT + lane];
      out[lane] = start + (this.places[to * LANE_COUNT + lane] - start) * share;
    }
    return out;
  }

  /** @private */
  shareBetween(from, to, tick) {
    const fromTick = Math.max(this.ticks[from], this.ticks[to] - GAP_TICKS_MAX);
    return from === to || tick <= fromTick ? 0 : (tick - fromTick) / (this.ticks[to] - fromTick);
  }
}
