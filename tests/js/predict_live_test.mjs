// SPDX-License-Identifier: Apache-2.0

// The player's own fighter ahead of the server, in a world of the built program, over a bad line.

import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';

import {Predictor, join} from '../../sdk/js/muster.js';
import {SkirmishLand} from '../../web/play/skirmish_land.js';
import {SkirmishMove} from '../../web/play/skirmish_move.js';
import {lineWith} from './harness/line.mjs';
import {Random, seedOf} from './harness/random.mjs';
import {World, waitFor} from './harness/world.mjs';

const FRAME_MS = 1000 / 60;
const FRAME_COUNT = 600;
const SPRINT_MPS = 7;
const JUMP_M = 4; // what is further is no correction: the fighter came back elsewhere

let world;

before(async () => {
  world = await World.start(['--game', 'skirmish', '--scene', 'battle', '--bots', '20']);
});

after(() => world?.stop());

const distance = (a, b) => Math.hypot(...a.map((number, lane) => number - b[lane]));

async function joinOverBadLine(random) {
  const WebSocket = lineWith(
    {delayMs: 30, lossShare: 0.02, holdMs: 100, random: () => random.share()});
  const client = await join(world.url, {name: 'Ada', WebSocket, autoUpdate: 0});
  let land;
  await waitFor('the land', () => {
    client.update();
    const message = client.popMessage();
    land = message?.name === 'land' ? SkirmishLand.fromMessage(message.bytes) : land;
    return land !== undefined && client.own !== undefined;
  });
  return {client, predictor: new Predictor(new SkirmishMove(land))};
}

// A frame for `count` times; `each` sees where the fighter is drawn.
async function playFrames({client, predictor}, count, act, each) {
  for (let i = 0; i < count; i++) {
    const began = performance.now();
    client.update();
    act(i);
    predictor.update(client, performance.now());
    for (let event = client.view.popEvent(); event; event = client.view.popEvent()) {
      // nobody looks at them
    }
    each(predictor.place(), performance.now());
    await new Promise((resolve) => {
      setTimeout(resolve, FRAME_MS - (performance.now() - began));
    });
  }
}

test('the own fighter moves at once, and never jumps by half a metre', async (context) => {
  const random = new Random(seedOf(context));
  const player = await joinOverBadLine(random);
  const {client} = player;
  const shown = [];
  let values = {heading: 0, speed: 4, sprint: 0};
  try {
    await playFrames(player, FRAME_COUNT, () => {
      if (random.below(40) === 0) {
        const heading = random.share() * 6.2 - 3.1;
        values = {heading, speed: random.below(5), sprint: random.below(2)};
      }
      client.act('move', values);
    }, (place, nowMs) => shown.push({place, nowMs}));
  } finally {
    client.leave();
  }
  let largest = 0;
  let way = 0;
  for (let i = 1; i < shown.length; i++) {
    const [before, now] = [shown[i - 1], shown[i]];
    if (before.place === undefined || now.place === undefined) {
      continue;
    }
    const stepM = distance(before.place, now.place);
    if (stepM < JUMP_M) {
      const walkedM = SPRINT_MPS * 1.5 * (now.nowMs - before.nowMs) / 1000;
      largest = Math.max(largest, stepM - walkedM);
      way += stepM;
    }
  }
  context.diagnostic(`largest jump ${largest.toFixed(3)} m on ${way.toFixed(0)} m of way`);
  assert.ok(way > 5);
  // How evenly pictures follow each other is the machine's doing as well.
  assert.ok(largest < 0.5 || !process.env.MUSTER_TIMED, `${largest} m`);
});

test('a key is seen before the server can have answered', async (context) => {
  const player = await joinOverBadLine(new Random(seedOf(context)));
  const {client} = player;
  try {
    let seenM = 0;
    for (const heading of [1, 1 - Math.PI]) { // a wall stands on one side at most
      await playFrames(player, 60, () => undefined, () => undefined);
      const from = player.predictor.place();
      await playFrames(player, 4, () => client.act('move', {heading, speed: 4}), (place) => {
        seenM = Math.max(seenM, distance(place ?? from, from));
      });
    }
    const isAlive = client.view.numbers(client.own.index, 'health')[0] > 0;
    assert.ok(seenM > 0.1 || !isAlive, `${seenM} m after four frames`);
  } finally {
    client.leave();
  }
});
