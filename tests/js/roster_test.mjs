// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {Roster} from '../../web/play/roster.js';

function writeNamed(playerIndex, name) {
  return Uint8Array.of(playerIndex & 255, playerIndex >> 8, ...new TextEncoder().encode(name));
}

test('a name is asked for and then known', () => {
  const roster = new Roster();
  const asked = [];
  const client = {send: (name, bytes) => asked.push([name, ...bytes])};
  assert.equal(roster.nameOf(300), 'Player 301');
  roster.update(client, [], 1000);
  roster.update(client, [], 1200);
  assert.deepEqual(asked, [['who', 44, 1]]);
  roster.take(writeNamed(300, '<b>Ada</b>'));
  assert.equal(roster.nameOf(300), '<b>Ada</b>');
});

test('a name longer than names are is none', () => {
  const roster = new Roster();
  roster.nameOf(1);
  roster.take(writeNamed(1, 'x'.repeat(32)));
  assert.equal(roster.nameOf(1), 'Player 2');
  roster.take(writeNamed(1, 'x'.repeat(31)));
  assert.equal(roster.nameOf(1), 'x'.repeat(31));
});

test('whatever numbers a server has for players, few are remembered', () => {
  const roster = new Roster();
  const client = {send: () => true};
  for (let i = 0; i < 100; i++) {
    const fighters = Array.from({length: 100}, (_, k) =>
      ({number: 1 + i * 100 + k, entity: {id: BigInt(i)}}));
    roster.update(client, fighters, 1000 * (i + 1));
  }
  assert.equal(roster.known.size, 4096);
  assert.equal(roster.nameOf(9999), 'Player 10000');
});
