// SPDX-License-Identifier: Apache-2.0

// Houses, walls and crates: bodies that lean away from the middle of the picture, as seen from
// above. Their shadows lie on the ground already.

import {cornersOf} from './ground.js';
import {shaded} from './palette.js';
import {chance} from './relief.js';

const REACH_M = 14; // of a box that may be seen although its middle is not
const SIDE_LIGHT = [1.12, 0.95, 0.72, 0.86]; // of sides towards east, north, west, south

/** Draws the boxes of a land. */
export class Obstacles {
  /**
   * @param {import('./skirmish_land.js').SkirmishLand} land
   * @param {object} palette
   */
  constructor(land, palette) {
    this.items = land.boxes.filter(({kind}) => kind !== 'fence').map((box, i) => {
      const colours = palette.land;
      const top = box.kind === 'house'
        ? colours.roofs[Math.floor(chance(i, 77) * colours.roofs.length)] : colours[box.kind];
      return {
        box,
        corners: cornersOf(box),
        top,
        topDark: shaded(top, 0.86),
        line: shaded(top, 0.62),
        sides: SIDE_LIGHT.map((light) => shaded(shaded2hex(top, colours.side), Math.min(light, 1))),
        near: 0,
      };
    });
    this.shown = [];
    this.roof = [[0, 0], [0, 0], [0, 0], [0, 0]];
    this.foot = [[0, 0], [0, 0], [0, 0], [0, 0]];
  }

  /**
   * Draws what the camera sees, the furthest first.
   * @param {CanvasRenderingContext2D} context
   * @param {import('./camera.js').Camera} camera
   */
  draw(context, camera) {
    const {minX, maxX, minY, maxY} = camera.bounds(REACH_M);
    this.shown.length = 0;
    for (const item of this.items) {
      const {x, y} = item.box;
      if (x > minX && x < maxX && y > minY && y < maxY) {
        item.near = (x - camera.x) ** 2 + (y - camera.y) ** 2;
        this.shown.push(item);
      }
    }
    this.shown.sort((a, b) => b.near - a.near);
    context.lineJoin = 'round';
    for (const item of this.shown) {
      this.drawItem(context, camera, item);
    }
  }

  /** @private */
  drawItem(context, camera, item) {
    const {roof, foot} = this;
    const lean = camera.lean(item.box.heightM);
    const middleX = camera.width / 2;
    const middleY = camera.height / 2;
    item.corners.forEach(([x, y], i) => {
      foot[i][0] = camera.screenX(x);
      foot[i][1] = camera.screenY(y);
      roof[i][0] = middleX + (foot[i][0] - middleX) * lean;
      roof[i][1] = middleY + (foot[i][1] - middleY) * lean;
    });
    for (let i = 0; i < 4; i++) {
      const j = (i + 1) % 4;
      // A side is seen from the middle if it turns its face there.
      const turn = (foot[j][0] - foot[i][0]) * (middleY - foot[i][1]) -
        (foot[j][1] - foot[i][1]) * (middleX - foot[i][0]);
      if (turn > 0) {
        context.fillStyle = item.sides[this.sideOf(foot[i], foot[j])];
        context.beginPath();
        context.moveTo(foot[i][0], foot[i][1]);
        context.lineTo(foot[j][0], foot[j][1]);
        context.lineTo(roof[j][0], roof[j][1]);
        context.lineTo(roof[i][0], roof[i][1]);
        context.fill();
      }
    }
    this.drawTop(context, camera, item);
  }

  // Which way a side faces on the canvas: 0 east, 1 north, 2 west, 3 south.
  /** @private */
  sideOf([ax, ay], [bx, by]) {
    const acrossX = by - ay;
    const acrossY = -(bx - ax);
    if (Math.abs(acrossX) > Math.abs(acrossY)) {
      return acrossX > 0 ? 2 : 0;
    }
    return acrossY > 0 ? 1 : 3;
  }

  /** @private */
  drawTop(context, camera, item) {
    const {roof} = this;
    context.fillStyle = item.top;
    context.strokeStyle = item.line;
    context.lineWidth = Math.max(1, camera.scale * 0.06);
    context.beginPath();
    roof.forEach(([x, y], i) => (i === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
    context.closePath();
    context.fill();
    context.stroke();
    if (item.box.kind === 'house') {
      this.drawRidge(context, item);
    } else if (item.box.kind === 'crate') {
      context.beginPath();
      context.moveTo(roof[0][0], roof[0][1]);
      context.lineTo(roof[2][0], roof[2][1]);
      context.moveTo(roof[1][0], roof[1][1]);
      context.lineTo(roof[3][0], roof[3][1]);
      context.stroke();
    }
  }

  // Along the longer way, one half in its own shade.
  /** @private */
  drawRidge(context, item) {
    const {roof} = this;
    const isAcross = item.box.halfX >= item.box.halfY;
    const [a, b, c, d] = isAcross ? [0, 1, 2, 3] : [1, 2, 3, 0];
    const between = (i, j) => [(roof[i][0] + roof[j][0]) / 2, (roof[i][1] + roof[j][1]) / 2];
    const from = between(a, d);
    const to = between(b, c);
    context.fillStyle = item.topDark;
    context.beginPath();
    context.moveTo(from[0], from[1]);
    context.lineTo(to[0], to[1]);
    context.lineTo(roof[c][0], roof[c][1]);
    context.lineTo(roof[d][0], roof[d][1]);
    context.fill();
    context.beginPath();
    context.moveTo(from[0], from[1]);
    context.lineTo(to[0], to[1]);
    context.stroke();
  }
}

function shaded2hex(colour, share) {
  const parts = shaded(colour, share).match(/\d+/g).map(Number);
  return `#${parts.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}
