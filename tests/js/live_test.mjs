// SPDX-License-Identifier: Apache-2.0

// Clients in Node beside bots that came by UDP, in worlds of the built program.

import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';

import {Client, CloseReason, MusterError, join, login} from '../../sdk/js/muster.js';
import {WebSocket} from './websocket.mjs';
import {World, waitFor} from './harness/world.mjs';

const BOT_COUNT = 6;
const KIND_FIGHTER = 1;

let world;

before(async () => {
  world = await World.start(
    ['--game', 'skirmish', '--scene', 'battle', '--bots', String(BOT_COUNT)]);
  await waitFor('the bots to join', async () => (await world.players()).size === BOT_COUNT);
});

after(() => world?.stop());

// Joins with sockets that a test can reach.
async function joinHere(name, url = world.url) {
  const sockets = [];
  const client = await join(url, {name, WebSocket: class extends WebSocket {
    constructor(...given) {
      super(...given);
      sockets.push(this);
    }
  }});
  return {client, sockets};
}

// Some ticks after the welcome, when the tokens to come back with are there, too.
async function settle(client) {
  const tick = client.newestTick;
  await waitFor('ticks to pass', () => client.newestTick > tick + 30);
}

function distance(a, b) {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

test('a player by WebSocket and bots by UDP are in one world', async () => {
  const {client} = await joinHere('Ada');
  try {
    assert.equal(client.tables.game, 'skirmish');
    await waitFor('its own entity', () => client.own);
    assert.equal(client.own.kind, KIND_FIGHTER);
    const others = () => [...client.view.entities()].filter(
      ({kind, isMine}) => kind === KIND_FIGHTER && !isMine);
    await waitFor('the bots in sight', () => others().length > 0);
    const players = await world.players();
    assert.equal(players.size, BOT_COUNT + 1);
    assert.ok(players.get('Ada').connected);

    // What the operators' map shows is where the client sees it.
    await waitFor('the same places on the map', async () => {
      const {points} = await world.get('/v1/map');
      return others().every(({index}) => {
        const place = client.place(index, client.renderTick);
        return points.some(([x, y]) => Math.hypot(x - place[0], y - place[1]) < 8);
      });
    });
    await waitFor('figures', () => client.stats.updates > 20 && client.stats.rttMs > 0);
    assert.equal(client.stats.updatesRefused, 0);
    assert.equal(client.stats.refreshes, 0);
  } finally {
    client.leave();
  }
  await waitFor('the player to be gone', async () => !(await world.players()).has('Ada'));
});

test('what a player does by WebSocket is done in the world', async () => {
  const {client} = await joinHere('Bob');
  try {
    await waitFor('its own entity', () => client.own && client.place(client.own.index, Infinity));
    const from = client.place(client.own.index, Infinity);
    let heading = 0;
    await waitFor('its own entity to move', () => {
      heading += 0.02; // not only into a wall
      client.act('move', {heading, speed: 5});
      const place = client.own && client.place(client.own.index, Infinity);
      return place && distance(from, place) > 1;
    });
    assert.ok(client.counted > 0);
    await waitFor('all actions to count', () => client.pending().length === 0);
  } finally {
    client.leave();
  }
});

test('a player whose socket breaks comes back as the same', async () => {
  const {client, sockets} = await joinHere('Cleo');
  try {
    await waitFor('its own entity', () => client.own);
    const {playerIndex} = client.tables;
    const {id} = client.own;
    for (const resumes of [1, 2]) {
      await settle(client);
      sockets.at(-1).destroy();
      await waitFor('the player to be back',
        () => client.state === 'playing' && client.stats.resumes === resumes);
      assert.equal(client.tables.playerIndex, playerIndex);
      assert.equal(client.tables.isBack, true);
      await waitFor('its own entity', () => client.own);
      assert.equal(client.own.id, id);
    }
    assert.equal(sockets.length, 3);
    assert.equal((await world.players()).size, BOT_COUNT + 1);
  } finally {
    client.leave();
  }
});

test('a player who hears nothing comes back by another socket', async () => {
  const {client, sockets} = await joinHere('Dora');
  try {
    await settle(client);
    sockets[0].pause();
    await waitFor('the player to be back',
      () => client.state === 'playing' && client.stats.resumes === 1);
    assert.equal(sockets.length, 2);
  } finally {
    client.leave();
  }
});

test('a player who is sent away knows why', async () => {
  const {client} = await joinHere('Eve');
  const {player_id: id} = await waitFor(
    'the player', async () => (await world.players()).get('Eve'));
  const answer = await world.ask('POST', `/v1/players/${id}/kick`, '{"reason": "enough"}');
  assert.equal(answer.status, 202);
  await waitFor('the goodbye', () => client.state === 'closed');
  assert.equal(client.closeReason, CloseReason.kicked);
  assert.equal(client.closeText, 'enough');
});

test('a login that is refused says why', async () => {
  await assert.rejects(login(world.url, {name: 'x'.repeat(40)}), (error) =>
    error instanceof MusterError && error.code === 'invalid' && error.status === 400);
  await assert.rejects(login('http://127.0.0.1:1'), {code: 'unreachable'});
});

test('a ticket that is none, or was used, does not open the world', async () => {
  const {token} = await login(world.url, {name: 'Fay'});
  const changed = token.slice();
  changed[1000] ^= 1;
  const clients = [1, 2, 3].map(() => new Client({WebSocket}));
  const refusal = {code: 'closed', closeReason: CloseReason.refused};
  await assert.rejects(clients[0].connect(world.url, changed), refusal);
  await clients[1].connect(world.url, token);
  await assert.rejects(clients[2].connect(world.url, token), refusal);
  assert.equal(clients[1].state, 'playing');
  clients[1].leave();
});

test('the example walks through the game hello', async () => {
  const hello = await World.start(['--game', 'hello']);
  const {log} = console;
  const lines = [];
  const argv = process.argv[2];
  const here = globalThis.WebSocket;
  try {
    globalThis.WebSocket = WebSocket;
    process.argv[2] = hello.url;
    console.log = (line) => lines.push(line);
    await import('../../examples/join.mjs');
  } finally {
    console.log = log;
    process.argv[2] = argv;
    globalThis.WebSocket = here;
  }
  assert.equal(lines[0], 'sees itself');
  const [, x] = lines.at(-1).match(/^walked to (-?[\d.]+),/);
  assert.ok(Number(x) > 1, lines.at(-1));
  assert.equal(await hello.stop(), 0);
});

test('players of the game hello hear each other', async () => {
  const hello = await World.start(['--game', 'hello']);
  const clients = [];
  try {
    for (const name of ['Hal', 'Ida']) {
      clients.push((await joinHere(name, hello.url)).client);
    }
    const [hal, ida] = clients;
    assert.ok(hal.send('chat', 'hello, Ida'));
    const message = await waitFor('the message', () => ida.popMessage());
    assert.equal(message.name, 'chat');
    assert.equal(Buffer.from(message.bytes).toString(), 'hello, Ida');
    await waitFor('each other', () => clients.every((client) => client.view.count === 2));
  } finally {
    clients.forEach((client) => client.leave());
    await hello.stop();
  }
});

test('a player comes in over TLS', async () => {
  const secure = await World.start(
    ['--game', 'hello', '--set', 'tls.self_signed=true', '--set', 'tls.admin=false']);
  // The login goes by fetch(), which has no other way to trust a certificate of a moment.
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  try {
    const {client, sockets} = await joinHere('Jon', `https://127.0.0.1:${secure.port}`);
    assert.match(sockets[0].url, /^wss:/);
    assert.equal(sockets[0].stream.getProtocol(), 'TLSv1.3');
    await waitFor('its own entity', () => client.own);
    await settle(client);
    sockets[0].destroy();
    await waitFor('the player to be back',
      () => client.state === 'playing' && client.stats.resumes === 1);
    client.leave();
    await waitFor('the player to be gone', async () => (await secure.players()).size === 0);
  } finally {
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    await secure.stop();
  }
});
