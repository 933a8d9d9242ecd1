// SPDX-License-Identifier: Apache-2.0

// What is in sight, as the picture needs it: read from the client once a frame.

import {LOOK_DEAD} from './sprites.js';

/** Kinds of entities: numbers of the game. */
export const Kind = Object.freeze({
  fighter: 1, guard: 2, bullet: 3, grenade: 4, blast: 5, pickup: 6, loose: 7,
});

const TURN_MS = 60; // in which a figure turns most of the way
const HURT_MS = 220;
const BULLET_RADIUS_M = 0.06;
const RADIUS_M = 0.5;

class Thing {
  constructor(entity, tick) {
    this.entity = entity;
    this.kind = entity.kind;
    this.enterTick = tick;
    this.isMine = entity.isMine;
    this.isPlaced = false;
    this.x = 0;
    this.y = 0;
    this.z = 0;
    this.heightM = 0; // above the ground
    this.heading = 0;
    this.isTurned = false;
    this.health = 100;
    this.armour = 0;
    this.look = 0;
    this.team = 0;
    this.number = 0;
    this.score = 0;
    this.hurtMs = 0;
    this.motion = [0, 0, 0];
  }

  get isFigure() {
    return this.kind === Kind.fighter || this.kind === Kind.guard;
  }

  get isDead() {
    return this.look === LOOK_DEAD;
  }
}

/** The entities that the client knows of. */
export class World {
  /** @param {import('./effects.js').Effects} effects */
  constructor(effects) {
    this.effects = effects;
    this.land = undefined;
    this.view = undefined;
    this.things = new Map(); // by index
    this.own = undefined;
    this.ready = []; // things that can be drawn now
    this.numbers = [0, 0, 0, 0];
    this.place = [0, 0, 0];
    this.blastsSeen = 0;
  }

  /** Takes what has come and gone; to be called often, whether the page is seen or not. */
  take(client) {
    const {view} = client;
    if (view !== this.view) {
      this.view = view;
      this.things.clear();
      this.effects.trails.length = 0;
    }
    for (let event = view?.popEvent(); event !== undefined; event = view.popEvent()) {
      if (event.type === 'enter') {
        this.things.set(event.entity.index, new Thing(event.entity, event.tick));
      } else {
        this.leave(event, client);
      }
    }
  }

  // The picture is a little behind: what was flying flies on to where it ended.
  /** @private */
  leave({entity, tick}, client) {
    const thing = this.things.get(entity.index);
    if (thing === undefined || thing.entity.id !== entity.id) {
      return;
    }
    this.things.delete(entity.index);
    if (thing.kind === Kind.bullet && thing.isPlaced) {
      const leftTicks = Math.min(Math.max(tick - client.renderTick, 0), 12);
      this.effects.trails.push({
        x: thing.x, y: thing.y, z: thing.z, h: thing.heightM, vx: thing.motion[0],
        vy: thing.motion[1], vz: thing.motion[2], team: thing.team,
        leftMs: leftTicks * 1000 / client.tables.tickRateHz,
      });
    }
  }

  /**
   * Looks at everything.
   * @param {object} client
   * @param {number} passedMs since the last time
   * @param {number[]|undefined} ownPlace where the player's own fighter is drawn
   */
  update(client, passedMs, ownPlace) {
    this.take(client);
    this.ready.length = 0;
    const own = client.own;
    this.own = undefined;
    for (const thing of this.things.values()) {
      const isOwn = thing.entity === own;
      this.readFields(thing, passedMs);
      this.readPlace(client, thing, isOwn ? ownPlace : undefined);
      if (thing.isPlaced) {
        this.ready.push(thing);
        this.own = isOwn ? thing : this.own;
      }
    }
  }

  /** @private */
  readPlace(client, thing, ownPlace) {
    const {index} = thing.entity;
    const isFleeting = thing.kind >= Kind.bullet && thing.kind <= Kind.blast;
    if (isFleeting && client.renderTick < thing.enterTick) {
      return; // not yet in the picture's time
    }
    const place = ownPlace ?? client.place(index, client.renderTick);
    if (place === undefined) {
      return;
    }
    thing.x = place[0];
    thing.y = place[1];
    thing.z = place[2];
    const radius = thing.kind === Kind.bullet ? BULLET_RADIUS_M : RADIUS_M;
    thing.heightM = this.land === undefined ? 0
      : Math.max(0, thing.z - radius - this.land.height(thing.x, thing.y));
    if (thing.kind === Kind.bullet) {
      this.view.motion(index, 'position', thing.motion);
    }
    if (!thing.isPlaced) {
      thing.isPlaced = true;
      this.begin(thing);
    }
  }

  /** @private */
  begin(thing) {
    if (thing.kind === Kind.blast) {
      this.effects.blast(thing.x, thing.y);
      this.blastsSeen++;
    } else if (thing.kind === Kind.bullet && !thing.isMine) {
      this.effects.flash(thing.x - thing.motion[0] * 0.01, thing.y - thing.motion[1] * 0.01,
        Math.atan2(thing.motion[1], thing.motion[0]));
    }
  }

  /** @private */
  number(index, field, fallback) {
    return this.view.numbers(index, field, this.numbers) === undefined ? fallback : this.numbers[0];
  }

  /** @private */
  readFields(thing, passedMs) {
    const {index} = thing.entity;
    if (thing.kind === Kind.loose || thing.kind === Kind.blast) {
      return;
    }
    thing.team = this.number(index, 'team', thing.team);
    if (thing.kind === Kind.pickup) {
      thing.look = this.number(index, 'look', 8);
      return;
    }
    if (!thing.isFigure) {
      return;
    }
    thing.look = this.number(index, 'look', thing.look);
    thing.number = this.number(index, 'number', thing.number);
    thing.score = this.number(index, 'score', thing.score);
    thing.armour = this.number(index, 'armour', thing.armour);
    this.readHealth(thing, this.number(index, 'health', thing.health), passedMs);
    this.turn(thing, this.number(index, 'heading', thing.heading), passedMs);
  }

  /** @private */
  readHealth(thing, health, passedMs) {
    thing.hurtMs = Math.max(0, thing.hurtMs - passedMs);
    if (health < thing.health && thing.isPlaced) {
      thing.hurtMs = HURT_MS;
      this.effects.burst(thing.x, thing.y, 0.8, health === 0 ? 14 : 5, 5, 420, 0.16, '#d8412f');
      if (health === 0) {
        this.effects.burst(thing.x, thing.y, 0.3, 8, 3, 900, 0.5, '#7d756c');
      }
    }
    thing.health = health;
  }

  /** @private */
  turn(thing, heading, passedMs) {
    if (!thing.isTurned) {
      thing.isTurned = true;
      thing.heading = heading;
      return;
    }
    const off = Math.atan2(Math.sin(heading - thing.heading), Math.cos(heading - thing.heading));
    thing.heading += off * (1 - Math.exp(-passedMs / TURN_MS));
  }

  /** A number of the player's own fighter, undefined if it is not known. */
  ownNumber(field) {
    const index = this.own?.entity.index;
    return index === undefined ? undefined : this.number(index, field, undefined);
  }

  /**
   * The nearest living enemy.
   * @param {number} reachM
   * @param {(thing: object) => number} cost in metres, Infinity for what does not count
   */
  nearestEnemy(reachM, cost) {
    let found;
    let least = reachM;
    for (const thing of this.ready) {
      if (thing.isFigure && !thing.isDead && thing.team !== this.own?.team && thing !== this.own) {
        const metres = cost(thing);
        if (metres < least) {
          least = metres;
          found = thing;
        }
      }
    }
    return found;
  }
}
