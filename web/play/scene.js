// SPDX-License-Identifier: Apache-2.0

// One picture: the ground, what lies on it, who stands on it, what flies above, and words.

import {Kind} from './world.js';

const MARGIN_M = 4;
const TALL_M = 0.7; // what stands higher above the ground is drawn above boxes
const NAME_REACH_M = 70;
const BAR_M = 1.7;
const TAKEN = 8;
const RELOADING = 3;
const GRID_M = 16;
const TRACE_S = 0.035; // a bullet's tail is as long as it flies in this time

/** Draws the world. */
export class Scene {
  /** @param {CanvasRenderingContext2D} context */
  constructor(context, camera, sprites, effects) {
    this.context = context;
    this.camera = camera;
    this.sprites = sprites;
    this.effects = effects;
    this.drawnCount = 0;
    this.point = [0, 0];
  }

  /**
   * @param {object} picture
   * @param {import('./world.js').World} picture.world
   * @param {import('./ground.js').Ground} [picture.ground]
   * @param {import('./obstacles.js').Obstacles} [picture.obstacles]
   * @param {object} picture.palette
   * @param {(number: number) => string} picture.nameOf a player's name
   * @param {{x: number, y: number}} [picture.target] where the player aims
   * @param {number} picture.heading of the player's own fighter
   */
  draw(picture) {
    const {context, camera, sprites} = this;
    const {world, palette} = picture;
    context.setTransform(1, 0, 0, 1, 0, 0);
    sprites.use(palette, camera.scale, camera.ratio);
    if (picture.ground === undefined) {
      this.drawGrid(palette);
    } else {
      picture.ground.draw(context, camera);
    }
    this.effects.drawMarks(context, camera);
    const shown = this.select(world);
    this.drawThings(shown, (thing) => thing.heightM < TALL_M && !thing.isFigure, picture);
    this.drawThings(shown, (thing) => thing.heightM < TALL_M && thing.isFigure, picture);
    picture.obstacles?.draw(context, camera);
    this.drawThings(shown, (thing) => thing.heightM >= TALL_M, picture);
    this.drawBullets(shown, palette);
    this.effects.draw(context, camera, sprites);
    this.drawWords(shown, picture);
    this.drawAim(picture);
    this.drawnCount = shown.length;
  }

  /** @private */
  drawGrid(palette) {
    const {context, camera} = this;
    context.fillStyle = palette.land.unknown;
    context.fillRect(0, 0, camera.width, camera.height);
    const {minX, maxX, minY, maxY} = camera.bounds(GRID_M);
    context.fillStyle = palette.land.grid;
    for (let x = Math.floor(minX / GRID_M) * GRID_M; x < maxX; x += GRID_M) {
      context.fillRect(Math.round(camera.screenX(x)), 0, 1, camera.height);
    }
    for (let y = Math.floor(minY / GRID_M) * GRID_M; y < maxY; y += GRID_M) {
      context.fillRect(0, Math.round(camera.screenY(y)), camera.width, 1);
    }
  }

  // What is in the picture; the dead lie below the living.
  /** @private */
  select(world) {
    const {minX, maxX, minY, maxY} = this.camera.bounds(MARGIN_M);
    const shown = world.ready.filter(({x, y}) => x > minX && x < maxX && y > minY && y < maxY);
    return shown.sort((a, b) => (a.isDead ? 0 : 1) - (b.isDead ? 0 : 1) || a.z - b.z);
  }

  // Where a thing is on the canvas, leaning if it is high.
  /** @private */
  pointOf(thing, moreM = 0) {
    const {camera, point} = this;
    const lean = camera.lean(thing.heightM + moreM);
    point[0] = camera.width / 2 + (camera.screenX(thing.x) - camera.width / 2) * lean;
    point[1] = camera.height / 2 + (camera.screenY(thing.y) - camera.height / 2) * lean;
    return point;
  }

  /** @private */
  put(sprite, [x, y]) {
    this.context.drawImage(sprite, Math.round(x - sprite.width / 2),
      Math.round(y - sprite.height / 2));
  }

  /** @private */
  drawThings(shown, isWanted, picture) {
    for (const thing of shown) {
      if (!isWanted(thing)) {
        continue;
      }
      if (thing.isFigure) {
        this.drawFigure(thing, picture);
      } else if (thing.kind === Kind.pickup && thing.look !== TAKEN) {
        this.drawPickup(thing);
      } else if (thing.kind === Kind.loose) {
        this.put(this.sprites.loose(), this.pointOf(thing));
      } else if (thing.kind === Kind.grenade) {
        this.drawGrenade(thing);
      }
    }
  }

  /** @private */
  drawFigure(thing, {world, heading}) {
    const {context, sprites} = this;
    const isOwn = thing === world.own;
    const point = this.pointOf(thing);
    const state = thing.isDead ? 'dead' : isOwn ? 'mine' : 'alive';
    this.put(sprites.figure(thing.team, isOwn ? heading : thing.heading, state), point);
    if (thing.hurtMs > 0) {
      context.globalAlpha = Math.min(0.75, thing.hurtMs / 200);
      context.fillStyle = '#ffffff';
      context.beginPath();
      context.arc(point[0], point[1], sprites.radius, 0, 2 * Math.PI);
      context.fill();
      context.globalAlpha = 1;
    }
    if (thing.look === RELOADING) {
      context.strokeStyle = '#ffffff';
      context.lineWidth = Math.max(1.5, sprites.radius * 0.2);
      context.beginPath();
      const turn = performance.now() / 130;
      context.arc(point[0], point[1], sprites.radius * 1.4, turn, turn + 4);
      context.stroke();
    }
  }

  /** @private */
  drawPickup(thing) {
    const point = this.pointOf(thing);
    point[1] += Math.sin(performance.now() / 380 + thing.x) * 0.12 * this.camera.scale;
    this.put(this.sprites.pickup(thing.look), point);
  }

  /** @private */
  drawGrenade(thing) {
    const {context, camera} = this;
    const radius = Math.max(2.5 * camera.ratio, 0.24 * camera.scale);
    context.fillStyle = 'rgba(0, 0, 0, 0.35)';
    context.beginPath();
    context.arc(camera.screenX(thing.x + 0.3 * thing.heightM),
      camera.screenY(thing.y - 0.3 * thing.heightM), radius, 0, 2 * Math.PI);
    context.fill();
    const [x, y] = this.pointOf(thing);
    const isBlinking = performance.now() % 240 < 120;
    context.fillStyle = isBlinking ? '#ff6a4d' : '#2e3a2c';
    context.strokeStyle = '#e8efe0';
    context.lineWidth = Math.max(1, radius * 0.3);
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }

  /** @private */
  drawBullets(shown, palette) {
    const {context, camera} = this;
    const flying = shown.filter(({kind}) => kind === Kind.bullet).map((thing) => ({
      x: thing.x, y: thing.y, heightM: thing.heightM, team: thing.team, vx: thing.motion[0],
      vy: thing.motion[1],
    }));
    for (const {x, y, h, vx, vy, team} of this.effects.trails) {
      flying.push({x, y, heightM: h, team, vx, vy});
    }
    context.lineCap = 'round';
    for (let team = 0; team < palette.teams.length; team++) {
      const path = new Path2D();
      let count = 0;
      for (const bullet of flying) {
        if (bullet.team === team) {
          const [x, y] = this.pointOf(bullet);
          const tail = TRACE_S * camera.scale;
          path.moveTo(x - bullet.vx * tail, y + bullet.vy * tail);
          path.lineTo(x, y);
          count++;
        }
      }
      if (count > 0) {
        context.globalAlpha = 0.55;
        context.strokeStyle = palette.teams[team];
        context.lineWidth = Math.max(3, 0.26 * camera.scale);
        context.stroke(path);
        context.globalAlpha = 1;
        context.strokeStyle = '#fffbe6';
        context.lineWidth = Math.max(1, 0.08 * camera.scale);
        context.stroke(path);
      }
    }
  }

  // Names and health, above everything.
  /** @private */
  drawWords(shown, {world, palette, nameOf}) {
    const {context, camera, sprites} = this;
    const width = Math.max(22 * camera.ratio, BAR_M * camera.scale);
    const height = Math.max(3 * camera.ratio, 0.14 * camera.scale);
    const isClose = camera.scale >= 5 * camera.ratio;
    for (const thing of shown) {
      if (!thing.isFigure || thing.isDead) {
        continue;
      }
      const isOwn = thing === world.own;
      const [x, y] = this.pointOf(thing);
      const top = Math.round(y - sprites.radius * 1.5 - height);
      if ((isClose && !isOwn) || thing.health < 100) {
        const left = Math.round(x - width / 2);
        context.fillStyle = 'rgba(6, 10, 14, 0.72)';
        context.fillRect(left - 1, top - 1, width + 2, height + 2);
        context.fillStyle = thing.health > 55 ? palette.teams[thing.team] || palette.muted
          : thing.health > 25 ? palette.warn : palette.bad;
        context.fillRect(left, top, width * thing.health / 100, height);
        if (thing.armour > 0) {
          context.fillStyle = '#dfe8f2';
          context.fillRect(left, top + height - 1, width * thing.armour / 100, 1);
        }
      }
      const isNear = world.own === undefined ||
        Math.hypot(thing.x - world.own.x, thing.y - world.own.y) < NAME_REACH_M;
      if (isClose && isNear && thing.kind === Kind.fighter && thing.number > 0 && !isOwn) {
        const label = sprites.label(nameOf(thing.number - 1), palette.text);
        context.drawImage(label, Math.round(x - label.width / 2), top - label.height);
      }
    }
  }

  // A cross where the player aims, and how far a shot goes towards it.
  /** @private */
  drawAim({world, target, heading, palette}) {
    const {context, camera} = this;
    const {own} = world;
    if (own === undefined || own.isDead || target === undefined) {
      return;
    }
    const x = camera.screenX(target.x);
    const y = camera.screenY(target.y);
    const fromX = camera.screenX(own.x + Math.cos(heading) * 2);
    const fromY = camera.screenY(own.y + Math.sin(heading) * 2);
    context.strokeStyle = palette.isLight ? 'rgba(20, 30, 40, 0.25)' : 'rgba(255, 255, 255, 0.2)';
    context.lineWidth = camera.ratio;
    context.setLineDash([2 * camera.ratio, 6 * camera.ratio]);
    context.beginPath();
    context.moveTo(fromX, fromY);
    context.lineTo(x, y);
    context.stroke();
    context.setLineDash([]);
    const size = 9 * camera.ratio;
    for (const [style, width] of [['rgba(0, 0, 0, 0.55)', 4], ['#ffffff', 1.8]]) {
      context.strokeStyle = style;
      context.lineWidth = width * camera.ratio;
      context.beginPath();
      for (let i = 0; i < 4; i++) {
        const angle = i * Math.PI / 2;
        context.moveTo(x + Math.cos(angle) * size * 0.5, y + Math.sin(angle) * size * 0.5);
        context.lineTo(x + Math.cos(angle) * size * 1.25, y + Math.sin(angle) * size * 1.25);
      }
      context.stroke();
    }
  }
}
