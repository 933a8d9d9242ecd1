// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {ByteWriter, encodeText} from '../../sdk/js/bits.js';
import {Client, CloseReason, MusterError} from '../../sdk/js/muster.js';
import {MessageKind, RecordKind, writeCustom} from '../../sdk/js/play.js';
import {
  PaperNetwork, writeSchema, writeState, writeTicket, writeUpdate, writeWelcome,
} from './harness/paper.mjs';
import {Random, seedOf} from './harness/random.mjs';

// A client of a world of paper; `run` goes on with both.
function makeRig(options = {}) {
  const network = new PaperNetwork();
  const client = new Client({
    WebSocket: network.WebSocket, now: () => network.nowMs, autoUpdate: 0, ...options,
  });
  const rig = {
    network,
    client,
    world: network.world,
    run: (ticks, each) => network.run(ticks, () => {
      client.update();
      each?.();
    }),
    connect: () => client.connect('http://paper:7777', writeTicket(1, 0)),
    join: () => {
      rig.connect();
      rig.run(12);
      assert.equal(client.state, 'playing');
    },
  };
  return rig;
}

test('a client joins by a ticket and reads the tables', async () => {
  const {network, client, world, run, connect} = makeRig();
  assert.equal(client.state, 'idle');
  const promise = connect();
  assert.equal(client.state, 'connecting');
  run(12);
  await promise;
  assert.equal(client.state, 'playing');
  assert.equal(network.sockets[0].url, 'ws://paper:7777/v1/connect');
  assert.equal(network.sockets[0].protocol, 'muster.1');
  assert.deepEqual(world.tickets, [writeTicket(1, 0)]);
  assert.equal(client.tables.game, 'paper');
  assert.equal(client.tables.rulesVersion, 7);
  assert.equal(client.tables.tickRateHz, 60);
  assert.equal(client.tables.playerIndex, 3);
  assert.deepEqual(client.tables.actions.map((action) => action.name), ['walk', 'jump']);
  assert.deepEqual(client.tables.messages.map((message) => message.name),
    ['chat', 'news', 'point']);
  assert.deepEqual(client.tables.fields.map((field) => field.name), ['position', 'health']);
  assert.ok(client.newestTick > 1000);
});

test('an https server is reached by wss', () => {
  const {network, client} = makeRig();
  client.connect('https://paper/play', writeTicket(1, 0));
  assert.equal(network.sockets[0].url, 'wss://paper/v1/connect');
});

test('a ticket may be in Base64, and one of another length is a mistake', () => {
  const {client} = makeRig();
  client.connect('http://paper', Buffer.from(writeTicket(1, 0)).toString('base64'));
  assert.equal(client.state, 'connecting');
  assert.throws(() => client.connect('http://paper', new Uint8Array(7)), RangeError);
});

test('a client without a WebSocket class is a mistake', () => {
  const here = globalThis.WebSocket;
  globalThis.WebSocket = undefined;
  try {
    assert.throws(() => new Client(), TypeError);
  } finally {
    globalThis.WebSocket = here;
  }
});

test('a long welcome comes in parts', () => {
  const {client, world, run, connect} = makeRig();
  world.welcomes = false;
  connect();
  run(6);
  const moreActions = Array.from({length: 40}, (_, i) => ({
    name: `a rather long name ${i}`,
    rateHzMax: 60,
    params: Array.from({length: 4}, (_unused, k) => (
      {name: `parameter ${k}`, isReal: true, min: 0, max: 1, precision: 0.5})),
  }));
  const welcome = writeWelcome({moreActions});
  assert.ok(welcome.length > 3 * 1152);
  world.peer.welcome(welcome);
  run(20);
  assert.equal(client.state, 'playing');
  assert.equal(client.tables.actions.length, 42);
});

test('parts of a welcome are bounded, and empty ones cost nothing', () => {
  const {client, world, run, connect} = makeRig();
  world.welcomes = false;
  connect();
  run(6);
  for (let i = 0; i < 300; i++) {
    world.peer.push(MessageKind.welcomePart);
  }
  world.peer.welcome();
  run(60);
  assert.equal(client.state, 'playing');

  const other = makeRig();
  other.world.welcomes = false;
  other.connect();
  other.run(6);
  for (let i = 0; i < 15; i++) {
    other.world.peer.push(MessageKind.welcomePart, new Uint8Array(1152));
  }
  other.run(60);
  assert.equal(other.client.closeReason, CloseReason.protocol);
});

test('a welcome that cannot be read ends the client, whatever is wrong with it', () => {
  const good = writeWelcome();
  const bad = [
    writeWelcome({version: 2}), writeWelcome({tickRateHz: 0}), writeWelcome({tickRateHz: 241}),
    writeWelcome({tick: 2 ** 40 + 1}), writeWelcome({schema: writeSchema().fill(9, 0, 1)}),
    writeWelcome({game: 'two\nlines'}), Uint8Array.of(...good, 0),
    writeWelcome({moreActions: [{name: 'x', rateHzMax: 1, params: [
      {name: 'y', isReal: true, min: 0, max: NaN, precision: 1}]}]}),
    writeWelcome({moreActions: [{name: 'x', rateHzMax: 1, params: [
      {name: 'y', isReal: true, min: 0, max: 1, precision: 0}]}]}),
  ];
  for (let length = 0; length < good.length; length++) {
    bad.push(good.subarray(0, length));
  }
  for (const bytes of bad) {
    const {client, world, run, connect} = makeRig();
    world.welcomes = false;
    connect();
    run(4);
    world.peer.welcome(bytes);
    run(6);
    assert.equal(client.state, 'closed');
    assert.equal(client.closeReason, CloseReason.version);
    assert.equal(world.peer.closeReason, CloseReason.version);
  }
});

test('a second welcome breaks the protocol', async () => {
  const {client, world, run, join} = makeRig();
  join();
  world.peer.welcome();
  run(4);
  assert.equal(client.state, 'closed');
  assert.equal(client.closeReason, CloseReason.protocol);
});

test('a server that refuses says why', async () => {
  const {client, world, run, connect} = makeRig();
  world.issue = 9;
  const promise = connect();
  run(6);
  assert.equal(client.state, 'closed');
  assert.equal(client.closeReason, CloseReason.replaced);
  assert.equal(client.closeText, 'a newer token is in use');
  await assert.rejects(promise, (error) => error instanceof MusterError &&
    error.code === 'closed' && error.closeReason === CloseReason.replaced);
});

test('a socket that the server closes for good ends the client', () => {
  for (const [code, reason] of [[1000, CloseReason.ended], [1001, CloseReason.draining],
    [1009, CloseReason.limit], [4002, CloseReason.kicked], [4200, 200]]) {
    const {client, world, run, join} = makeRig();
    join();
    world.peer.close(code, 'because');
    run(4);
    assert.equal(client.state, 'closed', String(code));
    assert.equal(client.closeReason, reason);
    assert.equal(client.closeText, 'because');
  }
});

test('a server that is not there cannot be reached', async () => {
  for (const how of ['isRefusing', 'isCut']) {
    const {network, client, run, connect} = makeRig();
    network[how] = true;
    const promise = connect();
    run(11 * 60);
    assert.equal(client.state, 'unreachable');
    await assert.rejects(promise, {code: 'unreachable'});
  }
});

test('a page whose policy forbids the connection cannot reach the server', () => {
  const {client, run} = makeRig({WebSocket: class {
    constructor() {
      throw new Error('not allowed');
    }
  }});
  client.connect('http://paper', writeTicket(1, 0));
  run(2);
  assert.equal(client.state, 'unreachable');
});

test('entities come, move, are interpolated, and leave', () => {
  const {client, world, run, join} = makeRig();
  join();
  const peer = world.peer;
  peer.states.push(writeState(world.tick, {
    enters: [{index: 0, isMine: true, kind: 2, place: [1, 2, 3]}, {index: 4, place: [5, 5, 5]}],
  }));
  run(4);
  assert.deepEqual([...client.view.entities()].map(({index, id, kind, isMine}) =>
    ({index, id, kind, isMine})), [
    {index: 0, id: 1n, kind: 2, isMine: true}, {index: 4, id: 5n, kind: 1, isMine: false}]);
  assert.equal(client.own.index, 0);
  assert.equal(client.view.popEvent().type, 'enter');
  const place = client.view.numbers(0, 'position');
  [1, 2, 3].forEach((metres, lane) => assert.ok(Math.abs(place[lane] - metres) < 0.006));

  const from = world.tick;
  run(30, () => {
    const along = (world.tick - from) * 0.1;
    peer.states.push(writeState(world.tick, {moves: [{index: 4, place: [5 + along, 5, 5]}]}));
  });
  const drawn = client.place(4, client.renderTick);
  const expected = 5 + (client.renderTick - from) * 0.1;
  assert.ok(Math.abs(drawn[0] - expected) < 0.02, `${drawn[0]} instead of ${expected}`);

  peer.states.push(writeState(world.tick, {leaves: [0]}));
  run(4);
  assert.equal(client.own, undefined);
  assert.equal(client.place(0, client.renderTick), undefined);
});

test('of what belongs to the player its own entity is of the kind that came first', () => {
  const {client, world, run, join} = makeRig();
  join();
  world.peer.states.push(writeState(world.tick, {enters: [{index: 5, isMine: true, kind: 2}]}));
  run(4);
  assert.equal(client.own.index, 5);
  world.peer.states.push(writeState(world.tick, {enters: [{index: 1, isMine: true, kind: 3}]}));
  run(4);
  assert.equal(client.own.index, 5);
  world.peer.states.push(writeState(world.tick, {leaves: [5]}));
  run(4);
  assert.equal(client.own, undefined);
  world.peer.states.push(writeState(world.tick, {enters: [{index: 7, isMine: true, kind: 2}]}));
  run(4);
  assert.equal(client.own.index, 7);
});

test('actions reach the server rounded to their steps, and are pending until they count', () => {
  const {client, world, run, join} = makeRig();
  join();
  world.counts = false;
  const tick = client.tick;
  assert.equal(client.act('walk', {heading: 1.3, speed: 99}), 1);
  assert.equal(client.act('jump'), 2);
  assert.deepEqual(client.pending(), [
    {tick, sequence: 1, action: 'walk', values: {heading: 1.5, speed: 10}},
    {tick, sequence: 2, action: 'jump', values: {}},
  ]);
  run(4);
  assert.deepEqual(world.peer.inputs, [
    {sequence: 1, tick, name: 'walk', steps: [11, 10]},
    {sequence: 2, tick, name: 'jump', steps: []},
  ]);
  assert.equal(client.counted, 0);
  world.peer.counted = 1;
  run(4);
  assert.equal(client.counted, 1);
  assert.deepEqual(client.pending().map((action) => action.sequence), [2]);
  assert.equal(client.act('walk', {heading: NaN}), 3);
  assert.equal(client.pending()[1].values.heading, -4);
});

test('an action that the game does not have is a mistake, and none comes before it plays', () => {
  const {client, join} = makeRig();
  assert.equal(client.act('walk'), 0);
  assert.equal(client.send('chat', 'early'), false);
  join();
  assert.throws(() => client.act('fly'), RangeError);
  assert.throws(() => client.act('jump', {height: 1}), RangeError);
});

test('actions wait up to a limit, and those that never count give way', () => {
  const {client, world, run, join} = makeRig();
  join();
  world.counts = false;
  for (let i = 1; i <= 64; i++) {
    assert.equal(client.act('jump'), i);
  }
  assert.equal(client.act('jump'), 0);
  run(4);
  assert.equal(world.peer.inputCount, 32);
  assert.equal(world.peer.inputs.at(-1).sequence, 64); // the newest
  run(130);
  assert.equal(client.pending().length, 0);
  assert.equal(client.act('jump'), 65);
});

test('an action is repeated until it counts, so a lost packet costs nothing', () => {
  const {client, network, world, run, join} = makeRig();
  join();
  let dropped = 0;
  const carry = network.carry.bind(network);
  network.carry = (what, isPacket) => {
    if (isPacket || dropped++ > 0) {
      carry(what, isPacket);
    }
  };
  client.act('jump');
  run(6);
  assert.equal(world.peer.inputs.length, 1);
});

test('reliable and unreliable messages go and come', () => {
  const {client, world, run, join} = makeRig();
  join();
  assert.ok(client.send('chat', 'hällo'));
  assert.ok(client.send('point', Uint8Array.of(1, 2)));
  assert.throws(() => client.send('news', 'mine'), RangeError);
  assert.throws(() => client.send('nothing'), RangeError);
  assert.throws(() => client.send('chat', 'x'.repeat(201)), RangeError);
  run(4);
  assert.deepEqual(
    world.peer.received.map(({bytes, isReliable}) => [isReliable, ...bytes]).sort(),
    [[false, 2, 1, 2], [true, 0, ...encodeText('hällo')]]);

  world.peer.push(MessageKind.custom, writeCustom(1, encodeText('news')));
  world.peer.push(MessageKind.custom, writeCustom(9, encodeText('of a table of tomorrow')));
  run(4);
  const message = client.popMessage();
  assert.equal(message.name, 'news');
  assert.deepEqual(message.bytes, encodeText('news'));
  assert.equal(message.bytes.buffer.byteLength, message.bytes.length);
  assert.equal(client.popMessage(), undefined);
  assert.equal(client.stats.messagesDropped, 1);

  const heard = [];
  client.onmessage = (name, bytes) => heard.push([name, ...bytes]);
  world.peer.push(MessageKind.custom, writeCustom(0, Uint8Array.of(7)));
  run(4);
  assert.deepEqual(heard, [['chat', 7]]);
});

test('unreliable messages wait up to a limit', () => {
  const {client, join} = makeRig();
  join();
  const sent = Array.from({length: 8}, () => client.send('point', new Uint8Array(100)));
  assert.deepEqual(sent, [true, true, true, true, true, true, false, false]);
});

test('messages that nobody takes are dropped at last', () => {
  const {client, world, run, join} = makeRig();
  join();
  for (let i = 0; i < 300; i++) {
    world.peer.push(MessageKind.custom, writeCustom(0, Uint8Array.of(i & 0xff)));
    run(1);
  }
  run(10);
  assert.equal(client.stats.messagesDropped, 300 - 256);
  assert.deepEqual(client.popMessage().bytes, Uint8Array.of(0));
});

test('a handler that throws leaves the client as it should be', () => {
  const {client, world, run, join} = makeRig();
  join();
  client.onmessage = () => {
    throw new Error('mine');
  };
  world.peer.push(MessageKind.custom, writeCustom(0, Uint8Array.of(1)));
  world.peer.states.push(writeState(world.tick, {enters: [{index: 0}]}));
  assert.throws(() => run(4), /mine/);
  client.onmessage = undefined;
  run(4);
  assert.equal([...client.view.entities()].length, 1);
  assert.equal(client.state, 'playing');
});

test('what cannot be decoded is asked for anew, at most once a second', () => {
  const {client, world, run, join} = makeRig();
  join();
  world.peer.states.push(writeState(world.tick, {enters: [{index: 0}]}));
  run(4);
  world.peer.states.push([1, 2, 3]);
  run(3);
  assert.equal(client.stats.refreshes, 1);
  assert.equal([...client.view.entities()].length, 0);
  run(3);
  assert.equal(world.peer.refreshes, 1);
  assert.equal(world.peer.epoch, 1);
  world.peer.states.push(writeState(world.tick, {enters: [{index: 2}]}));
  run(4);
  assert.deepEqual([...client.view.entities()].map((entity) => entity.index), [2]);
  world.peer.states.push([1, 2, 3]);
  run(10);
  assert.equal(client.stats.refreshes, 1);
  run(60);
  assert.equal(client.stats.refreshes, 2);
  assert.equal(client.stats.updatesRefused, 2);
});

test('updates of an epoch that was given up change nothing', () => {
  const {client, world, run, join} = makeRig();
  join();
  world.peer.states.push(writeState(world.tick, {enters: [{index: 0, place: [1, 1, 1]}]}));
  run(4);
  assert.notEqual(client.place(0, Infinity), undefined);
  world.peer.states.push([1, 2, 3]);
  run(3);
  assert.equal(client.place(0, Infinity), undefined);
  const deaf = () => {
    world.peer.epoch = 0; // as if the server had not heard
  };
  run(2, deaf);
  world.peer.states.push(writeState(world.tick, {enters: [{index: 0}]}));
  run(6, deaf);
  assert.equal(world.peer.refreshes, 1);
  assert.equal(client.view.count, 0);
  world.peer.epoch = 1;
  world.peer.states.push(writeState(world.tick, {enters: [{index: 1}]}));
  run(4);
  assert.equal(client.view.count, 1);
  world.peer.epoch = 0;
  world.peer.states.push(writeState(world.tick, {enters: [{index: 2}]}));
  run(4);
  assert.equal(client.view.count, 1);
});

test('a new connection begins with epoch 0', () => {
  const {client, world, run, join} = makeRig();
  join();
  world.peer.states.push([1, 2, 3]);
  run(10);
  assert.equal(world.peer.epoch, 1);
  world.peer.close(1006);
  run(20);
  assert.equal(client.state, 'playing');
  world.peer.states.push(writeState(world.tick, {enters: [{index: 1}]}));
  run(4);
  assert.equal(client.view.count, 1);
});

test('a client aims for the margin, with a picture that never goes back', () => {
  const {client, network, world, run, join} = makeRig();
  join();
  network.delayMs = 40;
  world.counts = false;
  let before = 0;
  run(600, () => {
    client.act('jump');
    const inputs = world.peer.inputs;
    for (const input of inputs.splice(0)) {
      world.peer.margin = Math.max(-127, Math.min(127, input.tick - world.tick - 1));
      world.peer.counted = input.sequence;
    }
    assert.ok(client.renderTick >= before);
    before = client.renderTick;
  });
  assert.ok(Math.abs(client.stats.marginTicks - 2) <= 1, `margin ${client.stats.marginTicks}`);
  const stats = client.stats;
  assert.ok(Math.abs(stats.rttMs - 80) < 20, `rtt ${stats.rttMs}`);
  assert.ok(stats.updateAgeMs >= 30 && stats.updateAgeMs < 90, `age ${stats.updateAgeMs}`);
  assert.ok(stats.interpolationMs >= 33 && stats.interpolationMs < 60);
  assert.equal(stats.lossRatio, 0);
});

test('ticks of actions never go back, even when they are much too early', () => {
  const {client, world, run, join} = makeRig();
  join();
  run(20);
  world.peer.margin = 60;
  client.act('jump');
  const [{tick}] = client.pending();
  run(8);
  assert.equal(client.pending().length, 0);
  client.act('jump');
  client.act('jump');
  assert.deepEqual(client.pending().map((action) => action.tick), [tick, tick]);
});

test('a packet of actions goes out once a tick, or less if that is wanted', () => {
  for (const sendTicks of [1, 2]) {
    const {client, network, run, join} = makeRig({sendTicks});
    join();
    const sent = client.stats.packetsSent;
    run(60, () => {
      for (let i = 0; i < 10; i++) {
        client.update();
      }
      network.nowMs += 0.01;
    });
    assert.equal(client.stats.packetsSent - sent, 60 / sendTicks);
  }
});

test('a token is used once, also when no others have come since', () => {
  const {client, world, run, join} = makeRig();
  join();
  world.tokenCount = 0;
  world.peer.close(1006);
  run(15);
  world.peer.close(1006);
  run(15);
  assert.equal(client.state, 'playing');
  assert.deepEqual(world.tickets.map((ticket) => ticket[1]), [0, 1, 2]);
  world.peer.close(1006);
  run(2);
  assert.equal(client.state, 'unreachable');
});

test('the first token of a new connection replaces all before', () => {
  const {client, world, run, join} = makeRig();
  join();
  world.tokenCount = 0;
  world.peer.close(1006);
  run(20);
  world.peer.push(MessageKind.resume, writeTicket(1, 7));
  run(4);
  world.peer.close(1006);
  run(20);
  assert.equal(client.state, 'playing');
  assert.deepEqual(world.tickets.map((ticket) => ticket[1]), [0, 1, 7]);
});

test('silence is answered by a second connection with a resume token', () => {
  const {client, network, world, run, join} = makeRig();
  join();
  client.act('jump');
  run(4);
  world.counts = false;
  client.act('jump');
  network.isCut = true;
  run(80);
  assert.equal(client.state, 'playing');
  run(15);
  assert.equal(client.state, 'resuming');
  assert.equal(client.act('jump'), 0);
  assert.equal(network.sockets.length, 2);
  network.isCut = false;
  world.peer.isGone = true; // and does not come back
  run(6 * 60);
  assert.equal(client.state, 'playing');
  assert.equal(client.stats.resumes, 1);
  assert.deepEqual(world.tickets.at(-1), writeTicket(1, 1));
  assert.equal(network.sockets[0].readyState, 3);
  assert.equal(client.pending().length, 0);
  assert.equal(client.act('jump'), 1);
});

test('when a token is taken and the answers are lost, the next try is made with another', () => {
  const {client, network, world, run, join} = makeRig();
  join();
  world.peer.close(1006);
  network.loses = () => true;
  run(60);
  assert.equal(client.state, 'resuming');
  assert.deepEqual(world.tickets.at(-1), writeTicket(1, 1));
  run(5 * 60);
  network.loses = () => false;
  world.peers.at(-2).isGone = true;
  run(60);
  assert.equal(client.state, 'playing');
  assert.deepEqual(world.tickets.at(-1), writeTicket(1, 2));
});

test('a socket that breaks, or that the server held for dead, is replaced at once', () => {
  for (const code of [1006, 1011, 4011]) {
    const {client, world, run, join} = makeRig();
    join();
    world.peer.close(code);
    run(3);
    assert.equal(client.state, 'resuming');
    run(12);
    assert.equal(client.state, 'playing');
    assert.deepEqual(world.tickets.at(-1), writeTicket(1, 1));
  }
});

test('a connection that is heard again in time is kept', () => {
  const {client, network, run, join} = makeRig();
  join();
  network.isCut = true;
  run(95);
  assert.equal(client.state, 'resuming');
  network.isCut = false;
  run(10);
  assert.equal(client.state, 'playing');
  assert.equal(client.stats.resumes, 0);
  assert.equal(network.sockets[0].readyState, 1);
  assert.equal(network.sockets[1].readyState, 3);
});

test('a resume that is refused ends the client', () => {
  const {client, world, run, join} = makeRig();
  join();
  world.issue = 100;
  world.peer.close(1006);
  run(12);
  assert.equal(client.state, 'closed');
  assert.equal(client.closeReason, CloseReason.replaced);
});

test('a token that is refused gives way to the other one', () => {
  const {client, world, run, join} = makeRig();
  join();
  world.refusals = [CloseReason.refused];
  world.peer.close(1006);
  run(30);
  assert.equal(client.state, 'playing');
  assert.deepEqual(world.tickets.map((ticket) => ticket[1]), [0, 1, 2]);
  world.refusals = [CloseReason.refused, CloseReason.refused];
  world.peer.close(1006);
  run(30);
  assert.equal(client.state, 'closed');
  assert.equal(client.closeReason, CloseReason.refused);
  assert.equal(client.closeText, 'not now');
});

test('a server that closes the second socket for good ends the client', () => {
  const {client, network, world, run, join} = makeRig();
  join();
  network.loses = () => true;
  world.peer.close(1006);
  run(6);
  world.peer.close(4006, 'elsewhere');
  run(6);
  assert.equal(client.state, 'closed');
  assert.equal(client.closeReason, CloseReason.replaced);
  assert.equal(client.closeText, 'elsewhere');
});

test('a server that is full is asked again within the window', () => {
  const {client, world, run, join} = makeRig();
  join();
  world.refusals = [CloseReason.full, CloseReason.full];
  world.peer.close(1006);
  run(30);
  assert.equal(client.state, 'resuming');
  run(120);
  assert.equal(client.state, 'playing');
});

test('a server that stays away cannot be reached after the window', () => {
  const {client, network, world, run, join} = makeRig({resumeWindowMs: 5000});
  join();
  network.isRefusing = true;
  world.peer.close(1006);
  run(4 * 60);
  assert.equal(client.state, 'resuming');
  assert.ok(network.sockets.length >= 4 && network.sockets.length <= 6);
  run(2 * 60);
  assert.equal(client.state, 'unreachable');
});

test('a resume goes by new tables, and its tokens replace those before', () => {
  const {client, world, run, join} = makeRig();
  join();
  world.peer.states.push(writeState(world.tick, {enters: [{index: 0}]}));
  run(4);
  const view = client.view;
  world.peer.close(1006);
  run(15);
  assert.notEqual(client.view, view);
  assert.equal([...client.view.entities()].length, 0);
  world.peer.close(1006);
  run(15);
  assert.equal(client.state, 'playing');
  assert.deepEqual(world.tickets.map((ticket) => ticket[1]), [0, 1, 2]);
});

test('leaving is told to the server', async () => {
  const {client, network, world, run, join} = makeRig();
  join();
  client.leave();
  assert.equal(client.state, 'idle');
  run(4);
  assert.equal(world.peer.closeReason, CloseReason.left);
  assert.equal(network.sockets[0].closeCode, 1000);
  client.leave();
  run(4);
  assert.equal(client.state, 'idle');
  const {packetsReceived} = client.stats;
  network.sockets[0].onmessage?.({data: new ArrayBuffer(9)});
  assert.equal(client.stats.packetsReceived, packetsReceived);
});

test('a client may join again', () => {
  const {client, world, join} = makeRig();
  join();
  client.leave();
  world.issue = 0;
  join();
  assert.equal(world.peers.length, 2);
});

test('leaving before it plays rejects what connect() has promised', async () => {
  const {client, run, connect} = makeRig();
  const promise = connect();
  run(1);
  client.leave();
  await assert.rejects(promise, MusterError);
});

test('nothing is sent into a socket that is stuck', () => {
  const {client, network, run, join} = makeRig();
  join();
  network.sockets[0].bufferedAmount = 20000;
  const sent = client.stats.packetsSent;
  run(10);
  assert.equal(client.stats.packetsSent, sent);
  network.sockets[0].bufferedAmount = 0;
  run(10);
  assert.ok(client.stats.packetsSent > sent);
});

test('a client that drives itself needs no calls', async () => {
  const network = new PaperNetwork();
  const client = new Client({
    WebSocket: network.WebSocket, now: () => network.nowMs, autoUpdate: 1000,
  });
  const timer = setInterval(() => network.run(1), 1);
  try {
    await client.connect('http://paper', writeTicket(1, 0));
    assert.equal(client.state, 'playing');
  } finally {
    clearInterval(timer);
    client.leave();
  }
});

test('malformed packets are counted and throw nothing, at every length', (context) => {
  const random = new Random(seedOf(context));
  const {client, network, world, run, join} = makeRig();
  join();
  const socket = network.sockets[0];
  world.peer.session.begin(world.nowUs);
  const update = writeUpdate({
    tick: world.tick, state: writeState(world.tick, {enters: [{index: 0}]}),
  });
  world.peer.session.blob(RecordKind.update, update);
  world.peer.session.push(MessageKind.custom, writeCustom(0, new Uint8Array(9)));
  const good = world.peer.session.end();
  const {packetsReceived, updatesRefused} = client.stats;
  for (let length = 0; length < good.length; length++) {
    socket.deliver(good.slice(0, length));
  }
  socket.deliver('a text');
  assert.equal(client.stats.packetsReceived, packetsReceived + good.length + 1);
  // The packet may end before its only record.
  assert.equal(client.stats.updatesRefused, updatesRefused + good.length);
  for (let i = 0; i < 3000 && client.state === 'playing'; i++) {
    const bytes = good.slice();
    for (let changes = 1 + random.below(4); changes > 0; changes--) {
      bytes[3 + random.below(bytes.length - 3)] = random.below(256);
    }
    socket.deliver(bytes);
  }
  run(10);
  assert.ok(['playing', 'resuming', 'closed'].includes(client.state));
});

test('records of any bytes throw nothing', (context) => {
  const random = new Random(seedOf(context));
  const {client, world, run, join} = makeRig();
  join();
  for (let i = 0; i < 500; i++) {
    const writer = new ByteWriter(40);
    for (let length = random.below(40); length > 0; length--) {
      writer.u8(random.below(256));
    }
    const kind = random.below(5);
    world.peer.session.begin(world.nowUs);
    world.peer.session.blob(kind, writer.finish());
    world.peer.send(world.peer.session.end());
    world.peer.push(6 + random.below(100), writer.finish());
    world.peer.push(MessageKind.resume, writer.finish());
    run(1);
  }
  assert.equal(client.state, 'playing');
});

test('a bad line costs time and nothing else', (context) => {
  const random = new Random(seedOf(context));
  const {client, network, world, run, join} = makeRig();
  join();
  network.loses = () => random.share() < 0.2;
  const wanted = [];
  const heard = [];
  client.onmessage = (name, bytes) => heard.push(bytes[0]);
  for (let i = 0; i < 100; i++) {
    wanted.push(i);
    world.peer.push(MessageKind.custom, writeCustom(0, Uint8Array.of(i)));
    client.act('jump');
    run(3);
  }
  run(120);
  assert.deepEqual(heard, wanted);
  assert.equal(world.peer.inputs.length, 100);
  assert.equal(client.pending().length, 0);
  assert.ok(client.stats.updates > 300);
});

test('a client comes back whatever a network does for less than its window', (context) => {
  const random = new Random(seedOf(context));
  for (let round = 0; round < 10; round++) {
    const {client, network, world, run, join} = makeRig();
    join();
    const heard = [];
    client.onmessage = (name, bytes) => heard.push(bytes[0]);
    for (let second = 0; second < 60; second++) {
      const what = random.below(8);
      network.delayMs = random.below(4) === 0 ? 5 + random.below(200) : network.delayMs;
      network.isCut = what === 0;
      network.isRefusing = what === 1;
      const share = random.below(3) === 0 ? 0.3 : 0;
      network.loses = () => random.share() < share;
      if (what >= 5 && client.state === 'playing') {
        world.peer.close(1006);
      }
      run(1 + random.below(120), () => {
        if (client.state === 'playing') {
          client.act('walk', {heading: 1});
        }
      });
      assert.ok(client.state === 'playing' || client.state === 'joining' ||
        client.state === 'resuming', client.state);
      network.isCut = false;
      network.isRefusing = false;
      network.loses = () => false;
      run(120); // in which tokens come
    }
    run(10 * 60);
    assert.equal(client.state, 'playing');
    assert.equal(client.pending().length, 0);
    world.peer.push(MessageKind.custom, writeCustom(0, Uint8Array.of(round)));
    run(60);
    assert.deepEqual(heard, [round]);
    assert.ok(network.sockets.filter((socket) => socket.readyState < 2).length === 1);
  }
});
