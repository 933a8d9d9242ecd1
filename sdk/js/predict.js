// SPDX-License-Identifier: Apache-2.0

// Where the player's own entity will be when the server has counted what the player did. The server
// decides; the client applies the game's rule of motion ahead of it, so that a key is seen at once.
//
//     const predictor = new Predictor(rule);
//     each frame: client.update(); predictor.update(client, nowMs); draw(predictor.place());
//
// The states of the last ticks are kept. When the server has told of one, it is corrected and the
// ticks after it are run again with what the player did in them. What that moves the picture by is
// not shown at once: it fades within a tenth of a second, or in a little more if it is large. Only
// what is further than any correction is a jump, such as coming back elsewhere after a death.

import {FIELD_POSITION} from './schema.js';

const STATE_COUNT = 128; // of the last ticks, a ring
const TICKS_AHEAD_MAX = 64; // of the newest state that the server has told
const ACTION_COUNT_MAX = 256;

// An entity that moves is told of in every tick or two. One that rests was, so many ticks before
// the newest, still where it was seen last.
const REST_TICKS = 4;

// So much of what is to fade is left after the time for it.
const FADED_SHARE = 0.05;

// A large correction fades no faster, or it would look like a jump.
const FADE_MPS_MAX = 15;

// The client's clock jumps when the network has become slower or faster. The picture's time runs
// this share faster or slower instead, unless it would take too long.
const CATCH_UP_SHARE = 0.5;
const TICKS_OFF_MAX = 30;

/**
 * How a game moves the player's own entity. A state has a member `place`, an array of three
 * metres, and what else the rule needs.
 *
 * @typedef {object} MoveRule
 * @property {() => object} create a state
 * @property {(from: object, to: object) => void} copy one state over another
 * @property {(state: object, view: object, index: number) => void} correct takes into a state what
 *   the server says of the entity at an index
 * @property {(state: object, actions: object[], tick: number) => void} step moves a state on to a
 *   tick, with the actions that count in it: items of client.pending()
 */

/** Predicts the player's own entity. */
export class Predictor {
  /**
   * @param {MoveRule} rule
   * @param {{fadeMs?: number, jumpM?: number}} [options] in how long corrections fade (100), and
   *   from what distance on they are shown at once (4)
   */
  constructor(rule, {fadeMs = 100, jumpM = 4} = {}) {
    this.rule = rule;
    this.fadeMs = fadeMs;
    this.jumpM = jumpM;
    this.states = Array.from({length: STATE_COUNT}, () => rule.create());
    this.actions = []; // of the ticks that may be run again, oldest first
    this.offset = [0, 0, 0]; // what is still to fade
    this.before = [0, 0, 0];
    this.after = [0, 0, 0];
    this.clear();
  }

  /** Forgets everything. */
  clear() {
    this.entity = undefined;
    this.baseTick = 0; // of the newest state that the server has told
    this.tick = 0; // of the newest state
    this.firstTick = 0; // of the oldest state
    this.time = 0; // that is shown, in ticks
    this.nowMs = 0;
    this.sequence = 0; // of the newest action
    this.countedSequence = 0;
    this.actions.length = 0;
    this.offset.fill(0);
  }

  /** The newest state as the rule has it, undefined while the player has no entity. */
  get state() {
    return this.entity === undefined ? undefined : this.stateAt(this.tick);
  }

  /**
   * Looks at what is new; to be called once a frame, after the client's own update().
   * @param {object} client of which own, view, tick, newestTick and pending() are used
   * @param {number} nowMs
   */
  update(client, nowMs) {
    const {own, view} = client;
    const baseTick = own === undefined ? 0 : this.findBase(client);
    if (baseTick === 0) {
      this.clear();
      return;
    }
    if (client.tick === 0) {
      return; // between two connections
    }
    this.noteActions(client.pending());
    if (own !== this.entity) {
      this.begin(client, baseTick, nowMs);
      return;
    }
    this.advance(client, nowMs);
    this.runOn(client);
    this.placeOf(this.before);
    const isKept = baseTick >= this.baseTick && baseTick <= this.tick;
    if (!isKept) {
      this.rule.copy(this.stateAt(this.tick), this.stateAt(baseTick));
      this.firstTick = baseTick;
    }
    this.baseTick = baseTick;
    this.tick = baseTick;
    this.rule.correct(this.stateAt(baseTick), view, own.index);
    this.runOn(client);
    this.placeOf(this.after);
    this.takeOffset();
    this.dropActions();
  }

  /**
   * Where to draw the entity.
   * @param {number[]} [out] filled and returned if given
   * @returns {number[]|undefined} undefined while the player has no entity
   */
  place(out = [0, 0, 0]) {
    if (this.entity === undefined) {
      return undefined;
    }
    this.placeOf(out);
    for (let lane = 0; lane < 3; lane++) {
      out[lane] += this.offset[lane];
    }
    return out;
  }

  /** @private */
  stateAt(tick) {
    return this.states[tick % STATE_COUNT];
  }

  // The tick of the newest state that is known, 0 if there is none.
  /** @private */
  findBase({view, own, newestTick}) {
    const field = view.schema.fields.findIndex((one) => one.encoding === FIELD_POSITION);
    const motion = view.motion(own.index, field);
    if (motion === undefined) {
      return 0;
    }
    const tick = view.fieldTick(own.index, field);
    const isResting = motion.every((part) => part === 0);
    return isResting ? Math.max(tick, newestTick - REST_TICKS) : tick;
  }

  // Actions are kept beyond the time when they count, for ticks that are run again.
  /** @private */
  noteActions(pending) {
    if (pending.length === 0) {
      this.countedSequence = this.sequence;
      return;
    }
    if (pending.at(-1).sequence < this.sequence) { // a new connection counts from 1 again
      this.actions.length = 0;
      this.sequence = 0;
    }
    for (const action of pending) {
      if (action.sequence > this.sequence) {
        this.sequence = action.sequence;
        this.actions.push(action);
      }
    }
    this.countedSequence = pending[0].sequence - 1;
  }

  /** @private */
  dropActions() {
    const first = this.actions.findIndex((action) => action.tick > this.baseTick ||
      action.sequence > this.countedSequence);
    const oldCount = first < 0 ? this.actions.length : first;
    this.actions.splice(0, Math.max(oldCount, this.actions.length - ACTION_COUNT_MAX));
  }

  /** @private */
  begin(client, baseTick, nowMs) {
    this.entity = client.own;
    this.baseTick = baseTick;
    this.tick = baseTick;
    this.firstTick = baseTick;
    this.time = client.tick;
    this.nowMs = nowMs;
    this.offset.fill(0);
    this.rule.copy(this.rule.create(), this.stateAt(baseTick));
    this.rule.correct(this.stateAt(baseTick), client.view, client.own.index);
    this.runOn(client);
  }

  // The picture's time runs evenly, within the tick that actions made now are meant for.
  /** @private */
  advance(client, nowMs) {
    const elapsedMs = Math.max(0, nowMs - this.nowMs);
    const elapsed = elapsedMs * client.view.schema.tickRateHz / 1000;
    const time = this.time + elapsed;
    const right = Math.min(Math.max(time, client.tick), client.tick + 1);
    const most = Math.abs(right - time) > TICKS_OFF_MAX ? Infinity : elapsed * CATCH_UP_SHARE;
    this.nowMs = nowMs;
    this.time = time + Math.min(Math.max(right - time, -most), most);
    this.fade(elapsedMs);
  }

  /** @private */
  fade(elapsedMs) {
    const length = Math.hypot(...this.offset);
    const leftM = Math.max(length * FADED_SHARE ** (elapsedMs / this.fadeMs),
      length - FADE_MPS_MAX * elapsedMs / 1000);
    for (let lane = 0; lane < 3 && length > 0; lane++) {
      this.offset[lane] *= leftM / length;
    }
  }

  // What has come too late for its tick counts as soon as the server has it.
  /** @private */
  actionsOf(tick, newestTick) {
    return this.actions.filter(({tick: meantTick, sequence}) => {
      const isLate = sequence > this.countedSequence && meantTick <= newestTick;
      return (isLate ? newestTick + 1 : meantTick) === tick;
    });
  }

  /** @private */
  runOn({tick, newestTick}) {
    const wanted = Math.max(tick, Math.floor(this.time));
    const end = Math.min(wanted, this.baseTick + TICKS_AHEAD_MAX);
    while (this.tick < end) {
      const state = this.stateAt(this.tick + 1);
      this.rule.copy(this.stateAt(this.tick), state);
      this.tick++;
      this.rule.step(state, this.actionsOf(this.tick, newestTick), this.tick);
    }
  }

  // Between the state of the picture's tick and the one before it.
  /** @private */
  placeOf(out) {
    const tick = Math.max(Math.min(Math.floor(this.time), this.tick), this.firstTick);
    const to = this.stateAt(tick).place;
    const from = this.stateAt(Math.max(tick - 1, this.firstTick)).place;
    const share = Math.min(Math.max(this.time - tick, 0), 1);
    for (let lane = 0; lane < 3; lane++) {
      out[lane] = from[lane] + (to[lane] - from[lane]) * share;
    }
  }

  // What the picture has moved by fades, unless it is a jump.
  /** @private */
  takeOffset() {
    const offset = this.offset.map((part, lane) => part + this.before[lane] - this.after[lane]);
    const isJump = Math.hypot(...offset) > this.jumpM;
    this.offset = isJump ? [0, 0, 0] : offset;
  }
}
