// SPDX-License-Identifier: Apache-2.0

// A map in the corner: the land around the player, or all of it.

import {addTeamShape} from './sprites.js';
import {RELIEF_SIDE} from './relief.js';
import {BASES, OUTPOSTS} from './skirmish_land.js';
import {Kind} from './world.js';

const LAND_M = 4096;
const NEAR_M = 320; // of the land, a side
const EVERY_MS = 66;

/** Draws the map. */
export class Minimap {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d', {alpha: false});
    this.isWhole = false;
    this.drawnMs = 0;
  }

  /** Shows all of the land, or what is near. */
  toggle() {
    this.isWhole = !this.isWhole;
    this.canvas.classList.toggle('whole', this.isWhole);
    this.drawnMs = 0;
  }

  /**
   * @param {number} nowMs
   * @param {import('./world.js').World} world
   * @param {import('./ground.js').Ground} [ground]
   * @param {object} palette
   * @param {number} heading
   */
  draw(nowMs, world, ground, palette, heading) {
    if (nowMs - this.drawnMs < EVERY_MS) {
      return;
    }
    this.drawnMs = nowMs;
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const side = Math.round(this.canvas.clientWidth * ratio);
    if (side === 0) {
      return;
    }
    if (this.canvas.width !== side) {
      this.canvas.width = side;
      this.canvas.height = side;
    }
    const {context} = this;
    const centre = this.isWhole || world.own === undefined ? {x: 0, y: 0} : world.own;
    const spanM = this.isWhole ? LAND_M : NEAR_M;
    const scale = side / spanM;
    const toX = (x) => (x - centre.x) * scale + side / 2;
    const toY = (y) => (centre.y - y) * scale + side / 2;
    context.fillStyle = palette.land.outside;
    context.fillRect(0, 0, side, side);
    if (ground !== undefined) {
      const shown = LAND_M * scale;
      context.drawImage(ground.relief, 0, 0, RELIEF_SIDE, RELIEF_SIDE, toX(-LAND_M / 2),
        toY(LAND_M / 2), shown, shown);
      this.drawLand(ground.land, palette, toX, toY, scale);
    }
    this.drawThings(world, palette, toX, toY, ratio);
    if (world.own !== undefined) {
      this.drawOwn(toX(world.own.x), toY(world.own.y), heading, ratio, palette);
    }
  }

  /** @private */
  drawLand(land, palette, toX, toY, scale) {
    const {context} = this;
    context.fillStyle = palette.isLight ? 'rgba(70, 64, 58, 0.65)' : 'rgba(214, 214, 206, 0.5)';
    for (const {kind, x, y, halfX, halfY} of land.boxes) {
      if (kind !== 'fence' && (kind === 'house' || !this.isWhole)) {
        const reach = Math.max(1, Math.min(halfX, halfY) * scale);
        const far = Math.max(1, Math.max(halfX, halfY) * scale);
        const half = kind === 'house' ? far : Math.max(reach, 1);
        context.fillRect(toX(x) - half, toY(y) - half, 2 * half, 2 * half);
      }
    }
    for (const [places, size] of [[BASES, 5], [OUTPOSTS, 3.5]]) {
      places.forEach(([x, y], i) => {
        context.fillStyle = palette.teams[i + 1];
        context.strokeStyle = '#0b0f14';
        context.lineWidth = 1.5;
        context.beginPath();
        addTeamShape(context, i + 1, toX(x), toY(y), this.isWhole ? size * 1.6 : size * 2);
        context.stroke();
        context.fill();
      });
    }
    context.strokeStyle = palette.land.line;
    context.lineWidth = 1.5;
    context.strokeRect(toX(500), toY(450), 200 * scale, 200 * scale);
    context.strokeStyle = palette.teams[5];
    for (const {x, y} of land.camps) {
      context.beginPath();
      addTeamShape(context, 5, toX(x), toY(y), this.isWhole ? 5 : Math.max(5, 13 * scale));
      context.stroke();
    }
  }

  /** @private */
  drawThings(world, palette, toX, toY, ratio) {
    const {context} = this;
    const size = 2.6 * ratio;
    for (const thing of world.ready) {
      if (thing === world.own || thing.isDead) {
        continue;
      }
      if (thing.isFigure) {
        context.fillStyle = palette.teams[thing.team] || palette.teams[0];
        context.beginPath();
        addTeamShape(context, thing.team, toX(thing.x), toY(thing.y), size);
        context.fill();
      } else if (thing.kind === Kind.pickup && thing.look !== 8) {
        context.fillStyle = palette.pickup;
        context.fillRect(toX(thing.x) - 1, toY(thing.y) - 1, 2 * ratio, 2 * ratio);
      } else if (thing.kind === Kind.blast) {
        context.fillStyle = '#ffb347';
        context.fillRect(toX(thing.x) - size, toY(thing.y) - size, 2 * size, 2 * size);
      }
    }
  }

  /** @private */
  drawOwn(x, y, heading, ratio, palette) {
    const {context} = this;
    const size = 6.5 * ratio;
    context.fillStyle = '#ffffff';
    context.strokeStyle = palette.isLight ? '#17202a' : '#05080b';
    context.lineWidth = 1.5 * ratio;
    context.beginPath();
    for (const [turn, reach] of [[0, 1.2], [2.5, 0.9], [Math.PI, 0.35], [-2.5, 0.9]]) {
      context.lineTo(x + Math.cos(heading + turn) * size * reach,
        y - Math.sin(heading + turn) * size * reach);
    }
    context.closePath();
    context.stroke();
    context.fill();
  }
}
