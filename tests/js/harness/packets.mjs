// SPDX-License-Identifier: Apache-2.0

// Packets of replication, bit by bit, for a schema of three sections: `place` (a POSITION of one
// lane) with `health`, `marker` (a FLOAT of two lanes, alone), `ammo` (a UINT, alone).

import {BitWriter, ByteWriter} from '../../../sdk/js/bits.js';
import {Schema} from '../../../sdk/js/schema.js';

export const BASE_OLD = 33;
export const BASE_NONE = 63;
export const PLACE_BITS = 11;
export const PLACE_MAX = 2000; // steps of a tenth of a metre above -100 m
export const HEALTH_BITS = 7;
export const MARKER_BITS = 7;
export const AMMO_BITS = 5;

const FIELDS = [
  {name: 'place', type: 5, lanes: 1, encoding: 2, channel: 0, min: -100, max: 100, precision: 0.1},
  {name: 'health', type: 0, lanes: 1, encoding: 0, channel: 0, min: 0, max: 100, precision: 1},
  {name: 'marker', type: 5, lanes: 2, encoding: 1, channel: 1, min: 0, max: 100, precision: 1},
  {name: 'ammo', type: 0, lanes: 1, encoding: 0, channel: 2, min: 0, max: 30, precision: 1},
];

export function makeSchema() {
  const writer = new ByteWriter(400);
  writer.u8(1);
  writer.u16(60);
  writer.u16(64);
  for (const [rateHz, radiusM] of [[60, 50], [30, 150], [15, 300], [5, 1000]]) {
    writer.u16(rateHz);
    writer.f32(radiusM);
  }
  writer.u8(FIELDS.length);
  for (const field of FIELDS) {
    writer.text(field.name);
    [field.type, field.lanes, field.encoding, field.channel, 0].forEach((byte) => writer.u8(byte));
    [field.min, field.max, field.precision].forEach((number) => writer.f32(number));
  }
  return Schema.decode(writer.finish());
}

// Sections as lists of [value, bits].

/** The first section whole, without motion. */
export const wholeFirst = (place, health = 100) => [[place, PLACE_BITS], [0, 1],
  [health, HEALTH_BITS]];

/** The first section as no difference from where it should be. */
export const sameFirst = [[0, 1], [0, 1], [0, 1]];

/** The first section at another place, named, and at rest there. */
export const farFirst = (place) => [[0b1111, 4], [place, PLACE_BITS], [0b1111, 4], [0, 13],
  [0, 1]];

export const wholeMarker = (x, y) => [[x, MARKER_BITS], [y, MARKER_BITS]];
export const wholeAmmo = (ammo) => [[ammo, AMMO_BITS]];

function putEnter(writer, {index, id, kind = 1, isMine = false, sections}) {
  writer.put(1, 1);
  writer.put(index, 12);
  writer.put(id, 64);
  writer.put(kind, 16);
  writer.put(isMine ? 1 : 0, 1);
  sections.forEach((section) => writer.put(section ? 1 : 0, 1));
  sections.forEach((section) => section?.forEach(([value, bits]) => writer.put(value, bits)));
}

// Every index escaped, every shape new, every base in six bits.
function putUpdate(writer, {index, sections}) {
  writer.put(0xfff, 12);
  writer.put(index, 12);
  writer.put(0b111111, 6);
  for (const section of sections) {
    writer.put(section ? 0b11 : 0, section ? 2 : 1);
    writer.put(section?.base ?? 0, section ? 6 : 0);
  }
  sections.forEach((section) => section?.bits.forEach(([value, bits]) => writer.put(value, bits)));
}

/**
 * A packet.
 * @param {number} tick
 * @param {{leaves?: number[], enters?: object[], updates?: object[], rest?: number[][]}} what
 *   of an enter `sections` is a list of bits or undefined, of an update of {base, bits} or
 *   undefined; `rest` comes behind it all
 */
export function writePacket(tick, {leaves = [], enters = [], updates = [], rest = []}) {
  const writer = new BitWriter(4096);
  writer.put(updates.length, 16);
  writer.varint(tick);
  writer.put(0, 3 + 12 + 6);
  for (const index of leaves) {
    writer.put(1, 1);
    writer.put(index, 12);
  }
  writer.put(0, 1);
  enters.forEach((enter) => putEnter(writer, enter));
  writer.put(0, 1);
  updates.forEach((update) => putUpdate(writer, update));
  rest.forEach(([value, bits]) => writer.put(value, bits));
  return writer.finish();
}
