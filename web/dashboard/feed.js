// SPDX-License-Identifier: Apache-2.0

/**
 * What the page keeps asking for. Each feed asks again as soon as it is answered and its pause is
 * over, and goes on asking while the server does not answer.
 */

import { ApiError } from './api.js';
import { LiveMap } from './live.js';
import { Sample } from './metrics.js';

const RETRY_MS = 500;
const METRICS_MS = 1000;
const PLAYERS_MS = 1000;
const LIVE_TIMEOUT_MS = 4000;
const EVENTS_TIMEOUT_MS = 40000;

function sleep(durationMs) {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

function untilSeen() {
  return new Promise((resolve) => {
    const check = () => {
      if (!document.hidden) {
        document.removeEventListener('visibilitychange', check);
        resolve();
      }
    };
    document.addEventListener('visibilitychange', check);
    check();
  });
}

/** All feeds of a page. `handlers` are told what comes: live, sample, players, events, denied. */
export class Feeds {
  constructor(api, handlers) {
    this.api = api;
    this.handlers = handlers;
    this.isRunning = false;
    this.runCount = 0;
    this.control = new AbortController();
    this.afterEvent = 0;
    this.afterTick = 0;
  }

  /** Begins asking. Does nothing while it runs. */
  start() {
    if (!this.isRunning) {
      this.isRunning = true;
      this.runCount++;
      this.control = new AbortController();
      this.loop(() => this.askLive(), 0);
      this.loop(() => this.askMetrics(), METRICS_MS);
      this.loop(() => this.askPlayers(), PLAYERS_MS);
      this.loop(() => this.askEvents(), 0);
    }
  }

  /** Ends asking, as when nobody is logged in any more: what is under way would be refused. */
  stop() {
    this.isRunning = false;
    this.control.abort();
  }

  /** The server is another one than before: everything begins anew. */
  restart() {
    this.afterEvent = 0;
    this.afterTick = 0;
  }

  async loop(ask, pauseMs) {
    const run = this.runCount;
    while (this.isRunning && run === this.runCount) {
      const beginMs = performance.now();
      try {
        await ask();
        await sleep(Math.max(0, pauseMs - (performance.now() - beginMs)));
      } catch (error) {
        if (!(error instanceof ApiError)) {
          throw error;
        }
        if (error.status === 401 && this.isRunning) {
          this.handlers.denied();
        }
        await sleep(RETRY_MS);
      }
    }
  }

  async askLive() {
    await untilSeen();
    const bytes = await this.api.ask(`/v1/live?after=${this.afterTick}`, 'arrayBuffer',
      { timeoutMs: LIVE_TIMEOUT_MS, signal: this.control.signal });
    const map = new LiveMap(bytes);
    this.afterTick = map.tick;
    this.handlers.live(map);
  }

  async askMetrics() {
    const text = await this.api.ask('/metrics', 'text', { signal: this.control.signal });
    this.handlers.sample(new Sample(text, Date.now()));
  }

  async askPlayers() {
    if (!document.hidden) {
      const answer = await this.api.json('/v1/players', { signal: this.control.signal });
      this.handlers.players(answer.players);
    }
  }

  async askEvents() {
    const answer = await this.api.json(`/v1/events?after=${this.afterEvent}`,
      { timeoutMs: EVENTS_TIMEOUT_MS, signal: this.control.signal });
    this.afterEvent = answer.next;
    if (answer.events.length > 0) {
      this.handlers.events(answer.events, answer.missed);
    }
  }
}
