// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {MusterError, login} from '../../sdk/js/muster.js';
import {serveWebSockets} from './websocket.mjs';

// Asks a server that gives one answer; what it was asked.
async function ask(status, answer, options) {
  const asked = {};
  const server = await serveWebSockets({
    onsocket: () => {},
    onrequest: (request, response) => {
      Object.assign(asked, {method: request.method, path: request.url, headers: request.headers});
      let body = '';
      request.on('data', (bytes) => {
        body += bytes;
      });
      request.on('end', () => {
        asked.body = body;
        if (answer !== undefined) {
          response.writeHead(status, {Connection: 'close'}).end(answer);
        }
      });
    },
  });
  try {
    const url = `http://127.0.0.1:${server.port}/some/page`;
    return {asked, ticket: await login(url, options)};
  } catch (error) {
    return {asked, error};
  } finally {
    server.close();
  }
}

const good = JSON.stringify({
  player_id: '00112233445566778899aabbccddeeff', token: Buffer.alloc(2048, 7).toString('base64'),
  udp: '127.0.0.1:7777', token_lifetime_s: 30, tick_rate_hz: 60, clock_us: 1, tick_zero_us: 2,
});

test('a guest asks with a name and gets a ticket', async () => {
  const {asked, ticket} = await ask(201, good, {name: 'Zoë'});
  assert.equal(asked.method, 'POST');
  assert.equal(asked.path, '/v1/sessions');
  assert.equal(asked.headers.authorization, undefined);
  assert.deepEqual(JSON.parse(asked.body), {name: 'Zoë'});
  assert.deepEqual(ticket, {
    token: new Uint8Array(2048).fill(7), playerId: '00112233445566778899aabbccddeeff',
    tickRateHz: 60, tokenLifetimeS: 30,
  });
});

test('a back end asks with its key for one of its players', async () => {
  const playerId = 'ffeeddccbbaa99887766554433221100';
  const {asked} = await ask(201, good, {playerId, partyId: 3, tier: 2, apiKey: 'secret'});
  assert.equal(asked.headers.authorization, 'Bearer secret');
  assert.deepEqual(JSON.parse(asked.body), {player_id: playerId, party_id: 3, tier: 2});
});

test('a refusal comes with its code, its words and its status', async () => {
  const {error} = await ask(429, '{"error": "rate", "message": "too many"}');
  assert.ok(error instanceof MusterError);
  assert.deepEqual([error.code, error.message, error.status], ['rate', 'too many', 429]);
  assert.equal((await ask(503, 'null')).error.code, 'refused');
});

test('a server that is none, or does not answer, cannot be reached', async () => {
  for (const answer of ['<html>', '{"player_id": 1}', '{"token": "!"}', '[]', 'null']) {
    const {error} = await ask(201, answer);
    assert.ok(error instanceof MusterError, answer);
    assert.equal(error.code, 'unreachable', answer);
  }
  assert.equal((await ask(201, undefined, {timeoutMs: 50})).error.code, 'unreachable');
});
