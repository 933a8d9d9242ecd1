// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {Predictor} from '../../sdk/js/predict.js';
import {FIELD_POSITION} from '../../sdk/js/schema.js';
import {Random, seedOf} from './harness/random.mjs';

const TICK_MS = 1000 / 60;
const STEP_M = 0.1; // the way of one tick at speed 1

// What moves along x as the last action says.
const rule = {
  create: () => ({place: [0, 0, 0], speed: 0}),
  copy: (from, to) => {
    to.speed = from.speed;
    from.place.forEach((number, lane) => {
      to.place[lane] = number;
    });
  },
  correct: (state, view, index) => {
    view.numbers(index, 0, state.place);
  },
  step: (state, actions) => {
    actions.forEach((action) => {
      state.speed = action.speed;
    });
    state.place[0] += state.speed * STEP_M;
  },
};

// A server with one entity, and a client some ticks away from it. Actions count in their tick.
class World {
  constructor({delayTicks = 4, push = () => 0} = {}) {
    this.delayTicks = delayTicks;
    this.push = push; // what the server alone knows of, in metres, by tick
    this.serverTick = 100;
    this.states = new Map([[100, {x: 0, motion: 0}]]);
    this.speed = 0;
    this.actions = [];
    this.own = {index: 0, id: 1n};
    this.isHeard = true;
    this.heardTick = 100;
    const schema = {tickRateHz: 60, fields: [{encoding: FIELD_POSITION}]};
    this.view = {
      schema,
      fieldTick: () => this.heardTick,
      motion: () => [this.states.get(this.heardTick).motion, 0, 0],
      numbers: (index, field, out) => {
        out[0] = this.states.get(this.heardTick).x;
        return out;
      },
    };
  }

  get newestTick() {
    return this.heardTick;
  }

  get tick() {
    return this.serverTick + this.delayTicks + 1;
  }

  get x() {
    return this.states.get(this.serverTick).x;
  }

  act(speed) {
    const sequence = (this.actions.at(-1)?.sequence ?? 0) + 1;
    this.actions.push({sequence, tick: this.tick, speed});
  }

  pending() {
    return this.actions.filter((action) => action.tick > this.heardTick);
  }

  step() {
    const before = this.x;
    this.serverTick++;
    for (const action of this.actions) {
      this.speed = action.tick === this.serverTick ? action.speed : this.speed;
    }
    const x = before + this.speed * STEP_M + this.push(this.serverTick);
    this.states.set(this.serverTick, {x, motion: x - before});
    const heardTick = this.serverTick - this.delayTicks;
    this.heardTick = this.isHeard && heardTick > 100 ? heardTick : this.heardTick;
  }
}

// Runs ticks with a frame each; returns what was shown in every frame.
function run(world, predictor, count, act = () => undefined) {
  const shown = [];
  for (let i = 0; i < count; i++) {
    world.step();
    act(i);
    predictor.update(world, world.serverTick * TICK_MS);
    shown.push(predictor.place()[0]);
  }
  return shown;
}

const largestStep = (shown) =>
  Math.max(...shown.slice(1).map((x, i) => Math.abs(x - shown[i])));

test('what the player does is shown in the next frame', () => {
  const world = new World();
  const predictor = new Predictor(rule);
  run(world, predictor, 10);
  const shown = run(world, predictor, 2, () => world.act(1));
  assert.ok(shown[1] > 0.09, `${shown}`);
  assert.ok(world.x === 0); // the server does not know of it yet
});

test('a prediction that is right is never corrected', (context) => {
  const random = new Random(seedOf(context));
  const world = new World({delayTicks: 6});
  const predictor = new Predictor(rule);
  run(world, predictor, 5, () => world.act(0));
  for (let i = 0; i < 300; i++) {
    run(world, predictor, 1, () => world.act(random.below(3) - 1));
    assert.ok(Math.abs(predictor.offset[0]) < 1e-9, `${predictor.offset[0]} m in ${i}`);
  }
  const ahead = world.tick;
  const predicted = predictor.state.place[0];
  while (world.serverTick < ahead) {
    world.step();
  }
  assert.ok(Math.abs(world.x - predicted) < 1e-9);
});

test('a correction fades within a tenth of a second, without a jump', () => {
  const world = new World({push: (tick) => (tick === 130 ? 0.5 : 0)});
  const predictor = new Predictor(rule);
  const shown = run(world, predictor, 60);
  assert.ok(largestStep(shown) < 0.2, `${largestStep(shown)} m`);
  const heard = 30 + world.delayTicks - 1; // the frame in which the push is known
  assert.ok(Math.abs(shown[heard]) < 1e-9);
  assert.ok(Math.abs(shown[heard + 3] - 0.5) < 0.15);
  assert.ok(Math.abs(shown[heard + 6] - 0.5) < 0.03);
});

test('a large correction takes longer, so that it is no jump', () => {
  const world = new World({push: (tick) => (tick === 130 ? 3 : 0)});
  const predictor = new Predictor(rule);
  const shown = run(world, predictor, 60);
  assert.ok(largestStep(shown) < 0.26, `${largestStep(shown)} m`);
  assert.ok(Math.abs(shown.at(-1) - 3) < 0.05);
});

test('corrections that come in every tick do not shake the picture', (context) => {
  const random = new Random(seedOf(context));
  const world = new World({push: () => (random.share() - 0.5) * 0.02});
  const predictor = new Predictor(rule);
  run(world, predictor, 20, () => world.act(1));
  const shown = run(world, predictor, 300, () => world.act(1));
  shown.slice(1).forEach((x, i) => {
    assert.ok(Math.abs(x - shown[i] - STEP_M) < 0.05, `${x - shown[i]} m in ${i}`);
  });
});

test('what is far away is shown at once', () => {
  const world = new World({push: (tick) => (tick === 130 ? 500 : 0)});
  const predictor = new Predictor(rule);
  run(world, predictor, 29 + world.delayTicks);
  assert.equal(predictor.place()[0], 0);
  run(world, predictor, 1);
  assert.equal(predictor.place()[0], 500);
});

test('the picture runs evenly whatever the rate of frames', () => {
  for (const frameMs of [3, 8.3, 16.7, 20, 33]) {
    const world = new World();
    const predictor = new Predictor(rule);
    let stepAtMs = world.serverTick * TICK_MS;
    let last = NaN;
    for (let nowMs = stepAtMs; world.serverTick < 220; nowMs += frameMs) {
      for (; stepAtMs + TICK_MS <= nowMs; stepAtMs += TICK_MS) {
        world.step();
        world.act(1);
      }
      predictor.update(world, nowMs);
      const [x] = predictor.place();
      const expected = STEP_M * frameMs / TICK_MS;
      if (world.serverTick > 160) {
        assert.ok(Math.abs(x - last - expected) < 0.02, `${frameMs} ms: ${x - last} m`);
      }
      last = x;
    }
  }
});

test('when the clock jumps the picture runs faster or slower instead', () => {
  for (const jump of [9, -9]) {
    const world = new World({delayTicks: 14});
    const predictor = new Predictor(rule);
    run(world, predictor, 60, () => world.act(1));
    const [before] = predictor.place();
    world.delayTicks += jump;
    const shown = run(world, predictor, 60, () => world.act(1));
    const steps = [before, ...shown].slice(1).map((x, i) => x - [before, ...shown][i]);
    steps.forEach((step) => assert.ok(step > 0.04 && step < 0.16, `${jump}: ${step} m`));
    const ahead = predictor.state.place[0] - shown.at(-1);
    assert.ok(Math.abs(ahead) <= 2 * STEP_M, `${ahead} m`);
  }
});

test('a clock that is far off is followed at once', () => {
  const world = new World();
  const predictor = new Predictor(rule);
  run(world, predictor, 30, () => world.act(1));
  world.delayTicks += 40;
  run(world, predictor, 1, () => world.act(1));
  assert.ok(predictor.time >= world.tick);
});

test('an action that missed its tick counts when the server has it', () => {
  const world = new World();
  const predictor = new Predictor(rule);
  run(world, predictor, 10);
  world.act(1);
  world.actions[0].tick = world.heardTick - 2; // it was lost on the way, and is sent again
  world.pending = () => world.actions;
  predictor.update(world, world.serverTick * TICK_MS);
  const ticks = world.tick - world.newestTick;
  assert.ok(Math.abs(predictor.state.place[0] - ticks * STEP_M) < 1e-9);
});

test('without news the entity goes on for a second and then waits', () => {
  const world = new World();
  const predictor = new Predictor(rule);
  run(world, predictor, 20, () => world.act(1));
  world.isHeard = false;
  const shown = run(world, predictor, 200);
  assert.ok(shown.at(-1) - shown[0] < 64 * STEP_M);
  assert.equal(shown.at(-1), shown.at(-50));
  world.isHeard = true;
  const back = run(world, predictor, 30);
  assert.ok(Math.abs(back.at(-1) - world.x) < 1);
  // A picture behind the state that was told shows that state, nothing of the time before.
  world.isHeard = false;
  run(world, predictor, 140);
  world.isHeard = true;
  run(world, predictor, 1);
  predictor.time = predictor.baseTick - 3;
  predictor.offset.fill(0);
  assert.equal(predictor.place()[0], predictor.stateAt(predictor.baseTick).place[0]);
});

test('an entity that rests is where it was seen last', () => {
  const world = new World();
  const predictor = new Predictor(rule);
  run(world, predictor, 30);
  const restTick = world.heardTick;
  world.view.fieldTick = () => restTick; // nothing is sent of what rests
  Object.defineProperty(world, 'newestTick', {get: () => world.serverTick - world.delayTicks});
  run(world, predictor, 200);
  assert.equal(predictor.place()[0], 0);
  const shown = run(world, predictor, 3, () => world.act(1));
  assert.ok(shown[2] > 0.15, `${shown}`);
});

test('another entity begins anew, and none has no place', () => {
  const world = new World();
  const predictor = new Predictor(rule);
  assert.equal(predictor.place(), undefined);
  assert.equal(predictor.state, undefined);
  run(world, predictor, 20, () => world.act(1));
  const {own} = world;
  world.own = undefined;
  predictor.update(world, world.serverTick * TICK_MS);
  assert.equal(predictor.place(), undefined);
  world.own = {...own, id: 2n};
  world.actions.length = 0;
  world.speed = 0;
  world.states.set(world.heardTick, {x: 77, motion: 0});
  predictor.update(world, world.serverTick * TICK_MS);
  assert.equal(predictor.place()[0], 77);
});

test('a new connection counts actions from 1 again', () => {
  const world = new World();
  const predictor = new Predictor(rule);
  run(world, predictor, 30, () => world.act(1));
  world.actions.length = 0;
  run(world, predictor, 10, () => world.act(-1));
  assert.equal(predictor.sequence, 10);
  assert.equal(predictor.state.speed, -1);
});

test('between two connections the picture stands still', () => {
  const world = new World();
  const predictor = new Predictor(rule);
  run(world, predictor, 30, () => world.act(1));
  const [x] = predictor.place();
  Object.defineProperty(world, 'tick', {value: 0, configurable: true});
  predictor.update(world, world.serverTick * TICK_MS + 500);
  assert.equal(predictor.place()[0], x);
  delete world.tick;
  const shown = run(world, predictor, 2, () => world.act(1));
  assert.ok(Math.abs(shown[1] - x) < 1);
});

test('actions that can no longer matter are forgotten', () => {
  const world = new World();
  const predictor = new Predictor(rule);
  run(world, predictor, 300, () => world.act(1));
  assert.ok(predictor.actions.length < 16, `${predictor.actions.length}`);
});
