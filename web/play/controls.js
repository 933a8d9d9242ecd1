// SPDX-License-Identifier: Apache-2.0

// What the player wants, from keys, mouse and touch, and the actions that say so to the server.

import {LOOK_DEAD} from './sprites.js';

const FIRE_EVERY_TICKS = 5;
const AIM_EVERY_TICKS = 2;
const AIM_HOLD_TICKS = 20; // an aim that does not change is said again, so that it is kept
const AIM_STEP = 0.01;
const AUTO_REACH_M = 75;
const NEAR_AIM_M = 1.6; // from the line of fire: whoever is so near to it is meant
const DROP_RADIANS_PER_M = 0.0004; // for which a bullet's fall is made up
const BULLET_MPS = 110;
const STICK_PIXELS = 52;
const STICK_DEAD = 0.18;
const STICK_FIRE = 0.55;
const STICK_SPRINT = 1.25;
const FLASH_TICKS = 24; // between shots

// A grenade that is wanted right after a shot has to wait for the weapon, and is asked for again.
// The window is shorter than the game's own pause after a throw, so that it is never two.
const THROW_EVERY_TICKS = 13;
const THROW_WINDOW_TICKS = 40;

const WAYS = {
  KeyW: [0, 1], ArrowUp: [0, 1], KeyS: [0, -1], ArrowDown: [0, -1],
  KeyA: [-1, 0], ArrowLeft: [-1, 0], KeyD: [1, 0], ArrowRight: [1, 0],
};

class Stick {
  constructor(element) {
    this.element = element;
    this.knob = element.firstElementChild;
    this.pointerId = undefined;
    this.x = 0; // east
    this.y = 0; // north
    this.length = 0; // 1 at the rim, more beyond it
    element.addEventListener('pointerdown', (event) => {
      this.pointerId = event.pointerId;
      element.setPointerCapture(event.pointerId);
      this.move(event);
      event.preventDefault();
    });
    element.addEventListener('pointermove', (event) => {
      if (event.pointerId === this.pointerId) {
        this.move(event);
      }
    });
    for (const type of ['pointerup', 'pointercancel', 'lostpointercapture']) {
      element.addEventListener(type, (event) => {
        if (event.pointerId === this.pointerId) {
          this.release();
        }
      });
    }
  }

  move(event) {
    const box = this.element.getBoundingClientRect();
    const x = (event.clientX - box.left - box.width / 2) / STICK_PIXELS;
    const y = (event.clientY - box.top - box.height / 2) / STICK_PIXELS;
    this.length = Math.hypot(x, y);
    this.x = x;
    this.y = -y;
    const share = STICK_PIXELS / Math.max(1, this.length);
    this.knob.style.transform = `translate(${x * share}px, ${y * share}px)`;
  }

  release() {
    this.pointerId = undefined;
    this.x = 0;
    this.y = 0;
    this.length = 0;
    this.knob.style.transform = '';
  }

  get isHeld() {
    return this.length > STICK_DEAD;
  }
}

/** The player's wishes. */
export class Controls {
  /**
   * @param {HTMLElement} canvas
   * @param {{move: HTMLElement, aim: HTMLElement}} sticks
   * @param {import('./camera.js').Camera} camera
   * @param {import('./world.js').World} world
   * @param {import('./effects.js').Effects} effects
   */
  constructor(canvas, sticks, camera, world, effects) {
    this.camera = camera;
    this.world = world;
    this.effects = effects;
    this.keys = new Set();
    this.pointer = undefined; // of a mouse, on the page
    this.isFiring = false; // by a mouse
    this.isAuto = false; // aimed by the keyboard: at the nearest enemy
    this.moveStick = new Stick(sticks.move);
    this.aimStick = new Stick(sticks.aim);
    this.wanted = []; // actions that are to be said once: [name, values]
    this.heading = 0;
    this.pitch = 0;
    this.isAiming = false;
    this.target = undefined;
    this.begin();
    this.onkey = () => false; // keys that are not for the fighter; true if it was used
    this.listen(canvas);
  }

  /** @private */
  listen(canvas) {
    window.addEventListener('keydown', (event) => this.keyDown(event));
    window.addEventListener('keyup', ({code}) => this.keys.delete(code));
    window.addEventListener('blur', () => this.release());
    canvas.addEventListener('pointermove', (event) => this.pointAt(event));
    canvas.addEventListener('pointerdown', (event) => {
      this.pointAt(event);
      if (event.pointerType === 'mouse' && event.button === 0) {
        this.isFiring = true;
        this.isAuto = false;
      } else if (event.pointerType === 'mouse' && event.button === 2) {
        this.throw();
      }
    });
    window.addEventListener('pointerup', () => {
      this.isFiring = false;
    });
    canvas.addEventListener('contextmenu', (event) => event.preventDefault());
    canvas.addEventListener('wheel', (event) => {
      this.camera.zoom(event.deltaY < 0 ? 1 : -1);
      event.preventDefault();
    }, {passive: false});
  }

  /** Begins anew, in a world whose ticks may be others. */
  begin() {
    this.saidHeading = 10; // nothing yet
    this.saidPitch = 10;
    this.aimedTick = -Infinity;
    this.firedTick = -Infinity;
    this.flashedTick = -Infinity;
    this.throwFromTick = -Infinity;
    this.thrownTick = -Infinity;
    this.isThrowWanted = false;
    this.steppedTick = 0;
  }

  /** Nothing is held any more. */
  release() {
    this.keys.clear();
    this.isFiring = false;
  }

  /** @private */
  pointAt(event) {
    if (event.pointerType === 'mouse') {
      this.pointer = [event.clientX, event.clientY];
      this.isAuto = this.isAuto && !this.isFiring && event.movementX === 0 &&
        event.movementY === 0;
    }
  }

  /** @private */
  keyDown(event) {
    const isTyping = event.target instanceof HTMLInputElement;
    const isFocusMoved = event.code === 'Tab' && event.shiftKey;
    if (isTyping || isFocusMoved || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    if (event.code in WAYS || ['Space', 'ShiftLeft', 'ShiftRight'].includes(event.code)) {
      const isButton = event.target instanceof HTMLButtonElement && event.code === 'Space';
      if (!isButton) {
        this.keys.add(event.code);
        this.isAuto = this.isAuto || event.code === 'Space';
        event.preventDefault();
      }
    } else if (!event.repeat && this.onkey(event.code)) {
      event.preventDefault();
    }
  }

  /** Throws a grenade as soon as the weapon lets it. */
  throw() {
    this.isThrowWanted = true;
  }

  /** Says an action once, with the next tick. */
  want(name, values = {}) {
    if (this.wanted.length < 4) {
      this.wanted.push([name, values]);
    }
  }

  // Which way to go: counter-clockwise from east, and how much of the full pace.
  /** @private */
  way() {
    let x = 0;
    let y = 0;
    for (const key of this.keys) {
      x += WAYS[key]?.[0] ?? 0;
      y += WAYS[key]?.[1] ?? 0;
    }
    let quarters = x !== 0 || y !== 0 ? 4 : 0;
    let isSprinting = this.keys.has('ShiftLeft') || this.keys.has('ShiftRight');
    if (this.moveStick.isHeld) {
      x = this.moveStick.x;
      y = this.moveStick.y;
      quarters = Math.min(4, Math.max(1, Math.round(this.moveStick.length * 4)));
      isSprinting = this.moveStick.length > STICK_SPRINT;
    }
    return {heading: Math.atan2(y, x), quarters, isSprinting};
  }

  /** @private */
  isTriggered() {
    return this.isFiring || this.keys.has('Space') || this.aimStick.length > STICK_FIRE;
  }

  /** Finds where the fighter aims; once a frame. */
  aim() {
    const {own} = this.world;
    this.target = undefined;
    this.isAiming = false;
    if (own === undefined || own.isDead) {
      return;
    }
    if (this.aimStick.isHeld) {
      const {x, y} = this.aimStick;
      this.aimAlong(Math.atan2(y, x), 18, 0.16);
    } else if (this.isAuto) {
      this.aimAtNearest();
    } else if (this.pointer !== undefined) {
      const [x, y] = this.camera.landAt(...this.pointer);
      const heading = Math.atan2(y - own.y, x - own.x);
      this.aimAlong(heading, Math.hypot(x - own.x, y - own.y), 0);
    }
  }

  // How far an enemy is from a line of fire, beside it.
  /** @private */
  besideLine(thing, heading, moreRadians) {
    const {own} = this.world;
    const x = thing.x - own.x;
    const y = thing.y - own.y;
    const along = x * Math.cos(heading) + y * Math.sin(heading);
    const beside = Math.abs(y * Math.cos(heading) - x * Math.sin(heading));
    return along > 0 && along < AUTO_REACH_M && beside < NEAR_AIM_M + along * moreRadians
      ? along : Infinity;
  }

  // Along a line: at the height of whoever is near to it, and with a stick at them.
  /** @private */
  aimAlong(heading, reachM, helpRadians) {
    const {own, land} = this.world;
    const enemy = this.world.nearestEnemy(AUTO_REACH_M,
      (thing) => this.besideLine(thing, heading, helpRadians));
    if (enemy !== undefined && helpRadians > 0) {
      this.aimAt(enemy);
      return;
    }
    this.isAiming = true;
    this.heading = heading;
    this.target = {x: own.x + Math.cos(heading) * reachM, y: own.y + Math.sin(heading) * reachM};
    if (enemy !== undefined) {
      this.pitch = this.pitchTo(enemy.x, enemy.y, enemy.z);
    } else {
      const reach = Math.max(reachM, 6);
      const x = own.x + Math.cos(heading) * reach;
      const y = own.y + Math.sin(heading) * reach;
      this.pitch = this.pitchTo(x, y, land === undefined ? own.z : land.height(x, y) + 0.6);
    }
  }

  /** @private */
  aimAt(enemy) {
    const {own} = this.world;
    const metres = Math.hypot(enemy.x - own.x, enemy.y - own.y);
    const aheadS = metres / BULLET_MPS;
    const motion = this.world.view.motion(enemy.entity.index, 'position') ?? [0, 0, 0];
    const x = enemy.x + motion[0] * aheadS;
    const y = enemy.y + motion[1] * aheadS;
    this.isAiming = true;
    this.heading = Math.atan2(y - own.y, x - own.x);
    this.pitch = this.pitchTo(x, y, enemy.z);
    this.target = {x: enemy.x, y: enemy.y};
  }

  /** @private */
  aimAtNearest() {
    const {own} = this.world;
    const enemy = this.world.nearestEnemy(AUTO_REACH_M,
      (thing) => Math.hypot(thing.x - own.x, thing.y - own.y));
    if (enemy !== undefined) {
      this.aimAt(enemy);
    }
  }

  /** @private */
  pitchTo(x, y, z) {
    const {own} = this.world;
    const metres = Math.max(1, Math.hypot(x - own.x, y - own.y));
    const pitch = Math.atan2(z - own.z, metres) + DROP_RADIANS_PER_M * metres;
    return Math.min(Math.max(pitch, -0.6), 0.6);
  }

  /** Says what is wanted; once a frame, after aim(). Nothing is said twice in a tick. */
  act(client) {
    const {tick} = client;
    if (client.state !== 'playing' || tick === this.steppedTick) {
      return;
    }
    this.steppedTick = tick;
    const {heading, quarters, isSprinting} = this.way();
    client.act('move', {heading, speed: quarters, sprint: isSprinting ? 1 : 0});
    if (!this.isAiming && quarters > 0) {
      this.heading = heading;
    }
    this.sayAim(client, tick);
    this.sayThrow(client, tick);
    this.sayFire(client, tick);
    for (const [name, values] of this.wanted.splice(0)) {
      client.act(name, values);
    }
  }

  /** @private */
  sayAim(client, tick) {
    const hasChanged = Math.abs(this.heading - this.saidHeading) > AIM_STEP ||
      Math.abs(this.pitch - this.saidPitch) > AIM_STEP;
    const everyTicks = hasChanged ? AIM_EVERY_TICKS : AIM_HOLD_TICKS;
    if (this.isAiming && tick - this.aimedTick >= everyTicks) {
      client.act('aim', {heading: this.heading, pitch: this.pitch});
      this.aimedTick = tick;
      this.saidHeading = this.heading;
      this.saidPitch = this.pitch;
    }
  }

  /** @private */
  sayThrow(client, tick) {
    if (this.isThrowWanted && !this.isThrowing(tick)) {
      this.throwFromTick = tick;
    }
    this.isThrowWanted = false;
    if (this.isThrowing(tick) && tick - this.thrownTick >= THROW_EVERY_TICKS) {
      client.act('throw');
      this.thrownTick = tick;
    }
  }

  /** @private */
  isThrowing(tick) {
    return tick >= this.throwFromTick && tick - this.throwFromTick < THROW_WINDOW_TICKS;
  }

  /** @private */
  sayFire(client, tick) {
    const {own} = this.world;
    const canFire = own !== undefined && own.look !== LOOK_DEAD && this.isTriggered() &&
      !this.isThrowing(tick);
    if (!canFire || tick - this.firedTick < FIRE_EVERY_TICKS) {
      return;
    }
    this.firedTick = tick;
    if (this.isAiming && this.saidHeading !== this.heading) {
      client.act('aim', {heading: this.heading, pitch: this.pitch});
      this.aimedTick = tick;
      this.saidHeading = this.heading;
      this.saidPitch = this.pitch;
    }
    client.act('fire');
    // The shot is seen at once; its bullet comes from the server.
    if (tick - this.flashedTick >= FLASH_TICKS && (this.world.ownNumber('ammo') ?? 0) > 0) {
      this.flashedTick = tick;
      this.effects.flash(own.x, own.y, this.heading);
    }
  }
}
