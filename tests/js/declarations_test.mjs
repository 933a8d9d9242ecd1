// SPDX-License-Identifier: Apache-2.0

// muster.d.ts names what there is, and all of it.

import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {test} from 'node:test';

import * as muster from '../../sdk/js/muster.js';
import {ReplicaView} from '../../sdk/js/replica.js';
import {Schema} from '../../sdk/js/schema.js';
import {PaperNetwork, writeSchema, writeTicket} from './harness/paper.mjs';

const text = readFileSync(new URL('../../sdk/js/muster.d.ts', import.meta.url), 'utf8');

// The names at the first level of a class or an interface.
function declared(kind, name) {
  const body = text.match(new RegExp(`^export ${kind} ${name}\\b.*?\\{\\n(.*?)^\\}`, 'ms'))[1];
  const names = [...body.matchAll(/^ {2}(?:readonly )?(\w+)[?(<:]/gm)].map((match) => match[1]);
  return [...new Set(names)].filter((member) => member !== 'constructor').sort();
}

function members(type) {
  return Object.getOwnPropertyNames(type.prototype).filter((name) => name !== 'constructor').sort();
}

test('every export is declared, and nothing else', () => {
  const names = [...text.matchAll(/^export (?:class|const|function) (\w+)/gm)];
  assert.deepEqual(names.map((match) => match[1]).sort(), Object.keys(muster).sort());
  const reasons = [...text.matchAll(/^ {2}readonly (\w+): (\d+);$/gm)]
    .map(([, name, number]) => [name, Number(number)]);
  assert.deepEqual(Object.fromEntries(reasons), {...muster.CloseReason});
});

test('the members of a client, its tables and its figures are declared', () => {
  const network = new PaperNetwork();
  const client = new muster.Client({
    WebSocket: network.WebSocket, now: () => network.nowMs, autoUpdate: 0,
  });
  client.connect('http://paper', writeTicket(1, 0));
  network.run(12, () => client.update());
  assert.deepEqual(declared('class', 'Client'),
    [...members(muster.Client), ...Object.keys(client)].sort());
  assert.deepEqual(declared('interface', 'Stats'), Object.keys(client.stats).sort());
  assert.deepEqual(declared('interface', 'Tables'), Object.keys(client.tables).sort());
  assert.deepEqual(declared('interface', 'Action'), Object.keys(client.tables.actions[0]).sort());
  assert.deepEqual(declared('interface', 'Message'), Object.keys(client.tables.messages[0]).sort());
  client.act('jump');
  assert.deepEqual(declared('interface', 'PendingAction'), Object.keys(client.pending()[0]).sort());
});

test('what is declared of a view is there', () => {
  const view = new ReplicaView(Schema.decode(writeSchema()));
  for (const name of declared('interface', 'View')) {
    assert.notEqual(view[name], undefined, name);
  }
  for (const name of declared('interface', 'Field')) {
    assert.notEqual(view.schema.fields[0][name], undefined, name);
  }
});
