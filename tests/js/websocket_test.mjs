// SPDX-License-Identifier: Apache-2.0

// The WebSockets that tests use, against each other.

import assert from 'node:assert/strict';
import {connect} from 'node:net';
import {test} from 'node:test';

import {Opcode, ReadyState, WebSocket, encodeFrame, serveWebSockets} from './websocket.mjs';

function once(socket, name) {
  return new Promise((resolve) => {
    socket[name] = resolve;
  });
}

// Runs with a connected pair.
async function withPair(what) {
  let serverSocket;
  const arrived = new Promise((resolve) => {
    serverSocket = resolve;
  });
  const server = await serveWebSockets({onsocket: (socket) => serverSocket(socket)});
  try {
    const client = new WebSocket(`ws://127.0.0.1:${server.port}/x`, 'muster.1');
    await once(client, 'onopen');
    await what(client, await arrived);
  } finally {
    server.close();
  }
}

test('messages of every length go both ways', () => withPair(async (client, server) => {
  assert.equal(client.protocol, 'muster.1');
  assert.equal(server.protocol, 'muster.1');
  for (const length of [0, 1, 125, 126, 127, 65535, 65536, 200000]) {
    const bytes = new Uint8Array(length).map((_, i) => i * 7);
    for (const [from, to] of [[client, server], [server, client]]) {
      const received = once(to, 'onmessage');
      from.send(bytes);
      assert.deepEqual(new Uint8Array((await received).data), bytes);
    }
  }
  const text = once(server, 'onmessage');
  client.send('grüße');
  assert.equal((await text).data, 'grüße');
}));

test('messages may be cut into frames, with control frames between them', () =>
  withPair(async (client, server) => {
    client.fragmentBytes = 3;
    let received = once(server, 'onmessage');
    client.send(Uint8Array.of(1, 2, 3, 4, 5, 6, 7));
    assert.deepEqual([...new Uint8Array((await received).data)], [1, 2, 3, 4, 5, 6, 7]);
    received = once(server, 'onmessage');
    client.sendFrame({opcode: Opcode.binary, bytes: [1], isFinal: false});
    client.sendFrame({opcode: Opcode.ping, bytes: [9]});
    client.sendFrame({opcode: Opcode.continuation, bytes: [2]});
    assert.deepEqual([...new Uint8Array((await received).data)], [1, 2]);
    const echo = once(client, 'onmessage');
    server.send(Uint8Array.of(0));
    await echo;
    assert.deepEqual([...client.pongs[0]], [9]);
  }));

test('a close comes with its code and reason on both ends', () => withPair(
  async (client, server) => {
    const closes = Promise.all([once(client, 'onclose'), once(server, 'onclose')]);
    server.close(4002, 'kicked');
    const [atClient, atServer] = await closes;
    assert.deepEqual(atClient, {code: 4002, reason: 'kicked', wasClean: true});
    assert.equal(atServer.code, 4002);
    assert.equal(client.readyState, ReadyState.closed);
  }));

test('a connection that breaks is told as such', () => withPair(async (client, server) => {
  const closes = Promise.all([once(client, 'onclose'), once(server, 'onclose')]);
  client.destroy();
  for (const {code, wasClean} of await closes) {
    assert.equal(code, 1006);
    assert.equal(wasClean, false);
  }
}));

test('frames that break the rules end the connection', async () => {
  for (const frame of [{opcode: 3}, {opcode: Opcode.continuation}, {opcode: 2, reserved: 4},
    {opcode: Opcode.ping, isFinal: false}, {opcode: Opcode.ping, bytes: new Uint8Array(126)},
    {opcode: 2, isMasked: false}]) {
    await withPair(async (client) => {
      const close = once(client, 'onclose');
      client.sendFrame(frame);
      assert.equal((await close).code, 1002, JSON.stringify(frame));
    });
  }
  await withPair(async (client) => {
    const close = once(client, 'onclose');
    client.sendFrame({opcode: 2, bytes: new Uint8Array((1 << 20) + 1)});
    assert.equal((await close).code, 1009);
  });
});

test('a client takes no answer but the right one', async () => {
  const server = await serveWebSockets({onsocket: () => {}});
  try {
    const client = new WebSocket(`ws://127.0.0.1:${server.port}/`, ['a', 'b']);
    await once(client, 'onopen');
    assert.equal(client.protocol, 'a');
    const stranger = new WebSocket(`ws://127.0.0.1:${server.port}/`, [],
      {headers: {'Sec-WebSocket-Protocol': 'c'}});
    assert.equal((await once(stranger, 'onclose')).code, 1006);
  } finally {
    server.close();
  }
});

test('a port where nobody listens closes the socket', async () => {
  const server = await serveWebSockets({onsocket: () => {}});
  server.close();
  const client = new WebSocket(`ws://127.0.0.1:${server.port}/`);
  assert.equal((await once(client, 'onclose')).code, 1006);
});

test('frames are as the standard has them', async () => {
  assert.deepEqual([...encodeFrame({opcode: Opcode.text, bytes: Buffer.from('Hello')})],
    [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
  // The answer to the key of the standard's own example.
  const server = await serveWebSockets({onsocket: () => {}});
  const stream = connect({port: server.port, host: '127.0.0.1'});
  stream.write('GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n');
  const answer = await new Promise((resolve) => {
    stream.once('data', (bytes) => resolve(bytes.toString()));
  });
  assert.match(answer, /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
  stream.destroy();
  server.close();
});
