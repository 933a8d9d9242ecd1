// SPDX-License-Identifier: Apache-2.0

// One section of one entity from its bits: whole, or as the difference from an older state.
// docs/protocol/replication.md, "Sections". Integers alone, so both ends agree bit for bit.

import {FIELD_ANGLE, FIELD_POSITION} from './schema.js';

/** Quarters of a step that a motion has at most, either way. */
const MOTION_MAX = 4095;
const MOTION_BITS = 13;
const CLASS_COUNT = 3;

// The bits of a number in each class and the smallest number of it, counted from 1. Class 0 is no
// difference: it has no number.
class Code {
  constructor(a, b, c) {
    this.bits = Uint8Array.of(0, a, b, c);
    this.firsts = Uint16Array.of(0, 1, 1 + (1 << a), 1 + (1 << a) + (1 << b));
  }

  // The classes that are of use for a value of so many bits.
  classCount(wholeBits) {
    if (wholeBits > this.bits[3] + 1) {
      return 3;
    }
    if (wholeBits > this.bits[2] + 1) {
      return 2;
    }
    return wholeBits > this.bits[1] ? 1 : 0;
  }
}

// The error of a prediction grows with the time predicted.
const positionCodes = [new Code(1, 3, 7), new Code(2, 4, 8), new Code(3, 5, 9)];
const motionCode = new Code(2, 4, 7);
const numberCode = new Code(4, 5, 8);

function positionCode(ageTicks) {
  return positionCodes[ageTicks > 18 ? 2 : ageTicks > 9 ? 1 : 0];
}

// 0, 1, 2, 3 are 0, -1, 1, -2.
function unzigzag(number) {
  return number >>> 1 ^ -(number & 1);
}

function isMotion(motion) {
  return motion >= -MOTION_MAX && motion <= MOTION_MAX;
}

// An angle less than a turn out of range.
function wrap(value, turn) {
  if (value < 0) {
    return value + turn;
  }
  return value >= turn ? value - turn : value;
}

// A lane that is not where its motion would have taken it has been pushed on the way; evenly, for
// want of better knowledge, so that by now its motion has changed by twice the average.
function predictMotion(baseMotion, error, ageTicks) {
  if (error >= -1 && error <= 1) {
    return baseMotion;
  }
  const motion = baseMotion + Math.trunc(error * 8 / ageTicks);
  return Math.max(-MOTION_MAX, Math.min(MOTION_MAX, motion));
}

/** Reads the sections of a schema. */
export class SectionReader {
  /** @param {import('./schema.js').Schema} schema */
  constructor(schema) {
    this.sections = schema.sections;
    this.isWhole = false; // what readLane() has read is the value, not a difference
  }

  /**
   * Reads a section that was written whole; fails the reader if a value is out of its range.
   * @param {number} sectionIndex
   * @param {import('./bits.js').BitReader} reader
   * @param {Uint32Array} values where its values go, motions as 32-bit two's complements
   * @param {number} place of the first one
   */
  readWhole(sectionIndex, reader, values, place) {
    let isRight = true;
    for (const field of this.sections[sectionIndex].fields) {
      const first = place + field.valueIndex;
      for (let lane = first; lane < first + field.laneCount; lane++) {
        const value = reader.get(field.valueBits);
        values[lane] = value;
        isRight = isRight && value <= field.valueMax;
        if (field.encoding === FIELD_POSITION) {
          const motion = this.readMotion(reader, 0);
          values[lane + field.laneCount] = motion;
          isRight = isRight && isMotion(motion);
        }
      }
    }
    reader.isFailed = reader.isFailed || !isRight;
  }

  /**
   * Reads a section that was written as a difference.
   * @param {number} sectionIndex
   * @param {number} ageTicks of the state that it builds on
   * @param {import('./bits.js').BitReader} reader
   * @param {Uint32Array} values of both states
   * @param {number} base the place of the first value of the older state
   * @param {number} place where the first value goes
   * @returns {boolean} false if a value gets out of its range
   */
  readDelta(sectionIndex, ageTicks, reader, values, base, place) {
    const section = this.sections[sectionIndex];
    let isRight = true;
    for (const field of section.fields) {
      const at = base + field.valueIndex;
      const to = place + field.valueIndex;
      if (field.encoding === FIELD_POSITION) {
        isRight = this.readPosition(field, ageTicks, reader, values, at, to) && isRight;
        continue;
      }
      const isFlagged = section.fields.length > 1;
      if (isFlagged && !reader.bool()) {
        for (let lane = 0; lane < field.laneCount; lane++) {
          values[to + lane] = values[at + lane];
        }
        continue;
      }
      const canBeZero = !isFlagged || field.laneCount > 1;
      isRight = this.readNumbers(field, canBeZero, reader, values, at, to) && isRight;
    }
    return isRight;
  }

  /** @private */
  readPosition(field, ageTicks, reader, values, base, place) {
    const code = positionCode(ageTicks);
    const classCount = code.classCount(field.valueBits);
    const {laneCount, valueBits, valueMax} = field;
    let isRight = true;
    for (let lane = 0; lane < laneCount; lane++) {
      const baseMotion = values[base + laneCount + lane] | 0;
      const predicted = values[base + lane] + (baseMotion * ageTicks + 2 >> 2);
      const number = this.readLane(reader, code, classCount, valueBits, true);
      const value = this.isWhole ? number : predicted + number;
      const predictedMotion = predictMotion(baseMotion, value - predicted, ageTicks);
      const motion = this.readMotion(reader, predictedMotion);
      isRight = isRight && value >= 0 && value <= valueMax && isMotion(motion);
      values[place + lane] = value;
      values[place + laneCount + lane] = motion;
    }
    return isRight;
  }

  /** @private */
  readNumbers(field, canBeZero, reader, values, base, place) {
    const {laneCount, valueBits, valueMax} = field;
    const classCount = numberCode.classCount(valueBits);
    let isRight = true;
    for (let lane = 0; lane < laneCount; lane++) {
      let value = this.readLane(reader, numberCode, classCount, valueBits, canBeZero);
      if (!this.isWhole) {
        value += values[base + lane];
        value = field.encoding === FIELD_ANGLE ? wrap(value, valueMax + 1) : value;
      }
      isRight = isRight && value >= 0 && value <= valueMax;
      values[place + lane] = value;
    }
    return isRight;
  }

  /** @private */
  readMotion(reader, predicted) {
    const number = this.readLane(reader, motionCode, CLASS_COUNT, MOTION_BITS, true);
    return this.isWhole ? unzigzag(number) : predicted + number;
  }

  // As many ones as classes are too small, a zero, and a number; or the whole value.
  /** @private */
  readLane(reader, code, classCount, wholeBits, canBeZero) {
    const missingBits = canBeZero ? 0 : 1; // as if the first bit were there
    const word = reader.peek() << missingBits | missingBits;
    const ends = ~word | 2 << classCount;
    const index = 31 - Math.clz32(ends & -ends); // the ones before the first zero
    this.isWhole = index > classCount;
    if (this.isWhole) {
      reader.skip(index - missingBits);
      return reader.get(wholeBits);
    }
    const bits = code.bits[index];
    reader.skip(index + 1 - missingBits + bits);
    return unzigzag(code.firsts[index] + (word >>> index + 1 & (1 << bits) - 1));
  }
}
