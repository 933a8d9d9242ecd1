// SPDX-License-Identifier: Apache-2.0

// The ground, in square pieces that are made once for a scale and then copied. Until a piece is
// made, the picture of the whole land stands in for it.

import {RELIEF_SIDE, chance, drawRelief} from './relief.js';
import {BASES, OUTPOSTS} from './skirmish_land.js';

const PIECE = 384; // pixels a side
const PIECE_COUNT_MAX = 90;
const MAKE_MS = 5; // in a frame, for pieces that are missing; one is always made
const LAND_M = 4096;
const TOWN_HALF_M = 152;
const STREET_M = 42;
const BATTLE = [600, 350];
const BATTLE_HALF_M = 100;
const TRADE_M = 30;
const CAMP_M = 18;
const CONTOUR_M = 2;
const DOTS_SCALE_MIN = 5; // pixels a metre, below which tufts are too small to be seen
const DOTS_CELL_M = 5;
const DIRT_CELL_M = 13;
const SUN_SHADOW = [0.55, -0.55]; // metres for each metre of height

function polygon(context, points) {
  points.forEach(([x, y], i) => (i === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
  context.closePath();
}

/** The corners of a box in the land, counter-clockwise. */
export function cornersOf(box) {
  const sine = Math.sin(box.heading);
  const cosine = Math.cos(box.heading);
  return [[1, 1], [-1, 1], [-1, -1], [1, -1]].map(([x, y]) => [
    box.x + cosine * x * box.halfX - sine * y * box.halfY,
    box.y + sine * x * box.halfX + cosine * y * box.halfY,
  ]);
}

/** Draws the ground of a land. */
export class Ground {
  /**
   * @param {import('./skirmish_land.js').SkirmishLand} land
   * @param {object} palette
   */
  constructor(land, palette) {
    this.land = land;
    this.palette = palette;
    this.relief = drawRelief(land, palette.land);
    this.pieces = new Map();
    this.grain = this.makeGrain();
  }

  /** @private */
  makeGrain() {
    const side = 128;
    const canvas = document.createElement('canvas');
    canvas.width = side;
    canvas.height = side;
    const context = canvas.getContext('2d');
    const image = context.createImageData(side, side);
    for (let i = 0; i < side * side; i++) {
      const tone = chance(i % side, Math.floor(i / side));
      image.data.fill(tone > 0.5 ? 255 : 0, i * 4, i * 4 + 3);
      image.data[i * 4 + 3] = Math.abs(tone - 0.5) * 26;
    }
    context.putImageData(image, 0, 0);
    return canvas;
  }

  /**
   * Draws what the camera sees.
   * @param {CanvasRenderingContext2D} context
   * @param {import('./camera.js').Camera} camera
   */
  draw(context, camera) {
    const first = Math.floor(camera.originX / PIECE);
    const last = Math.floor((camera.originX + camera.width) / PIECE);
    const top = Math.floor(camera.originY / PIECE);
    const bottom = Math.floor((camera.originY + camera.height) / PIECE);
    const startMs = performance.now();
    let madeCount = 0;
    for (let row = top; row <= bottom; row++) {
      for (let column = first; column <= last; column++) {
        const key = `${camera.scale} ${column} ${row}`;
        let piece = this.pieces.get(key);
        if (piece === undefined && (madeCount === 0 || performance.now() - startMs < MAKE_MS)) {
          madeCount++;
          piece = this.makePiece(column, row, camera.scale);
        }
        const x = column * PIECE - camera.originX;
        const y = row * PIECE - camera.originY;
        if (piece === undefined) {
          this.drawRelief(context, column, row, camera.scale, x, y);
        } else {
          this.pieces.delete(key); // used last is dropped last
          this.pieces.set(key, piece);
          context.drawImage(piece, x, y);
        }
      }
    }
    if (madeCount === 0) {
      this.makeBeside(first - 1, last + 1, top - 1, bottom + 1, camera.scale);
    }
    while (this.pieces.size > PIECE_COUNT_MAX) {
      this.pieces.delete(this.pieces.keys().next().value);
    }
  }

  // One piece that may be seen soon.
  /** @private */
  makeBeside(first, last, top, bottom, scale) {
    for (let row = top; row <= bottom; row++) {
      const isWhole = row === top || row === bottom;
      for (let column = first; column <= last; column += isWhole ? 1 : last - first) {
        if (!this.pieces.has(`${scale} ${column} ${row}`)) {
          this.makePiece(column, row, scale);
          return;
        }
      }
    }
  }

  // A part of the picture of the whole land in the place of a piece.
  /** @private */
  drawRelief(context, column, row, scale, x, y) {
    const perPixel = RELIEF_SIDE / LAND_M / scale;
    const left = RELIEF_SIDE / 2 + column * PIECE * perPixel;
    const above = RELIEF_SIDE / 2 + row * PIECE * perPixel;
    const side = PIECE * perPixel;
    context.fillStyle = this.palette.land.outside;
    context.fillRect(x, y, PIECE, PIECE);
    const fromX = Math.max(left, 0);
    const fromY = Math.max(above, 0);
    const toX = Math.min(left + side, RELIEF_SIDE);
    const toY = Math.min(above + side, RELIEF_SIDE);
    if (toX > fromX && toY > fromY) {
      context.drawImage(this.relief, fromX, fromY, toX - fromX, toY - fromY,
        x + (fromX - left) / perPixel, y + (fromY - above) / perPixel,
        (toX - fromX) / perPixel, (toY - fromY) / perPixel);
    }
  }

  /** @private */
  makePiece(column, row, scale) {
    const canvas = document.createElement('canvas');
    canvas.width = PIECE;
    canvas.height = PIECE;
    const context = canvas.getContext('2d', {alpha: false});
    this.drawRelief(context, column, row, scale, 0, 0);
    context.fillStyle = context.createPattern(this.grain, 'repeat');
    context.fillRect(0, 0, PIECE, PIECE);
    // From here on in metres, with north above.
    context.setTransform(scale, 0, 0, -scale, -column * PIECE, -row * PIECE);
    const side = PIECE / scale;
    const area = {
      minX: column * side, maxX: (column + 1) * side, minY: -(row + 1) * side, maxY: -row * side,
    };
    this.drawDirt(context, area);
    this.drawContours(context, area, scale);
    this.drawPlaces(context, area, scale);
    if (scale >= DOTS_SCALE_MIN) {
      this.drawDots(context, area);
    }
    this.drawShadows(context, area);
    this.drawEdge(context, scale);
    this.pieces.set(`${scale} ${column} ${row}`, canvas);
    return canvas;
  }

  // Lines of equal height through squares of a lattice, from side to side.
  /** @private */
  drawContours(context, area, scale) {
    const stepM = Math.max(4, Math.min(32, 40 / scale));
    const levelM = scale < 3 ? CONTOUR_M * 2 : CONTOUR_M;
    const thin = new Path2D();
    const bold = new Path2D();
    for (let y = Math.floor(area.minY / stepM) * stepM; y < area.maxY; y += stepM) {
      for (let x = Math.floor(area.minX / stepM) * stepM; x < area.maxX; x += stepM) {
        this.addContours(x, y, stepM, levelM, thin, bold);
      }
    }
    context.lineWidth = 1 / scale;
    context.strokeStyle = this.palette.land.contour;
    context.stroke(thin);
    context.strokeStyle = this.palette.land.contourBold;
    context.stroke(bold);
  }

  /** @private */
  addContours(x, y, stepM, levelM, thin, bold) {
    const corners = [[x, y], [x + stepM, y], [x + stepM, y + stepM], [x, y + stepM]];
    const heights = corners.map(([cx, cy]) => this.land.height(cx, cy));
    const first = Math.ceil(Math.min(...heights) / levelM);
    const last = Math.floor(Math.max(...heights) / levelM);
    for (let level = first; level <= last; level++) {
      const height = level * levelM;
      const path = level % 5 === 0 ? bold : thin;
      let count = 0;
      for (let i = 0; i < 4; i++) {
        const from = heights[i];
        const to = heights[(i + 1) % 4];
        if ((from < height) === (to < height)) {
          continue;
        }
        const share = (height - from) / (to - from);
        const next = corners[(i + 1) % 4];
        const px = corners[i][0] + (next[0] - corners[i][0]) * share;
        const py = corners[i][1] + (next[1] - corners[i][1]) * share;
        if (count++ % 2 === 0) {
          path.moveTo(px, py);
        } else {
          path.lineTo(px, py);
        }
      }
    }
  }

  /** @private */
  drawPlaces(context, area, scale) {
    const colours = this.palette.land;
    const isNear = (x, y, reach) => x + reach > area.minX && x - reach < area.maxX &&
      y + reach > area.minY && y - reach < area.maxY;
    if (isNear(0, 0, TOWN_HALF_M)) {
      context.fillStyle = colours.paving;
      context.beginPath();
      context.roundRect(-TOWN_HALF_M, -TOWN_HALF_M, 2 * TOWN_HALF_M, 2 * TOWN_HALF_M, 18);
      context.fill();
      context.fillStyle = colours.street;
      for (let i = -3; i <= 4; i++) {
        const middle = (i - 0.5) * STREET_M;
        context.fillRect(middle - 4, -TOWN_HALF_M, 8, 2 * TOWN_HALF_M);
        context.fillRect(-TOWN_HALF_M, middle - 4, 2 * TOWN_HALF_M, 8);
      }
    }
    if (isNear(...BATTLE, BATTLE_HALF_M + 4)) {
      const corner = [BATTLE[0] - BATTLE_HALF_M, BATTLE[1] - BATTLE_HALF_M];
      context.fillStyle = colours.sand;
      context.beginPath();
      context.roundRect(...corner, 2 * BATTLE_HALF_M, 2 * BATTLE_HALF_M, 10);
      context.fill();
      context.strokeStyle = colours.line;
      context.lineWidth = Math.max(0.3, 1 / scale);
      context.setLineDash([4, 3]);
      context.stroke();
      context.setLineDash([]);
    }
    for (const {x, y} of this.land.camps) {
      if (isNear(x, y, CAMP_M)) {
        this.drawCamp(context, x, y);
      }
    }
    for (const places of [BASES, OUTPOSTS]) {
      places.forEach(([x, y], i) => {
        if (isNear(x, y, TRADE_M + 1)) {
          this.drawBase(context, x, y, i + 1, scale);
        }
      });
    }
  }

  /** @private */
  drawCamp(context, x, y) {
    const glow = context.createRadialGradient(x, y, 2, x, y, CAMP_M);
    glow.addColorStop(0, this.palette.land.scorch);
    glow.addColorStop(0.6, this.palette.land.scorch);
    glow.addColorStop(1, 'rgba(0, 0, 0, 0)');
    context.fillStyle = glow;
    context.fillRect(x - CAMP_M, y - CAMP_M, 2 * CAMP_M, 2 * CAMP_M);
    context.strokeStyle = this.palette.teams[5];
    context.globalAlpha = 0.5;
    context.lineWidth = 0.25;
    context.setLineDash([1.2, 1.2]);
    context.beginPath();
    context.arc(x, y, 13, 0, 2 * Math.PI);
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 1;
  }

  /** @private */
  drawBase(context, x, y, team, scale) {
    context.fillStyle = this.palette.teams[team];
    context.strokeStyle = this.palette.teams[team];
    context.globalAlpha = 0.13;
    context.beginPath();
    context.arc(x, y, TRADE_M, 0, 2 * Math.PI);
    context.fill();
    context.globalAlpha = 0.75;
    context.lineWidth = Math.max(0.35, 1 / scale);
    context.setLineDash([3, 2]);
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 0.3;
    context.beginPath();
    context.arc(x, y, 4, 0, 2 * Math.PI);
    context.fill();
    context.globalAlpha = 1;
  }

  // Bare spots.
  /** @private */
  drawDirt(context, area) {
    const cell = DIRT_CELL_M;
    context.fillStyle = this.palette.land.dirt;
    for (let row = Math.floor(area.minY / cell) - 1; row * cell < area.maxY + cell; row++) {
      for (let column = Math.floor(area.minX / cell) - 1; column * cell < area.maxX + cell;
        column++) {
        const size = chance(column + 31, row) * 7 - 1.5;
        const x = (column + chance(row, column + 3)) * cell;
        const y = (row + chance(column + 5, row + 8)) * cell;
        const turn = chance(row + 2, column) * Math.PI;
        context.beginPath();
        for (let i = 0; i < 4 && size > 0; i++) {
          const aside = (chance(column + i, row + 40) - 0.5) * size * 1.6;
          const ahead = (chance(column + 40, row + i) - 0.5) * size * 1.2;
          const radius = size * (0.35 + 0.4 * chance(column - i, row + 17));
          context.moveTo(x + aside + radius * Math.cos(turn), y + ahead + radius * Math.sin(turn));
          context.ellipse(x + aside, y + ahead, radius, radius * 0.7, turn, 0, 2 * Math.PI);
        }
        context.fill();
      }
    }
  }

  // Grass and stones, which are there for the eye alone.
  /** @private */
  drawDots(context, area) {
    const grass = new Path2D();
    const stones = new Path2D();
    const flowers = new Path2D();
    for (let row = Math.floor(area.minY / DOTS_CELL_M) - 1; row * DOTS_CELL_M < area.maxY; row++) {
      for (let column = Math.floor(area.minX / DOTS_CELL_M) - 1;
        column * DOTS_CELL_M < area.maxX; column++) {
        const kind = chance(column, row);
        const x = (column + chance(row, column)) * DOTS_CELL_M;
        const y = (row + chance(column + 9, row + 4)) * DOTS_CELL_M;
        const isPaved = Math.abs(x) < TOWN_HALF_M && Math.abs(y) < TOWN_HALF_M;
        if (kind < 0.5 && !isPaved) {
          grass.moveTo(x, y);
          grass.lineTo(x - 0.22, y + 0.34);
          grass.moveTo(x, y);
          grass.lineTo(x + 0.04, y + 0.46);
          grass.moveTo(x, y);
          grass.lineTo(x + 0.26, y + 0.3);
        } else if (kind < 0.62 && !isPaved) {
          for (const [aside, ahead] of [[0, 0], [0.4, 0.2], [-0.1, 0.5]]) {
            flowers.rect(x + aside, y + ahead, 0.13, 0.13);
          }
        } else if (kind > 0.93) {
          const radius = 0.1 + 0.22 * chance(row + 5, column);
          stones.moveTo(x + radius, y);
          stones.ellipse(x, y, radius, radius * 0.7, kind * 40, 0, 2 * Math.PI);
        }
      }
    }
    context.lineWidth = 0.09;
    context.lineCap = 'round';
    context.strokeStyle = this.palette.land.tuft;
    context.stroke(grass);
    context.fillStyle = this.palette.land.stone;
    context.fill(stones);
    context.fillStyle = this.palette.land.flower;
    context.fill(flowers);
  }

  // All in one path, so that shadows that overlap are no darker.
  /** @private */
  drawShadows(context, area) {
    context.beginPath();
    for (const box of this.land.boxes) {
      const reach = Math.hypot(box.halfX, box.halfY) + box.heightM;
      const isNear = box.kind !== 'fence' && box.x + reach > area.minX &&
        box.x - reach < area.maxX && box.y + reach > area.minY && box.y - reach < area.maxY;
      if (!isNear) {
        continue;
      }
      const corners = cornersOf(box);
      const far = corners.map(([x, y]) => [
        x + SUN_SHADOW[0] * box.heightM, y + SUN_SHADOW[1] * box.heightM]);
      polygon(context, corners);
      polygon(context, far);
      for (let i = 0; i < 4; i++) {
        const j = (i + 1) % 4;
        const [ax, ay] = corners[i];
        const [bx, by] = corners[j];
        const turn = (bx - ax) * SUN_SHADOW[1] - (by - ay) * SUN_SHADOW[0];
        const quad = [corners[i], corners[j], far[j], far[i]];
        polygon(context, turn > 0 ? quad : quad.reverse());
      }
    }
    context.fillStyle = this.palette.land.shadow;
    context.fill();
  }

  // The fence around the land, and what lies outside of it.
  /** @private */
  drawEdge(context, scale) {
    const fence = this.land.boxes[0];
    const inside = fence.x - fence.halfX;
    context.beginPath();
    context.rect(-LAND_M, -LAND_M, 2 * LAND_M, 2 * LAND_M);
    context.moveTo(-inside, -inside);
    context.lineTo(-inside, inside);
    context.lineTo(inside, inside);
    context.lineTo(inside, -inside);
    context.closePath();
    context.fillStyle = this.palette.land.outside;
    context.fill('evenodd');
    context.strokeStyle = this.palette.land.line;
    context.lineWidth = Math.max(0.6, 2 / scale);
    context.strokeRect(-inside, -inside, 2 * inside, 2 * inside);
  }
}
