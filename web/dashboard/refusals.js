// SPDX-License-Identifier: Apache-2.0

/** Which lines of GET /metrics count what was refused. */

const SOURCES = [
  ['muster_gateway_events_total', 'event'],
  ['muster_netcode_packets_total', 'kind'],
  ['muster_link_packets_total', 'kind'],
  ['muster_logins_refused_total', 'reason'],
];

function isRefusal(source, value) {
  return source === 'muster_logins_refused_total' || value.startsWith('refused_') ||
    value.startsWith('malformed_') || value === 'denied';
}

/** The names of all lines, with their labels. */
export function listRefusals(sample) {
  const names = [];
  for (const [source, label] of SOURCES) {
    for (const [value] of sample.series(source, label)) {
      if (isRefusal(source, value)) {
        names.push(`${source}{${label}="${value}"}`);
      }
    }
  }
  return names;
}

/** A line's reason in words: "packet rate". */
export function describeRefusal(name) {
  const value = name.slice(name.indexOf('"') + 1, -2);
  return value.replace(/^refused_/, '').replaceAll('_', ' ');
}
