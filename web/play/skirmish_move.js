// SPDX-License-Identifier: Apache-2.0

// How a fighter of skirmish moves, for Predictor: the walking of games/skirmish/fighter.c, and what
// physics makes of it on hills, along walls and on crates. Other fighters and loose things are not
// looked at; what they push, the server tells.

import {Contacts} from './skirmish_contacts.js';

const TICK_S = 1 / 60;
const WALK_MPS = 4;
const SPRINT_MPS = 7;
const WAY_TICKS = 30; // who says nothing more stops after so long
const STILL_MPS = 0.05;
const GRAVITY_MPS2 = 9.81;
const BREATH_PARTS = 6; // of a whole: it changes by wholes in every sixth tick, here by parts
const BREATH_MAX = 100 * BREATH_PARTS;
const BREATH_RESTED = 30 * BREATH_PARTS;
const BREATH_SPENT = 2;
const BREATH_OFF_MAX = 4 * BREATH_PARTS; // what is told comes late
const LOOK_DEAD = 4;

// What rounding to a centimetre leaves of a place that is right.
const ROUNDING_M = 0.011;

function makeState() {
  return {
    place: [0, 0, 0],
    velocity: [0, 0, 0],
    heading: 0,
    share: 0, // of the full pace
    isSprintWanted: false,
    isSprinting: false,
    isTired: false,
    isAlive: true,
    isKnown: false, // place and velocity have been told
    breath: BREATH_MAX,
    movedTick: 0,
  };
}

function copyState(from, to) {
  const {place, velocity} = to;
  Object.assign(to, from);
  for (let lane = 0; lane < 3; lane++) {
    place[lane] = from.place[lane];
    velocity[lane] = from.velocity[lane];
  }
  to.place = place;
  to.velocity = velocity;
}

function act(state, {action, values}, tick) {
  if (action !== 'move' || !state.isAlive) {
    return;
  }
  state.heading = values.heading;
  state.share = 0.25 * values.speed;
  state.isSprintWanted = Boolean(values.sprint);
  state.movedTick = values.speed > 0 ? tick : state.movedTick;
}

function breathe(state) {
  if (state.isSprinting) {
    state.breath = Math.max(0, state.breath - BREATH_SPENT);
    state.isTired = state.isTired || state.breath === 0;
  } else {
    state.breath = Math.min(BREATH_MAX, state.breath + 1);
    state.isTired = state.isTired && state.breath < BREATH_RESTED;
  }
}

function setPace(state, tick) {
  const {velocity} = state;
  const isMoving = state.movedTick !== 0 && tick - state.movedTick <= WAY_TICKS && state.share > 0;
  state.isSprinting = isMoving && state.isSprintWanted && !state.isTired;
  if (isMoving) {
    const speed = state.share * (state.isSprinting ? SPRINT_MPS : WALK_MPS);
    velocity[0] = Math.cos(state.heading) * speed;
    velocity[1] = Math.sin(state.heading) * speed;
  } else if (Math.hypot(velocity[0], velocity[1]) > STILL_MPS) {
    velocity[0] = 0;
    velocity[1] = 0;
  }
}

/** The rule of motion over a land, for Predictor. */
export class SkirmishMove {
  /** @param {import('./skirmish_land.js').SkirmishLand} land */
  constructor(land) {
    this.contacts = new Contacts(land, TICK_S);
    this.told = [0, 0, 0];
    this.speeds = [0, 0, 0];
  }

  create() {
    return makeState();
  }

  copy(from, to) {
    copyState(from, to);
  }

  /** Takes in what the server says of the fighter at an index. */
  correct(state, view, index) {
    const {told, speeds} = this;
    view.numbers(index, 'position', told);
    view.motion(index, 'position', speeds);
    const offM = Math.hypot(...told.map((number, lane) => number - state.place[lane]));
    if (!state.isKnown || offM > ROUNDING_M) {
      for (let lane = 0; lane < 3; lane++) {
        state.place[lane] = told[lane];
        state.velocity[lane] = speeds[lane];
      }
    }
    const [stamina] = view.numbers(index, 'stamina') ?? [state.breath / BREATH_PARTS];
    const breath = stamina * BREATH_PARTS;
    if (!state.isKnown || Math.abs(breath - state.breath) > BREATH_OFF_MAX) {
      state.breath = breath;
      state.isTired = breath === 0 || (state.isTired && breath < BREATH_RESTED);
    }
    const [look] = view.numbers(index, 'look') ?? [0];
    state.isAlive = look !== LOOK_DEAD;
    state.isKnown = true;
  }

  /** Moves on by a tick. */
  step(state, actions, tick) {
    actions.forEach((action) => act(state, action, tick));
    if (state.isAlive) {
      setPace(state, tick);
      breathe(state);
    }
    state.velocity[2] -= GRAVITY_MPS2 * TICK_S;
    this.contacts.move(state.place, state.velocity);
  }
}
