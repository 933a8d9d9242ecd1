// SPDX-License-Identifier: Apache-2.0

// Replication, the client's end: packets of the server become entities with their fields.
// docs/protocol/replication.md has the format.
//
//     const status = view.decode(bytes);
//     if (status !== 'ok') { ... the packet must not be acknowledged ... }
//     for (let event = view.popEvent(); event; event = view.popEvent()) { ... }
//     for (const entity of view.entities()) { draw(view.numbers(entity.index, 'position')); }
//
// Packets may come late, twice, in any order or never. What is older than what is known changes
// nothing that can be seen. Memory is taken when the view is made; a packet without enters and
// leaves takes none.

import {BitReader} from './bits.js';
import {FIELD_POSITION, dequantise} from './schema.js';
import {SectionReader} from './section.js';

const PACKET_BYTES_MAX = 4096;
const COUNT_BITS = 16;
const INDEX_BITS = 12;
const RICE_BITS = 3;
const BASE_BITS = 6;
const NEAR_BITS = 2;
const ONES_MAX = 12;
const SHAPE_COUNT = 6;
const AGE_MAX = 32; // ticks back to the oldest state that is named exactly
const BASE_OLD = 33; // the newest state of more ticks ago
const BASE_NONE = 63; // none, the section is whole

// States of one section of one index: those that the server may still build on, and the next one.
const STATE_COUNT = AGE_MAX + 3;

// What a client has received of one section: for every index a ring of states, newest first from
// `heads`. They are few, because what the server builds on only ever moves forward: once a state
// has come that builds on another, no later one builds on anything older; and of those that are too
// old to be named by their age only the newest counts.
class States {
  constructor(indexCount, valueCount) {
    this.valueCount = valueCount;
    this.heads = new Uint8Array(indexCount);
    this.counts = new Uint8Array(indexCount);
    this.ticks = new Float64Array(indexCount * STATE_COUNT);
    this.values = new Uint32Array((indexCount * STATE_COUNT + 1) * valueCount);
    this.unusedPlace = indexCount * STATE_COUNT * valueCount; // for values that nobody needs
  }

  newestTick(index) {
    return this.counts[index] === 0 ? 0 : this.ticks[index * STATE_COUNT + this.heads[index]];
  }

  // Where the values of the newest state are.
  newestPlace(index) {
    return (index * STATE_COUNT + this.heads[index]) * this.valueCount;
  }

  // Where those of the next state go.
  nextPlace(index) {
    return (index * STATE_COUNT + (this.heads[index] + 1) % STATE_COUNT) * this.valueCount;
  }

  // Where the values of the state are that one of `tick` builds on, -1 if it is not here.
  find(index, tick, base) {
    const first = index * STATE_COUNT;
    for (let i = 0; i < this.counts[index]; i++) {
      const slot = first + (this.heads[index] + STATE_COUNT - i) % STATE_COUNT;
      const ageTicks = tick - this.ticks[slot];
      if (ageTicks >= base) {
        return ageTicks === base || base === BASE_OLD ? slot * this.valueCount : -1;
      }
    }
    return -1;
  }

  // The state at the next place counts from now on; those that no later one can build on go.
  push(index, tick, base) {
    const first = index * STATE_COUNT;
    const ageMin = base >= 1 && base <= AGE_MAX ? base : BASE_OLD;
    let kept = 0;
    let isNewer = true;
    while (kept < this.counts[index] && isNewer) {
      const slot = first + (this.heads[index] + STATE_COUNT - kept) % STATE_COUNT;
      isNewer = tick - this.ticks[slot] < ageMin;
      kept++;
    }
    this.heads[index] = (this.heads[index] + 1) % STATE_COUNT;
    this.counts[index] = kept + 1;
    this.ticks[first + this.heads[index]] = tick;
  }

  forget(index) {
    this.counts[index] = 0;
  }
}

// Shapes, those used often in front. Each is the base of every section and a set of those that are
// there. Begins as shapes of no section, which occur in no packet.
class Shapes {
  constructor(sectionCount) {
    this.sectionCount = sectionCount;
    this.places = new Uint8Array(SHAPE_COUNT);
    this.sets = new Uint16Array(SHAPE_COUNT);
    this.bases = new Uint8Array(SHAPE_COUNT * sectionCount);
    this.newestAge = 0;
  }

  begin(newestAge) {
    this.newestAge = newestAge;
    for (let i = 0; i < SHAPE_COUNT; i++) {
      this.places[i] = i;
      this.sets[i] = 0;
    }
  }

  // Reads a shape; fails the reader on one that is none. Returns which of `sets` it is.
  read(reader) {
    const ends = ~reader.peek() | 1 << SHAPE_COUNT;
    const place = 31 - Math.clz32(ends & -ends); // the ones before the first zero
    if (place === SHAPE_COUNT) {
      reader.skip(place);
      return this.readNew(reader);
    }
    reader.skip(place + 1);
    const shape = this.places[place];
    const above = place > 0 ? place - 1 : 0;
    this.places[place] = this.places[above];
    this.places[above] = shape;
    reader.isFailed = reader.isFailed || this.sets[shape] === 0;
    return shape;
  }

  // A shape that is not in the list takes the last place.
  readNew(reader) {
    const shape = this.places[SHAPE_COUNT - 1];
    let set = 0;
    for (let s = 0; s < this.sectionCount; s++) {
      if (reader.bool()) {
        this.bases[shape * this.sectionCount + s] = this.readBase(reader);
        set |= 1 << s;
      }
    }
    this.sets[shape] = set;
    reader.isFailed = reader.isFailed || set === 0;
    return shape;
  }

  readBase(reader) {
    const isFar = reader.bool();
    const base = isFar ? reader.get(BASE_BITS) : this.newestAge + reader.get(NEAR_BITS);
    const isBase = (base >= 1 && base <= BASE_OLD) || base === BASE_NONE;
    reader.isFailed = reader.isFailed || !isBase;
    return base;
  }
}

/**
 * The entities that a client knows.
 *
 * @typedef {{index: number, id: bigint, kind: number, isMine: boolean}} Entity
 *   `index` is where it is in the view; another entity may have it later. The same object stands
 *   for an entity as long as it is known.
 */
export class ReplicaView {
  /** @param {import('./schema.js').Schema} schema */
  constructor(schema) {
    const count = schema.knownCountMax;
    const sections = schema.sections;
    this.schema = schema;
    /** The newest tick of all packets, 0 before the first. */
    this.tick = 0;
    /** Entities that are known. */
    this.count = 0;
    /** All entities that are known have an index below it; falls only with clear(). */
    this.indexEnd = 0;
    this.known = new Array(count).fill(undefined);
    this.changedTicks = new Float64Array(count); // of the latest enter or leave
    this.newestTicks = new Float64Array(count);
    this.states = sections.map((section) => new States(count, section.valueCount));
    this.events = [];
    this.eventCountMax = 4 * count;

    // Scratch of a decode.
    this.reader = new BitReader(new Uint8Array(0));
    this.sectionReader = new SectionReader(schema);
    this.shapes = new Shapes(sections.length);
    this.touched = new Uint8Array(count); // indices that the packet told of so far
    this.leaves = new Uint16Array(count);
    this.leaveCount = 0;
    this.enters = [];
    this.arrivalIndexes = new Uint16Array(count * sections.length);
    this.arrivalSections = new Uint8Array(count * sections.length);
    this.arrivalBases = new Uint8Array(count * sections.length);
    this.arrivalCount = 0;
    this.packetTick = 0;
    this.isFound = true;
  }

  /** Forgets everything, as for a new connection. */
  clear() {
    for (let index = 0; index < this.indexEnd; index++) {
      this.forget(index);
      this.changedTicks[index] = 0;
    }
    this.tick = 0;
    this.count = 0;
    this.indexEnd = 0;
    this.events.length = 0;
  }

  /**
   * Takes in a packet, whole or not at all: after a failure the view is as it was, and the packet
   * must not be acknowledged.
   * @param {Uint8Array} bytes
   * @returns {'ok'|'malformed'|'not_found'|'full'} 'not_found' if it builds on what is not here, as
   *   a very late packet may; 'full' if there is no room for its events
   */
  decode(bytes) {
    if (bytes.length > PACKET_BYTES_MAX) {
      return 'malformed';
    }
    this.reader = new BitReader(bytes);
    this.readPacket();
    if (this.reader.isFailed) {
      return 'malformed';
    }
    if (!this.isFound) {
      return 'not_found';
    }
    const eventCount = this.leaveCount + 2 * this.enters.length;
    if (eventCount > this.eventCountMax - this.events.length) {
      return 'full';
    }
    this.applyPacket();
    return 'ok';
  }

  /**
   * The next thing that became of an entity, undefined if there is none: it can be seen from now
   * on, or it is gone.
   * @returns {{type: 'enter'|'leave', entity: Entity, tick: number}|undefined}
   */
  popEvent() {
    return this.events.shift();
  }

  /** The entity at an index, undefined if there is none. @returns {Entity|undefined} */
  entity(index) {
    return this.known[index];
  }

  /** All entities that are known. @returns {Generator<Entity>} */
  * entities() {
    for (let index = 0; index < this.indexEnd; index++) {
      if (this.known[index] !== undefined) {
        yield this.known[index];
      }
    }
  }

  /** The tick of the newest state of an entity, 0 if there is none. */
  entityTick(index) {
    return this.known[index] === undefined ? 0 : this.newestTicks[index];
  }

  /**
   * The tick of the newest state of a field; 0 if there is no such entity or the field was never
   * sent, which is so for what the client may not see.
   * @param {number} index
   * @param {string|number} field its name, or its place in schema.fields
   */
  fieldTick(index, field) {
    const found = this.findField(field);
    return found !== undefined && index < this.indexEnd
      ? this.states[found.sectionIndex].newestTick(index) : 0;
  }

  /**
   * The integers of a field's lanes: steps above the field's minimum.
   * @param {number} index
   * @param {string|number} field its name, or its place in schema.fields
   * @param {number[]|ArrayLike<number>} [out] filled and returned if given
   * @returns {number[]|undefined} undefined if the field is not known
   */
  values(index, field, out = []) {
    const found = this.findField(field);
    if (!this.isKnown(index, found)) {
      return undefined;
    }
    const states = this.states[found.sectionIndex];
    const place = states.newestPlace(index) + found.valueIndex;
    for (let lane = 0; lane < found.laneCount; lane++) {
      out[lane] = states.values[place + lane];
    }
    return out;
  }

  /**
   * The numbers of a field's lanes, in the game's units.
   * @param {number} index
   * @param {string|number} field its name, or its place in schema.fields
   * @param {number[]|ArrayLike<number>} [out] filled and returned if given
   * @returns {number[]|undefined} undefined if the field is not known
   */
  numbers(index, field, out = []) {
    const found = this.findField(field);
    if (!this.isKnown(index, found)) {
      return undefined;
    }
    const states = this.states[found.sectionIndex];
    const place = states.newestPlace(index) + found.valueIndex;
    for (let lane = 0; lane < found.laneCount; lane++) {
      out[lane] = dequantise(found, states.values[place + lane]);
    }
    return out;
  }

  /**
   * How fast a position changes, in metres a second: its way in the tick of its state.
   * @param {number} index
   * @param {string|number} field its name, or its place in schema.fields
   * @param {number[]|ArrayLike<number>} [out] filled and returned if given
   * @returns {number[]|undefined} undefined if the field is not known or is no position
   */
  motion(index, field, out = []) {
    const found = this.findField(field);
    if (!this.isKnown(index, found) || found.encoding !== FIELD_POSITION) {
      return undefined;
    }
    const states = this.states[found.sectionIndex];
    const place = states.newestPlace(index) + found.valueIndex + found.laneCount;
    const unit = found.step / 4 * this.schema.tickRateHz;
    for (let lane = 0; lane < found.laneCount; lane++) {
      out[lane] = Math.fround((states.values[place + lane] | 0) * unit);
    }
    return out;
  }

  /** @private */
  findField(field) {
    const index = typeof field === 'number' ? field : this.schema.fieldIndexes.get(field);
    return this.schema.fields[index];
  }

  /** @private */
  isKnown(index, field) {
    return field !== undefined && index < this.indexEnd &&
      this.states[field.sectionIndex].counts[index] > 0;
  }

  // Reads all of a packet, and writes the values of what can be used to places that are free.
  /** @private */
  readPacket() {
    const reader = this.reader;
    this.leaveCount = 0;
    this.enters.length = 0;
    this.arrivalCount = 0;
    this.isFound = true;
    this.touched.fill(0);
    const updateCount = reader.get(COUNT_BITS);
    this.packetTick = reader.varint();
    const riceBits = reader.get(RICE_BITS);
    const firstIndex = reader.get(INDEX_BITS);
    this.shapes.begin(reader.get(BASE_BITS));
    reader.isFailed = reader.isFailed || this.packetTick === 0;
    this.readLeaves();
    this.readEnters();
    this.readUpdates(updateCount, riceBits, firstIndex);
    const left = reader.left;
    reader.isFailed = reader.isFailed || left >= 8 || reader.get(left) !== 0;
  }

  // Notes that the packet tells of an index, which it does at most once.
  /** @private */
  touch(index) {
    if (index >= this.known.length || this.touched[index] !== 0) {
      this.reader.isFailed = true;
      return;
    }
    this.touched[index] = 1;
  }

  /** @private */
  readLeaves() {
    const reader = this.reader;
    while (reader.bool()) {
      const index = reader.get(INDEX_BITS);
      this.touch(index);
      if (!reader.isFailed) {
        this.leaves[this.leaveCount++] = index;
      }
    }
  }

  /** @private */
  readEnters() {
    const reader = this.reader;
    const sectionCount = this.states.length;
    while (reader.bool()) {
      const index = reader.get(INDEX_BITS);
      this.touch(index);
      const id = reader.big(64);
      const kind = reader.get(16);
      const isMine = reader.bool();
      const sections = reader.get(sectionCount);
      reader.isFailed = reader.isFailed || id === 0n || sections === 0;
      for (let s = 0; s < sectionCount && !reader.isFailed; s++) {
        if ((sections >> s & 1) !== 0) {
          this.readWhole(index, s, 0);
        }
      }
      this.enters.push(Object.freeze({index, id, kind, isMine}));
    }
  }

  /** @private */
  readUpdates(updateCount, riceBits, firstIndex) {
    const {reader, shapes} = this;
    const sectionCount = this.states.length;
    let nextIndex = firstIndex;
    for (let i = 0; i < updateCount && !reader.isFailed; i++) {
      const index = this.readIndex(riceBits, nextIndex);
      const shape = shapes.read(reader);
      this.touch(index);
      const first = shape * sectionCount;
      const sections = shapes.sets[shape];
      for (let s = 0; s < sectionCount && !reader.isFailed; s++) {
        if ((sections >> s & 1) === 0) {
          continue;
        }
        if (shapes.bases[first + s] === BASE_NONE) {
          this.readWhole(index, s, BASE_NONE);
        } else {
          this.readDelta(index, s, shapes.bases[first + s]);
        }
      }
      nextIndex = index + 1;
    }
  }

  /** @private */
  readIndex(riceBits, nextIndex) {
    const reader = this.reader;
    const word = reader.peek();
    const ends = ~word | 1 << ONES_MAX;
    const ones = 31 - Math.clz32(ends & -ends);
    let index = word >>> ONES_MAX & (1 << INDEX_BITS) - 1;
    if (ones < ONES_MAX) {
      index = nextIndex + (ones << riceBits) + (word >>> ones + 1 & (1 << riceBits) - 1);
      reader.skip(ones + 1 + riceBits);
    } else {
      reader.skip(ONES_MAX + INDEX_BITS);
    }
    reader.isFailed = reader.isFailed || index < nextIndex;
    return index;
  }

  // Whether a section is of no use: of an entity that has left, or whose index is another's, or
  // older than what is here.
  /** @private */
  isLate(index, sectionIndex) {
    const tick = this.packetTick;
    if (this.known[index] === undefined) {
      return tick <= this.changedTicks[index];
    }
    return tick < this.changedTicks[index] || tick <= this.states[sectionIndex].newestTick(index);
  }

  // Reads a whole section, which comes with an enter if `base` is 0.
  /** @private */
  readWhole(index, sectionIndex, base) {
    const states = this.states[sectionIndex];
    this.sectionReader.readWhole(sectionIndex, this.reader, states.values, states.nextPlace(index));
    if (base === 0) {
      this.arrive(index, sectionIndex, base);
    } else if (!this.isLate(index, sectionIndex)) {
      this.isFound = this.isFound && this.known[index] !== undefined;
      this.arrive(index, sectionIndex, base);
    }
  }

  /** @private */
  readDelta(index, sectionIndex, base) {
    const {reader, sectionReader} = this;
    const states = this.states[sectionIndex];
    const isLate = this.isLate(index, sectionIndex);
    const from = isLate || this.known[index] === undefined
      ? -1 : states.find(index, this.packetTick, base);
    if (from === -1) {
      const unused = states.unusedPlace;
      sectionReader.readDelta(sectionIndex, base, reader, states.values, unused, unused);
      this.isFound = this.isFound && isLate;
      return;
    }
    const to = states.nextPlace(index);
    const isRight = sectionReader.readDelta(sectionIndex, base, reader, states.values, from, to);
    reader.isFailed = reader.isFailed || !isRight;
    this.arrive(index, sectionIndex, base);
  }

  /** @private */
  arrive(index, sectionIndex, base) {
    this.arrivalIndexes[this.arrivalCount] = index;
    this.arrivalSections[this.arrivalCount] = sectionIndex;
    this.arrivalBases[this.arrivalCount] = base;
    this.arrivalCount++;
  }

  // The packet has turned out to be right, and takes effect.
  /** @private */
  applyPacket() {
    for (let i = 0; i < this.leaveCount; i++) {
      this.applyLeave(this.leaves[i]);
    }
    for (const entity of this.enters) {
      this.applyEnter(entity);
    }
    for (let i = 0; i < this.arrivalCount; i++) {
      this.applyArrival(this.arrivalIndexes[i], this.arrivalSections[i], this.arrivalBases[i]);
    }
    this.tick = Math.max(this.tick, this.packetTick);
  }

  /** @private */
  forget(index) {
    for (const states of this.states) {
      states.forget(index);
    }
    this.known[index] = undefined;
  }

  /** @private */
  remove(index) {
    this.events.push({type: 'leave', entity: this.known[index], tick: this.packetTick});
    this.forget(index);
    this.count--;
  }

  /** @private */
  applyLeave(index) {
    this.indexEnd = Math.max(this.indexEnd, index + 1);
    if (this.packetTick <= this.changedTicks[index]) {
      return;
    }
    if (this.known[index] !== undefined) {
      this.remove(index);
    }
    this.changedTicks[index] = this.packetTick;
  }

  /** @private */
  applyEnter(entity) {
    const index = entity.index;
    const known = this.known[index];
    this.indexEnd = Math.max(this.indexEnd, index + 1);
    if (this.packetTick <= this.changedTicks[index] || known?.id === entity.id) {
      return;
    }
    if (known !== undefined) {
      this.remove(index);
    }
    this.known[index] = entity;
    this.changedTicks[index] = this.packetTick;
    this.newestTicks[index] = this.packetTick;
    this.count++;
    this.events.push({type: 'enter', entity, tick: this.packetTick});
  }

  /** @private */
  applyArrival(index, sectionIndex, base) {
    const states = this.states[sectionIndex];
    const tick = this.packetTick;
    const isOfUse = this.known[index] !== undefined && tick >= this.changedTicks[index];
    if (isOfUse && tick > states.newestTick(index)) {
      this.newestTicks[index] = Math.max(this.newestTicks[index], tick);
      states.push(index, tick, base);
    }
  }
}
