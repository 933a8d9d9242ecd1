// SPDX-License-Identifier: Apache-2.0

/** The figures at the top of the page. All of them are those of GET /metrics. */

import { byId, setText } from './dom.js';
import { formatBytes, formatCount, formatShort } from './format.js';
import { listRefusals } from './refusals.js';
import { readReceivedRate, readSentRate } from './traffic.js';

function sumOfRefusals(interval) {
  let sum = 0;
  for (const name of listRefusals(interval.after)) {
    sum += interval.growth(name);
  }
  return sum;
}

/** Shows one sample, and with one before it also what comes by the second. */
export function showTiles(sample, interval, tickRateHz) {
  setText(byId('tile-players'), formatCount(sample.read('muster_players')));
  setText(byId('tile-players-note'),
    `${formatCount(sample.read('muster_connections'))} connections`);
  setText(byId('tile-entities'), formatCount(sample.read('muster_entities')));
  setText(byId('tile-entities-note'),
    `${formatBytes(sample.read('muster_resident_bytes'))} memory`);
  if (interval === undefined) {
    return;
  }
  const budgetMs = 1000 / tickRateHz;
  const tickMs = interval.mean('muster_tick_seconds') * 1000;
  setText(byId('tile-tick'), `${formatShort(tickMs)} ms`);
  byId('tile-tick-share').value = tickMs / budgetMs;
  const missed = sample.read('muster_ticks_missed_total');
  setText(byId('tile-tick-note'),
    `of ${formatShort(budgetMs)} ms · ${formatCount(missed)} missed`);
  setText(byId('tile-out'), `${formatBytes(readSentRate(interval))}/s`);
  setText(byId('tile-out-note'),
    `${formatShort(interval.rate('muster_packets_sent_total'))} UDP packets/s`);
  setText(byId('tile-in'), `${formatBytes(readReceivedRate(interval))}/s`);
  setText(byId('tile-in-note'),
    `${formatShort(interval.rate('muster_packets_received_total'))} UDP packets/s`);
  setText(byId('tile-refused'),
    `${formatShort(interval.seconds > 0 ? sumOfRefusals(interval) / interval.seconds : 0)}/s`);
  setText(byId('tile-refused-note'), 'packets and requests');
}
