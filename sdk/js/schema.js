// SPDX-License-Identifier: Apache-2.0

// What a client must know to read entities: the fields with their types, channels and
// visibilities, as WELCOME brings them, and what follows from them: the sections, and how numbers
// become integers. docs/protocol/replication.md.

import {ByteReader, bitsFor} from './bits.js';

export const FIELD_UINT = 0;
export const FIELD_FLOAT = 1;
export const FIELD_POSITION = 2;
export const FIELD_ANGLE = 3;

const FORMAT_VERSION = 1;
const CHANNEL_COUNT = 4;
const VISIBILITY_COUNT = 4;
const FIELD_COUNT_MAX = 32;
const LANE_COUNT_MAX = 4;
const KNOWN_COUNT_MAX = 4096;
const SECTION_COUNT_MAX = 10;
const VALUE_COUNT_MAX = 64;
const NAME_BYTES_MAX = 31;
const TICK_RATE_HZ_MAX = 240;
const RADIUS_M_MAX = 1e6;
const COORDINATE_MAX = 1e9;
const PRECISION_MIN = Math.fround(1e-6);
const TURN_RADIANS = 6.283185307179586;
const TYPE_U32 = 2;
const TYPE_F32 = 5;

const STEPS_MAX = [];
STEPS_MAX[FIELD_UINT] = 2 ** 32;
STEPS_MAX[FIELD_FLOAT] = 2 ** 24;
STEPS_MAX[FIELD_POSITION] = 2 ** 24;
STEPS_MAX[FIELD_ANGLE] = 2 ** 16 - 1;

/** What is wrong with bytes that are no schema. */
export class SchemaError extends Error {}

function check(isRight, what) {
  if (!isRight) {
    throw new SchemaError(`the schema of the server is not valid: ${what}`);
  }
}

function readChannels(reader, tickRateHz) {
  const channels = [];
  for (let i = 0; i < CHANNEL_COUNT; i++) {
    const rateHz = reader.u16();
    const radiusM = reader.f32();
    check(rateHz >= 1 && rateHz <= tickRateHz && tickRateHz % rateHz === 0, 'a rate');
    check(radiusM > 0 && radiusM <= RADIUS_M_MAX, 'a radius');
    const before = channels[i - 1];
    check(i === 0 || (rateHz <= before.rateHz && radiusM >= before.radiusM), 'channels');
    channels.push({rateHz, radiusM});
  }
  return channels;
}

// Written so that a number that is not finite fails.
function checkRange(field) {
  const {min, max, precision} = field;
  check(precision >= PRECISION_MIN && precision <= COORDINATE_MAX, 'a precision');
  if (field.encoding === FIELD_UINT) {
    check(precision === 1 && min >= 0 && max <= 2 ** 32 && min < max, 'a range');
  } else if (field.encoding !== FIELD_ANGLE) {
    check(min >= -COORDINATE_MAX && max <= COORDINATE_MAX && min < max, 'a range');
  }
}

// The steps of a field, which are its largest integer; a turn of an angle has one more.
function stepsOf(field) {
  if (field.encoding === FIELD_ANGLE) {
    return Math.floor(TURN_RADIANS / field.precision + 0.5) - 1;
  }
  return Math.floor((field.max - field.min) / field.precision + 0.5);
}

function readField(reader) {
  const field = {
    name: reader.text(NAME_BYTES_MAX),
    type: reader.u8(),
    laneCount: reader.u8(),
    encoding: reader.u8(),
    channel: reader.u8(),
    visibility: reader.u8(),
    min: reader.f32(),
    max: reader.f32(),
    precision: reader.f32(),
    sectionIndex: 0,
    valueIndex: 0, // of its first lane, in its section
    valueMax: 0,
    valueBits: 0,
    base: 0, // what the integer 0 stands for
    step: 0,
  };
  check(!reader.isFailed && field.name !== '', 'it ends in a field, or a name is no text');
  const isUint = field.encoding === FIELD_UINT;
  check(isUint ? field.type <= TYPE_U32 : field.type === TYPE_F32, 'a type');
  check(field.laneCount >= 1 && field.laneCount <= LANE_COUNT_MAX, 'the count of lanes');
  check(field.encoding <= FIELD_ANGLE, 'an encoding');
  check(field.channel < CHANNEL_COUNT && field.visibility < VISIBILITY_COUNT, 'a channel');
  checkRange(field);
  const steps = stepsOf(field);
  check(steps >= 1 && steps <= STEPS_MAX[field.encoding], 'the steps of a field');
  const isAngle = field.encoding === FIELD_ANGLE;
  field.valueMax = Math.min(steps, 2 ** 32 - 1);
  field.valueBits = bitsFor(field.valueMax);
  field.base = isAngle ? 0 : field.min;
  field.step = isAngle ? TURN_RADIANS / (steps + 1) : field.precision;
  return field;
}

// Fields of one channel and one visibility make a section.
function makeSections(fields) {
  const sections = [];
  for (let key = 0; key < CHANNEL_COUNT * VISIBILITY_COUNT; key++) {
    const section = {
      channel: Math.floor(key / VISIBILITY_COUNT),
      visibility: key % VISIBILITY_COUNT,
      fields: [],
      valueCount: 0,
    };
    for (const field of fields) {
      if (field.channel === section.channel && field.visibility === section.visibility) {
        field.sectionIndex = sections.length;
        field.valueIndex = section.valueCount;
        section.valueCount += field.laneCount * (field.encoding === FIELD_POSITION ? 2 : 1);
        section.fields.push(field);
      }
    }
    if (section.fields.length > 0) {
      sections.push(section);
    }
  }
  return sections;
}

/**
 * A schema.
 *
 * @property {number} tickRateHz ticks a second
 * @property {number} knownCountMax entities that one client knows at most
 * @property {{rateHz: number, radiusM: number}[]} channels
 * @property {object[]} fields in the server's order
 * @property {object[]} sections
 * @property {Map<string, number>} fieldIndexes by name
 */
export class Schema {
  /** @private use Schema.decode() */
  constructor(tickRateHz, knownCountMax, channels, fields) {
    this.tickRateHz = tickRateHz;
    this.knownCountMax = knownCountMax;
    this.channels = channels;
    this.fields = fields;
    this.sections = makeSections(fields);
    this.fieldIndexes = new Map(fields.map((field, index) => [field.name, index]));
  }

  /**
   * Reads a schema.
   * @param {Uint8Array} bytes as WELCOME brings them
   * @returns {Schema}
   * @throws {SchemaError} if the bytes are no schema, or of a version that is not known here
   */
  static decode(bytes) {
    const reader = new ByteReader(bytes);
    check(reader.u8() === FORMAT_VERSION, 'its version is unknown');
    const tickRateHz = reader.u16();
    const knownCountMax = reader.u16();
    check(tickRateHz >= 1 && tickRateHz <= TICK_RATE_HZ_MAX, 'the tick rate');
    check(knownCountMax >= 1 && knownCountMax <= KNOWN_COUNT_MAX, 'the count of indices');
    const channels = readChannels(reader, tickRateHz);
    const fieldCount = reader.u8();
    check(fieldCount >= 1 && fieldCount <= FIELD_COUNT_MAX, 'the count of fields');
    const fields = [];
    for (let i = 0; i < fieldCount; i++) {
      fields.push(readField(reader));
    }
    check(reader.isRead, 'it goes on behind its end');
    const schema = new Schema(tickRateHz, knownCountMax, channels, fields);
    const valueCount = schema.sections.reduce((sum, section) => sum + section.valueCount, 0);
    check(schema.fieldIndexes.size === fieldCount, 'two fields of one name');
    check(valueCount <= VALUE_COUNT_MAX, 'the count of values');
    check(schema.sections.length <= SECTION_COUNT_MAX, 'the count of sections');
    return schema;
  }
}

/**
 * The number that an integer of a lane stands for, as the server's own arithmetic has it: in 64-bit
 * floating point, rounded to 32 bits at the end.
 * @param {object} field of a schema
 * @param {number} value in [0, field.valueMax]
 */
export function dequantise(field, value) {
  return Math.fround(field.base + value * field.step);
}
