// SPDX-License-Identifier: Apache-2.0

// A bad line under a WebSocket: messages are late, and a packet that is lost holds up whatever
// comes behind it, since TCP keeps the order.

import {WebSocket} from '../websocket.mjs';

/**
 * A WebSocket class on such a line.
 * @param {{delayMs: number, lossShare: number, holdMs: number, random: () => number}} line one way;
 *   `random` gives numbers in [0, 1)
 */
export function lineWith({delayMs, lossShare, holdMs, random}) {
  return class extends WebSocket {
    #arrivals = {in: 0, out: 0};
    #handler = null;

    constructor(...given) {
      super(...given);
      Object.defineProperty(this, 'onmessage', {
        get: () => this.#handler &&
          ((event) => this.#later('in', () => this.#handler?.(event))),
        set: (handler) => {
          this.#handler = handler;
        },
      });
    }

    send(bytes) {
      const copy = bytes.slice();
      this.#later('out', () => super.send(copy));
    }

    #later(way, run) {
      const now = performance.now();
      const hold = random() < lossShare ? holdMs : 0;
      this.#arrivals[way] = Math.max(this.#arrivals[way], now + delayMs + hold);
      setTimeout(run, this.#arrivals[way] - now);
    }
  };
}
