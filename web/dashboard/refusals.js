// SPDX-License-Identifier: Apache-2.0

/** Which lines of GET /metrics count what was refused. */

const SOURCES = [
  ['muster_gateway_events_total', 'event'],
  ['muster_netcode_packets_total', 'kind'],
  ['muster_link_packets_total', 'kind'],
  ['muster_websocket_events_total', 'event'],
  ['muster_http_events_total', 'event'],
];

// Beside all that begins with "refused_" or "malformed_".
const WORDS = new Set(['denied', 'refused', 'connection_refused', 'text', 'too_long', 'late']);

/** The names of all lines, with their labels. */
export function listRefusals(sample) {
  const names = [];
  for (const [source, label] of SOURCES) {
    for (const [value] of sample.series(source, label)) {
      if (/^(refused|malformed)_/.test(value) || WORDS.has(value)) {
        names.push(`${source}{${label}="${value}"}`);
      }
    }
  }
  return names;
}

/** A line's reason in words: "packet rate", "http refused". */
export function describeRefusal(name) {
  const value = name.slice(name.indexOf('"') + 1, -2).replace(/^refused_/, '');
  const prefix = name.startsWith('muster_http') ? 'http ' : '';
  return prefix + value.replaceAll('_', ' ');
}
