// SPDX-License-Identifier: Apache-2.0

// What a client and its server say to each other inside a session. docs/protocol/play.md.

import {ByteReader, ByteWriter} from './bits.js';

export const WELCOME_BYTES_MAX = 16384;
export const INPUT_COUNT_MAX = 32;

const VERSION = 1;
const NAME_BYTES_MAX = 31;
const ACTION_COUNT_MAX = 64;
const PARAM_COUNT_MAX = 16;
const MESSAGE_COUNT_MAX = 64;
const MESSAGE_BYTES_MAX = 1024;
const U32_MAX = 2 ** 32 - 1;
const TICK_MAX = 2 ** 40;
const TICK_RATE_HZ_MAX = 240;
const STEPS_MAX = 2 ** 31;

const FLAG_IS_BACK = 1;
const FLAG_IS_REAL = 1;
const FLAG_IS_RELIABLE = 1;
const FLAG_IS_FROM_PLAYERS = 2;

/** Kinds of reliable messages. */
export const MessageKind = Object.freeze({
  welcome: 1,
  custom: 2,
  resume: 3,
  refresh: 4,
  welcomePart: 5,
});

/** Kinds of unreliable records. */
export const RecordKind = Object.freeze({input: 1, update: 2, custom: 3});

// Welcome.

function readParam(reader) {
  const param = {
    name: reader.text(NAME_BYTES_MAX),
    isReal: (reader.u8() & FLAG_IS_REAL) !== 0,
    min: reader.f32(),
    max: reader.f32(),
    precision: reader.f32(),
    stepMax: 0,
  };
  const steps = (param.max - param.min) / param.precision;
  // Written so that a number that is not finite fails.
  if (!(param.precision > 0 && steps >= 0 && steps <= STEPS_MAX)) {
    reader.fail();
  }
  param.stepMax = Math.floor(steps + 0.5);
  return Object.freeze(param);
}

function readAction(reader, index) {
  const name = reader.text(NAME_BYTES_MAX);
  const rateHzMax = reader.varint(U32_MAX);
  const paramCount = reader.varint(PARAM_COUNT_MAX);
  const params = [];
  for (let i = 0; i < paramCount && !reader.isFailed; i++) {
    params.push(readParam(reader));
  }
  return Object.freeze({index, name, rateHzMax, params: Object.freeze(params)});
}

function readMessage(reader, index) {
  const name = reader.text(NAME_BYTES_MAX);
  const bytesMax = reader.varint(MESSAGE_BYTES_MAX);
  const flags = reader.u8();
  return Object.freeze({
    index,
    name,
    bytesMax,
    isReliable: (flags & FLAG_IS_RELIABLE) !== 0,
    isFromPlayers: (flags & FLAG_IS_FROM_PLAYERS) !== 0,
  });
}

function readList(reader, countMax, readOne) {
  const count = reader.varint(countMax);
  const list = [];
  for (let i = 0; i < count && !reader.isFailed; i++) {
    list.push(readOne(reader, i));
  }
  return Object.freeze(list);
}

/**
 * Reads and checks a whole WELCOME.
 * @param {Uint8Array} bytes
 * @returns {object | undefined} undefined if it is none, or of another version
 */
export function readWelcome(bytes) {
  const reader = new ByteReader(bytes);
  if (bytes.length > WELCOME_BYTES_MAX || reader.u16() !== VERSION) {
    return undefined;
  }
  const welcome = {
    tickRateHz: reader.u16(),
    tick: reader.u64(TICK_MAX),
    playerIndex: reader.u32(),
    isBack: (reader.u8() & FLAG_IS_BACK) !== 0,
    game: reader.text(NAME_BYTES_MAX),
    rulesVersion: reader.u32(),
    actions: readList(reader, ACTION_COUNT_MAX, readAction),
    messages: readList(reader, MESSAGE_COUNT_MAX, readMessage),
    schema: reader.space(reader.varint(WELCOME_BYTES_MAX)),
  };
  const isRate = welcome.tickRateHz >= 1 && welcome.tickRateHz <= TICK_RATE_HZ_MAX;
  return reader.isRead && isRate ? welcome : undefined;
}

// Actions.

/** The step of a parameter that is nearest to a number. */
export function paramStep(param, number) {
  const given = param.isReal ? Math.fround(number) : Math.trunc(number);
  const steps = Math.floor((given - param.min) / param.precision + 0.5);
  return steps >= 1 ? Math.min(steps, param.stepMax) : 0; // also for what is no number
}

/** What a step of a parameter stands for, as the server sees it. */
export function paramValue(param, step) {
  const value = param.min + step * param.precision;
  return param.isReal ? Math.fround(value) : Math.trunc(value);
}

function writeSomeInputs(newestTick, inputs, capacity) {
  const writer = new ByteWriter(capacity);
  writer.varint(newestTick);
  writer.varint(inputs.length > 0 ? inputs[0].sequence : 0);
  writer.varint(inputs.length > 0 ? inputs[0].tick : 0);
  writer.u8(inputs.length);
  let tickBefore = inputs.length > 0 ? inputs[0].tick : 0;
  for (const input of inputs) {
    writer.varint(input.tick - tickBefore);
    writer.varint(input.actionIndex);
    input.steps.forEach((step) => writer.varint(step));
    tickBefore = input.tick;
  }
  return writer.isFailed ? undefined : writer.finish();
}

/**
 * Writes an INPUT of the newest actions that fit.
 * @param {number} newestTick the newest of the server that the client has seen
 * @param {{tick: number, sequence: number, actionIndex: number, steps: number[]}[]} inputs with
 *   sequences in a row and ticks that do not go back
 * @param {number} capacity at least 24
 */
export function writeInputs(newestTick, inputs, capacity) {
  for (let count = Math.min(inputs.length, INPUT_COUNT_MAX); count > 0; count--) {
    const bytes = writeSomeInputs(newestTick, inputs.slice(inputs.length - count), capacity);
    if (bytes !== undefined) {
      return bytes;
    }
  }
  return writeSomeInputs(newestTick, [], capacity);
}

// Updates and messages.

/**
 * Reads an UPDATE; its `state` is in place.
 * @param {Uint8Array} bytes
 * @returns {object | undefined} undefined if it is none
 */
export function readUpdate(bytes) {
  const reader = new ByteReader(bytes);
  const update = {
    epoch: reader.u8(),
    tickLow: reader.u16(),
    countedSequence: reader.varint(U32_MAX),
    countedAgeTicks: reader.varint(U32_MAX),
    marginTicks: reader.i8(),
    state: reader.rest(),
  };
  return reader.isFailed ? undefined : update;
}

/**
 * Reads a CUSTOM; its bytes are in place.
 * @param {Uint8Array} bytes
 * @returns {{messageIndex: number, bytes: Uint8Array} | undefined} undefined if it is none
 */
export function readCustom(bytes) {
  const reader = new ByteReader(bytes);
  const custom = {messageIndex: reader.varint(U32_MAX), bytes: reader.rest()};
  return reader.isFailed ? undefined : custom;
}

/** Writes a CUSTOM. */
export function writeCustom(messageIndex, bytes) {
  const writer = new ByteWriter(bytes.length + 10);
  writer.varint(messageIndex);
  writer.space(bytes);
  return writer.finish();
}
