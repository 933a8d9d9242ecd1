// SPDX-License-Identifier: Apache-2.0

// What a player does: actions of one connection that wait until the server has counted them.

import {paramStep, paramValue, writeInputs} from './play.js';

const PENDING_MAX = 64;

// An action that has not counted after this long never will: the server has refused it.
const PENDING_US_MAX = 2e6;

/** The actions of one connection. */
export class Actions {
  /** @param {object[]} defs the game's table */
  constructor(defs) {
    this.defs = new Map(defs.map((def) => [def.name, def]));
    this.waiting = []; // oldest first
    this.sequence = 0; // of the last one
  }

  /** True if no more can wait. */
  get isFull() {
    return this.waiting.length === PENDING_MAX;
  }

  /**
   * Acts; there must be room.
   * @param {string} name
   * @param {{[param: string]: number | boolean}} values
   * @param {number} tick that the action is meant for
   * @returns {number} its sequence, counted from 1
   */
  act(name, values, tick) {
    const def = this.defs.get(name);
    if (def === undefined) {
      throw new RangeError(`the game has no action '${name}'`);
    }
    for (const given of Object.keys(values)) {
      if (!def.params.some((param) => param.name === given)) {
        throw new RangeError(`the action '${name}' has no parameter '${given}'`);
      }
    }
    const steps = def.params.map((param) => paramStep(param, Number(values[param.name] ?? 0)));
    this.waiting.push({
      tick,
      sequence: ++this.sequence,
      action: name,
      actionIndex: def.index,
      steps,
      values: Object.fromEntries(
        def.params.map((param, i) => [param.name, paramValue(param, steps[i])])),
    });
    return this.sequence;
  }

  /** Forgets what has counted. */
  count(sequence) {
    while (this.waiting.length > 0 && this.waiting[0].sequence <= sequence) {
      this.waiting.shift();
    }
  }

  /** Actions that were never counted make room for those that can still be. */
  dropStale(newestTick, tickUs) {
    const oldestTick = newestTick - PENDING_US_MAX / tickUs;
    while (this.waiting.length > 0 && this.waiting[0].tick < oldestTick) {
      this.waiting.shift();
    }
  }

  /** Those that wait, as a caller may see them. */
  pending() {
    return this.waiting.map(({tick, sequence, action, values}) => ({
      tick, sequence, action, values: {...values},
    }));
  }

  /** The record of the newest that fit. */
  write(newestTick, capacity) {
    return writeInputs(newestTick, this.waiting, capacity);
  }
}
