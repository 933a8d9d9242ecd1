// SPDX-License-Identifier: Apache-2.0

// Reads docs/protocol/vectors/replication.txt: scenes of a schema and what a client gets in each
// tick, with what that brings.

import {readFileSync} from 'node:fs';

const file = new URL('../../../docs/protocol/vectors/replication.txt', import.meta.url);

export function parseHex(text) {
  return new Uint8Array(Buffer.from(text, 'hex'));
}

// An enter or a leave.
function parseEvent(type, [index, id, kind, isMine]) {
  return {type, index: Number(index), id: BigInt(id), kind: Number(kind), isMine: isMine === '1'};
}

function parseValue([index, field, tick, ...lanes]) {
  return {index: Number(index), field: Number(field), tick: Number(tick), lanes: lanes.map(Number)};
}

/**
 * @returns {{schema: Uint8Array, numbers: object[], packets: {bytes: Uint8Array, status: string,
 *   events: object[], values: object[], hash: number|undefined}[]}[]}
 */
export function readScenes() {
  const scenes = [];
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [word, ...rest] = line.split(' ');
    const scene = scenes.at(-1);
    const packet = scene?.packets.at(-1);
    if (word === 'schema') {
      scenes.push({schema: parseHex(rest[0]), numbers: [], packets: []});
    } else if (word === 'number') {
      const [field, value, bits] = rest;
      scene.numbers.push({field: Number(field), value: Number(value), bits: parseInt(bits, 16)});
    } else if (word === 'packet') {
      scene.packets.push({bytes: parseHex(rest[0]), status: 'ok', events: [], values: []});
    } else if (word === 'refused') {
      packet.status = rest[0];
    } else if (word === 'state') {
      packet.hash = parseInt(rest[0], 16);
    } else if (word === 'enter' || word === 'leave') {
      packet.events.push(parseEvent(word, rest));
    } else if (word === 'value') {
      packet.values.push(parseValue(rest));
    }
  }
  return scenes;
}
