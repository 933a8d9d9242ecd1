// SPDX-License-Identifier: Apache-2.0

// What the dashboard makes of the server's bytes and lines, without a page.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { formatBytes, formatDuration, formatShort } from '../../web/dashboard/format.js';
import { LiveMap } from '../../web/dashboard/live.js';
import { Interval, Sample } from '../../web/dashboard/metrics.js';
import { describeRefusal, listRefusals } from '../../web/dashboard/refusals.js';
import { Recording } from '../../web/dashboard/replay.js';
import { listShares } from '../../web/dashboard/shares.js';

const POINTS = [
  // x, y, player, kind, team
  [0, 65535, 3, 4, 1],
  [32768, 0, 3, 1, 1],
  [65535, 32768, 0, 7, 0],
];

/** A live map with two partitions each way, as docs/http.md has it. */
function makeMap(tick) {
  const buffer = new ArrayBuffer(48 + 4 * 12 + POINTS.length * 8);
  const view = new DataView(buffer);
  view.setUint32(0, 1, true);
  view.setUint32(4, POINTS.length, true);
  view.setBigUint64(8, BigInt(tick), true);
  view.setUint32(16, 30, true);
  view.setUint32(20, 2, true);
  view.setUint32(24, 2, true);
  view.setFloat32(28, -500, true);
  view.setFloat32(32, -500, true);
  view.setFloat32(36, 500, true);
  view.setFloat32(40, 2048, true);
  for (let i = 0; i < 12; i++) {
    view.setUint32(48 + i * 4, i, true);
  }
  for (const [i, [x, y, player, kind, team]] of POINTS.entries()) {
    const at = 96 + i * 8;
    view.setUint16(at, x, true);
    view.setUint16(at + 2, y, true);
    view.setUint16(at + 4, player, true);
    view.setUint8(at + 6, kind);
    view.setUint8(at + 7, team);
  }
  return buffer;
}

function makeInterval(before, after) {
  return new Interval(new Sample(before, 1000), new Sample(after, 3000));
}

test('a live map is read as it is documented', () => {
  const map = new LiveMap(makeMap(2 ** 40));
  assert.equal(map.tick, 2 ** 40);
  assert.equal(map.entityCount, 30);
  assert.equal(map.playerCount, 2);
  assert.equal(map.pointCount, 3);
  assert.equal(map.x(0), -1024);
  assert.equal(map.y(0), 1024);
  assert.ok(Math.abs(map.x(1)) < 0.02);
  assert.equal(map.x(2), 1024);
  assert.equal(map.kind(2), 7);
  assert.equal(map.team(0), 1);
  assert.deepEqual(map.partition(3), { bodies: 9, players: 10, cost: 11 });
});

test('a place is in the partition that is there, or in none', () => {
  const map = new LiveMap(makeMap(1));
  assert.equal(map.partitionAt(-500, -500), 0);
  assert.equal(map.partitionAt(10, -10), 1);
  assert.equal(map.partitionAt(-1, 499), 2);
  assert.equal(map.partitionAt(500, 0), -1);
  assert.equal(map.partitionAt(0, -501), -1);
});

test('a player is what it owns of the lowest kind', () => {
  const map = new LiveMap(makeMap(1));
  assert.equal(map.findPlayer(2), 1);
  assert.equal(map.findPlayer(0), -1);
  assert.equal(map.findPlayer(-1), 2); // nobody's, which nobody asks for
});

test('a map that is cut, too long or of another version is refused', () => {
  const buffer = makeMap(1);
  for (let length = 0; length < buffer.byteLength; length++) {
    assert.throws(() => new LiveMap(buffer.slice(0, length)), RangeError, `${length} bytes`);
  }
  const longer = new Uint8Array(buffer.byteLength + 1);
  longer.set(new Uint8Array(buffer));
  assert.throws(() => new LiveMap(longer.buffer), RangeError);
  new DataView(buffer).setUint32(0, 2, true);
  assert.throws(() => new LiveMap(buffer), RangeError);
});

test('a recording gives its maps in order, up to the last whole one', () => {
  const parts = [new TextEncoder().encode('MUSTMAP1')];
  for (const tick of [12, 24, 36]) {
    const map = makeMap(tick);
    parts.push(new Uint8Array(Uint32Array.of(map.byteLength).buffer), new Uint8Array(map));
  }
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  const recording = new Recording(whole.buffer);
  assert.equal(recording.count, 3);
  assert.equal(recording.firstTick, 12);
  assert.equal(recording.lastTick, 36);
  assert.equal(recording.read(1).tick, 24);
  assert.equal(new Recording(whole.buffer.slice(0, whole.length - 1)).count, 2);
  assert.throws(() => new Recording(whole.buffer.slice(0, 60)), RangeError);
  assert.throws(() => new Recording(whole.buffer.slice(0, 5)), RangeError);
  whole[0] = 0;
  assert.throws(() => new Recording(whole.buffer), RangeError);
});

test('figures between two samples are differences and rates', () => {
  const interval = makeInterval('# HELP a\na_total 10\n', 'a_total 25\nb{c="d"} 7\n');
  assert.equal(interval.growth('a_total'), 15);
  assert.equal(interval.rate('a_total'), 7.5);
  assert.equal(interval.rate('none'), 0);
  assert.deepEqual(interval.after.series('b', 'c'), [['d', 7]]);
  assert.equal(interval.after.read('b{c="d"}'), 7);
});

test('a histogram gives its mean and the bound that a share stays within', () => {
  const lines = (low, high, all, sum) => `h_bucket{le="0.001"} ${low}\nh_bucket{le="0.01"} ` +
    `${high}\nh_bucket{le="+Inf"} ${all}\nh_sum ${sum}\nh_count ${all}\n`;
  const interval = makeInterval(lines(5, 5, 5, 1), lines(95, 104, 105, 3));
  assert.equal(interval.mean('h'), 0.02);
  assert.equal(interval.quantile('h', 0.9), 0.001);
  assert.equal(interval.quantile('h', 0.99), 0.01);
  assert.equal(interval.quantile('h', 1), Infinity);
  const still = makeInterval(lines(5, 5, 5, 1), lines(5, 5, 5, 1));
  assert.equal(still.mean('h'), 0);
  assert.equal(still.quantile('h', 0.99), 0);
});

test('what is refused is told from what is let in', () => {
  const sample = new Sample('muster_gateway_events_total{event="joined"} 1\n' +
    'muster_gateway_events_total{event="refused_packet_rate"} 2\n' +
    'muster_netcode_packets_total{kind="denied"} 3\n' +
    'muster_http_events_total{event="request"} 4\n' +
    'muster_http_events_total{event="refused"} 5\n', 0);
  const names = listRefusals(sample);
  assert.equal(names.length, 3);
  assert.deepEqual(names.map(describeRefusal), ['packet rate', 'denied', 'http refused']);
});

test('shares of a tick are percents of its budget', () => {
  const lines = (scale) => `muster_ticks_total ${60 * scale}\n` +
    `muster_tick_phase_seconds_sum{phase="input"} ${0.1 * scale}\n` +
    `muster_tick_phase_seconds_sum{phase="step"} ${0.5 * scale}\n` +
    `muster_tick_phase_seconds_sum{phase="replicate"} ${0.2 * scale}\n` +
    `muster_physics_seconds_total ${0.2 * scale}\n` +
    `muster_task_seconds_total{task="walk"} ${0.1 * scale}\n` +
    `muster_task_seconds_total{task="think_far"} ${0.05 * scale}\n`;
  const shares = listShares(makeInterval(lines(0), lines(1)), 60).map(Math.round);
  assert.deepEqual(shares, [20, 5, 10, 20, 10, 15]);
  assert.deepEqual(listShares(makeInterval(lines(1), lines(1)), 60), [0, 0, 0, 0, 0, 0]);
});

test('figures are written as people read them', () => {
  assert.equal(formatBytes(999), '999 B');
  assert.equal(formatBytes(1500), '1.50 kB');
  assert.equal(formatBytes(12.3e6), '12.3 MB');
  assert.equal(formatShort(0.123), '0.12');
  assert.equal(formatShort(1234.5), '1,235');
  assert.equal(formatDuration(59999), '59 s');
  assert.equal(formatDuration(61000), '1 min 1 s');
  assert.equal(formatDuration(3.7e6), '1 h 1 min');
});
