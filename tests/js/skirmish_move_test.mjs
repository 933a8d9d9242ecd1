// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {SkirmishLand} from '../../web/play/skirmish_land.js';
import {SkirmishMove} from '../../web/play/skirmish_move.js';
import {readSkirmish} from './harness/skirmish_vectors.mjs';

const game = readSkirmish();
const land = new SkirmishLand(...game.world);

const distance = (a, b) => Math.hypot(...a.map((number, lane) => number - b[lane]));
const move = (heading, speed = 4, sprint = 0) =>
  ({action: 'move', values: {heading, speed, sprint}});

// A view of one fighter, as the server tells of it.
class View {
  constructor(fields) {
    this.fields = {position: [50, 50, 0], motion: [0, 0, 0], stamina: [100], look: [0], ...fields};
  }

  numbers(index, name, out = []) {
    this.fields[name]?.forEach((number, lane) => {
      out[lane] = number;
    });
    return this.fields[name] && out;
  }

  motion(index, name, out) {
    return this.numbers(index, 'motion', out);
  }
}

// A fighter that stands at a place on the ground.
function standing(rule, x, y) {
  const state = rule.create();
  rule.correct(state, new View({position: [x, y, land.height(x, y) + 0.5]}), 0);
  for (let tick = 1; tick <= 30; tick++) {
    rule.step(state, [], tick);
  }
  return state;
}

// Where nothing stands within some metres.
const FREE = [-700, -450];

test('a fighter goes where the server has it, over hills and along walls, for 15 seconds', () => {
  assert.equal(game.walks.length, 4);
  for (const walk of game.walks) {
    const rule = new SkirmishMove(land);
    const state = rule.create();
    state.place = walk.begin.slice(0, 3);
    state.velocity[2] = walk.begin[3];
    const moves = new Map(walk.moves.map(({tick, values}) => [tick, {action: 'move', values}]));
    const places = new Map(walk.places.map(({tick, place}) => [tick, place]));
    let action;
    for (let tick = 1; tick <= 900; tick++) {
      action = moves.get(tick) ?? action;
      rule.step(state, [action], tick);
      const place = places.get(tick) ?? state.place;
      assert.ok(distance(state.place, place) < 0.15, `${state.place} for ${place} in ${tick}`);
    }
    assert.equal(places.size, 150);
  }
});

test('a fighter on free ground is where the server has it within a centimetre', () => {
  const [walk] = game.walks;
  const rule = new SkirmishMove(land);
  const state = rule.create();
  state.place = walk.begin.slice(0, 3);
  let index = 0;
  for (let tick = 1; tick <= 90; tick++) {
    rule.step(state, [{action: 'move', values: walk.moves[0].values}], tick);
    if (walk.places[index].tick === tick) {
      assert.ok(distance(state.place, walk.places[index].place) < 0.01);
      index++;
    }
  }
});

test('who says nothing more stops after half a second', () => {
  const rule = new SkirmishMove(land);
  const state = standing(rule, ...FREE);
  rule.step(state, [move(0)], 31);
  for (let tick = 32; tick <= 61; tick++) {
    rule.step(state, [], tick);
  }
  const [x] = state.place;
  assert.ok(x - FREE[0] > 1.9, `${x - FREE[0]} m`);
  for (let tick = 62; tick <= 122; tick++) {
    rule.step(state, [], tick);
  }
  assert.ok(state.place[0] - x < 0.02);
});

test('speed 0 stops at once, and other actions move nothing', () => {
  const rule = new SkirmishMove(land);
  const state = standing(rule, ...FREE);
  rule.step(state, [move(0)], 31);
  rule.step(state, [move(0, 0)], 32);
  const before = state.place.slice();
  rule.step(state, [{action: 'aim', values: {heading: 1, pitch: 0}}], 33);
  assert.ok(distance(before, state.place) < 0.002);
});

test('sprinting is faster until the breath is gone, and again when it is back', () => {
  const rule = new SkirmishMove(land);
  const state = standing(rule, ...FREE);
  let tick = 31;
  const run = (count) => {
    const from = state.place.slice();
    for (const end = tick + count; tick < end; tick++) {
      rule.step(state, [move(1, 4, 1)], tick);
    }
    return distance(from, state.place);
  };
  assert.ok(run(60) > 6.5);
  assert.ok(state.isSprinting);
  run(241);
  assert.ok(!state.isSprinting && state.isTired);
  assert.ok(run(60) < 4.1);
  run(120);
  assert.ok(state.isSprinting);
});

test('the dead do not walk', () => {
  const rule = new SkirmishMove(land);
  const state = standing(rule, ...FREE);
  const place = state.place.slice();
  rule.correct(state, new View({position: place, look: [4]}), 0);
  for (let tick = 31; tick < 91; tick++) {
    rule.step(state, [move(0)], tick);
  }
  assert.ok(distance(place, state.place) < 0.02);
});

test('what rounding leaves corrects nothing, what is further does', () => {
  const rule = new SkirmishMove(land);
  const state = standing(rule, ...FREE);
  const [x, y, z] = state.place;
  rule.correct(state, new View({position: [x + 0.005, y - 0.005, z]}), 0);
  assert.deepEqual(state.place, [x, y, z]);
  rule.correct(state, new View({position: [x + 0.05, y, z], motion: [1, 2, 3]}), 0);
  assert.deepEqual(state.place, [x + 0.05, y, z]);
  assert.deepEqual(state.velocity, [1, 2, 3]);
});

test('the breath is that of the server if it is not near', () => {
  const rule = new SkirmishMove(land);
  const state = standing(rule, ...FREE);
  rule.correct(state, new View({position: state.place, stamina: [97]}), 0);
  assert.equal(state.breath, 600);
  rule.correct(state, new View({position: state.place, stamina: [0]}), 0);
  assert.ok(state.isTired);
  rule.correct(state, new View({position: state.place, stamina: [40]}), 0);
  assert.ok(!state.isTired);
  rule.correct(state, new View({position: state.place, stamina: undefined, look: undefined}), 0);
  assert.equal(state.breath, 240);
});

test('a copy of a state is a state of its own', () => {
  const rule = new SkirmishMove(land);
  const from = standing(rule, ...FREE);
  const to = rule.create();
  const {place} = to;
  rule.copy(from, to);
  assert.deepEqual(to, from);
  assert.equal(to.place, place);
  rule.step(to, [move(0)], 40);
  assert.notDeepEqual(to.place, from.place);
});

test('a fighter falls onto a crate and stands on it', () => {
  const crate = land.boxes.find(({kind}) => kind === 'crate');
  const rule = new SkirmishMove(land);
  const state = rule.create();
  const top = crate.z + crate.halfZ;
  state.place = [crate.x, crate.y, top + 1.5];
  for (let tick = 1; tick <= 120; tick++) {
    rule.step(state, [], tick);
  }
  assert.ok(Math.abs(state.place[2] - top - 0.5) < 0.02, `${state.place[2] - top}`);
});

test('what is sunk into the ground is pushed out without a speed', () => {
  const rule = new SkirmishMove(land);
  const state = standing(rule, ...FREE);
  state.place[2] -= 0.2;
  const [, , sunk] = state.place;
  for (let tick = 31; tick <= 40; tick++) {
    rule.step(state, [], tick);
    assert.ok(Math.abs(state.velocity[2]) < 0.01, `${state.velocity[2]} m/s`);
  }
  assert.ok(state.place[2] > sunk + 0.1);
});

test('what begins inside of a box gets out of it', () => {
  const house = land.boxes.find(({kind}) => kind === 'house');
  const rule = new SkirmishMove(land);
  const state = rule.create();
  state.place = [house.x + 0.2, house.y, house.z + house.halfZ - 0.2];
  for (let tick = 1; tick <= 240; tick++) {
    rule.step(state, [], tick);
  }
  assert.ok(state.place[2] > house.z + house.halfZ + 0.4);
});
