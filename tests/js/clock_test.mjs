// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {Clock} from '../../sdk/js/clock.js';
import {Random, seedOf} from './harness/random.mjs';

const TICK_US = 20000;

function makeClock({tick = 1000, nowUs = 5e6, leadTicks = 2, rttUs = 0} = {}) {
  return new Clock(nowUs, tick, 50, leadTicks, rttUs);
}

function update(tick, {counted = 0, margin = 2} = {}) {
  return {tickLow: tick & 0xffff, countedSequence: counted, marginTicks: margin};
}

test('the first action is meant for a tick that it reaches in time', () => {
  const clock = makeClock({rttUs: 60000});
  // The tick of the welcome, the way there and back, two ticks of margin, and the one that begins.
  assert.equal(clock.actionTickAt(5e6), 1000 + 3 + 2 + 1);
});

test('ticks of actions never go back', () => {
  const clock = makeClock();
  clock.actionTick = 1234;
  assert.equal(clock.actionTickAt(5e6), 1234);
  assert.equal(makeClock({tick: 0, nowUs: 0, leadTicks: 0}).actionTickAt(-1e6), 1);
});

test('ticks are whole although updates name their low bits', () => {
  const clock = makeClock({tick: 65530});
  for (let tick = 65531; tick < 140000; tick += 100) {
    clock.take(5e6 + tick * TICK_US, update(tick), 2, 0);
    assert.equal(clock.newestTick, tick);
  }
});

test('an update that was overtaken changes nothing', () => {
  const clock = makeClock();
  clock.take(5e6 + 10 * TICK_US, update(1010), 2, 0);
  const before = {...clock};
  clock.take(5e6 + 10 * TICK_US, update(1009, {counted: 9, margin: -9}), 2, 0);
  assert.deepEqual({...clock}, before);
});

test('actions that come late are meant for later ticks, until the margin is met', () => {
  const clock = makeClock();
  const wayUs = 55000;
  let margin = 0;
  for (let i = 1; i <= 500; i++) {
    const nowUs = 5e6 + i * TICK_US;
    const action = clock.actionTickAt(nowUs);
    margin = Math.floor(action - (1000 + i + wayUs / TICK_US));
    clock.take(nowUs, update(1000 + i, {counted: i, margin}), 2, 2 * wayUs);
  }
  assert.ok(Math.abs(margin - 2) <= 1, `margin ${margin}`);
});

test('a margin that is far off is met at once, and once in a round trip', () => {
  const clock = makeClock();
  const before = clock.actionOffsetUs;
  clock.take(5e6 + 10 * TICK_US, update(1010, {counted: 1, margin: -10}), 2, 50000);
  assert.equal(clock.actionOffsetUs, before - 12 * TICK_US);
  clock.take(5e6 + 11 * TICK_US, update(1011, {counted: 2, margin: -10}), 2, 50000);
  assert.equal(clock.actionOffsetUs, before - 12 * TICK_US);
});

test('without a report the action offset follows the arrivals', () => {
  const clock = makeClock();
  const before = clock.actionOffsetUs;
  // The way has become longer: after two windows nothing of the quick one is left.
  for (let i = 1; i <= 200; i++) {
    clock.take(5e6 + i * TICK_US + 30000, update(1000 + i), 2, 0);
  }
  assert.ok(Math.abs(clock.actionOffsetUs - before - 30000) < 1);
});

test('while actions are reported the arrivals do not move the action offset', () => {
  const clock = makeClock();
  const before = clock.actionOffsetUs;
  for (let i = 1; i <= 200; i++) {
    clock.take(5e6 + i * TICK_US + 30000, update(1000 + i, {counted: i}), 2, 0);
  }
  // But in the first update, before there was any report.
  assert.ok(Math.abs(clock.actionOffsetUs - before) < 1);
  assert.equal(clock.offsetUs, 5e6 + 30000 - 1000 * TICK_US);
});

test('after a long silence the arrivals before it say nothing', () => {
  const clock = makeClock();
  clock.take(5e6 + TICK_US, update(1001), 2, 0);
  const nowUs = 5e6 + 3e6;
  clock.take(nowUs, update(1010), 2, 0);
  assert.equal(clock.offsetUs, nowUs - 1010 * TICK_US);
});

test('the picture is drawn so much behind that most updates are there', (context) => {
  const random = new Random(seedOf(context));
  const clock = makeClock();
  const arrivals = [];
  for (let i = 1; i <= 1000; i++) {
    const lateUs = random.share() < 0.1 ? 15000 * random.share() : 0;
    arrivals.push([5e6 + i * TICK_US + lateUs, 1000 + i]);
  }
  arrivals.sort((a, b) => a[0] - b[0]);
  let missing = 0;
  let before = 0;
  for (const [nowUs, tick] of arrivals) {
    clock.take(nowUs, update(tick), 2, 0);
    clock.render(nowUs);
    assert.ok(clock.renderTick >= before);
    before = clock.renderTick;
    missing += clock.renderTick > clock.newestTick ? 1 : 0;
  }
  assert.ok(missing < 10, `${missing} pictures without their update`);
  assert.ok(clock.interpolationUs < 4 * TICK_US);
});

test('the picture runs evenly when the offset moves, and jumps only when it is far off', () => {
  const clock = makeClock();
  clock.render(5e6);
  clock.offsetUs -= 100000; // the server turned out to be further on
  let before = clock.renderTick;
  for (let i = 1; i <= 100; i++) {
    clock.render(5e6 + i * 16000);
    const step = (clock.renderTick - before) * TICK_US;
    assert.ok(step >= 16000 * 0.874 && step <= 16000 * 1.126, `${step}`);
    before = clock.renderTick;
  }
  const wantedUs = 5e6 + 100 * 16000 - clock.offsetUs - clock.interpolationUs;
  assert.ok(Math.abs(clock.renderTick * TICK_US - wantedUs) < 1);
  clock.offsetUs -= 1e6;
  clock.render(5e6 + 101 * 16000);
  assert.ok(clock.renderTick - before > 40);
});

test('the age of the newest state counts the way from the server', () => {
  const clock = makeClock();
  clock.take(5e6 + TICK_US, update(1001), 2, 80000);
  assert.equal(clock.ageUs(5e6 + TICK_US, 80000), 40000);
  assert.equal(clock.ageUs(5e6 + 3 * TICK_US, 80000), 40000 + 2 * TICK_US);
});
