// SPDX-License-Identifier: Apache-2.0

/** What goes to players and comes from them, over UDP and over WebSocket. */

/** Bytes a second to players. */
export function readSentRate(interval) {
  return interval.rate('muster_sent_bytes_total') +
    interval.rate('muster_websocket_bytes_total{direction="down"}');
}

/** Bytes a second from players. */
export function readReceivedRate(interval) {
  return interval.rate('muster_received_bytes_total') +
    interval.rate('muster_websocket_bytes_total{direction="up"}');
}
