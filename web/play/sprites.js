// SPDX-License-Identifier: Apache-2.0

// Figures and words, drawn once and then copied. A team is told by its colour and by its shape: a
// circle, a square, a triangle, a diamond; guards are hexagons.

import {shaded} from './palette.js';

const TURN_COUNT = 48; // ways that a figure can face
const SPRITE_COUNT_MAX = 1600;
const LABEL_COUNT_MAX = 400;
const FIGURE_M = 0.72;
const FIGURE_PIXELS_MIN = 5.5;

/** What a fighter looks like: numbers of the game. */
export const LOOK_DEAD = 4;

function makeCanvas(width, height) {
  const canvas = document.createElement('canvas');
  canvas.width = Math.ceil(width);
  canvas.height = Math.ceil(height);
  return canvas;
}

/**
 * Adds a team's shape to a path.
 * @param {CanvasRenderingContext2D} context
 * @param {number} team
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 */
export function addTeamShape(context, team, x, y, radius) {
  const corners = {2: [4, 0.25, 1.12], 3: [3, 0.25, 1.24], 4: [4, 0, 1.22], 5: [6, 0, 1.05]}[team];
  if (corners === undefined) {
    context.moveTo(x + radius, y);
    context.arc(x, y, radius, 0, 2 * Math.PI);
    return;
  }
  const [count, turn, reach] = corners;
  for (let i = 0; i < count; i++) {
    const angle = (i / count + (count === 4 ? turn / 2 : -turn)) * 2 * Math.PI;
    const px = x + Math.cos(angle) * radius * reach;
    const py = y + Math.sin(angle) * radius * reach;
    if (i === 0) {
      context.moveTo(px, py);
    } else {
      context.lineTo(px, py);
    }
  }
  context.closePath();
}

/** Makes and keeps sprites for one palette and scale. */
export class Sprites {
  constructor() {
    this.figures = new Map();
    this.labels = new Map();
    this.scale = 0;
    this.palette = undefined;
  }

  /** Chooses what is drawn with; sprites for something else are dropped. */
  use(palette, scale, ratio) {
    if (palette !== this.palette || scale !== this.scale) {
      this.figures.clear();
      this.labels.clear();
      this.palette = palette;
      this.scale = scale;
      this.ratio = ratio;
      this.radius = Math.max(FIGURE_PIXELS_MIN * ratio, FIGURE_M * scale);
    }
  }

  /**
   * A fighter or guard.
   * @param {number} team
   * @param {number} heading counter-clockwise from east
   * @param {'alive'|'dead'|'mine'} state
   */
  figure(team, heading, state) {
    const turns = Math.round(heading / (2 * Math.PI) * TURN_COUNT);
    const turn = state === 'dead' ? 0 : (turns % TURN_COUNT + TURN_COUNT) % TURN_COUNT;
    const key = `${team} ${turn} ${state}`;
    let sprite = this.figures.get(key);
    if (sprite === undefined) {
      sprite = state === 'dead' ? this.makeFallen(team) : this.makeFigure(team, turn, state);
      this.keep(this.figures, key, sprite, SPRITE_COUNT_MAX);
    }
    return sprite;
  }

  /** @private */
  keep(map, key, sprite, countMax) {
    if (map.size === countMax) {
      map.delete(map.keys().next().value);
    }
    map.set(key, sprite);
  }

  /** @private */
  makeFigure(team, turn, state) {
    const {radius, palette} = this;
    const canvas = makeCanvas(radius * 6, radius * 6);
    const context = canvas.getContext('2d');
    const middle = canvas.width / 2;
    const angle = -turn / TURN_COUNT * 2 * Math.PI;
    const colour = palette.teams[team] || palette.teams[0];
    const line = palette.isLight ? 'rgba(20, 26, 34, 0.9)' : 'rgba(4, 8, 12, 0.92)';
    context.lineJoin = 'round';
    context.lineCap = 'round';
    context.fillStyle = 'rgba(0, 0, 0, 0.32)';
    context.beginPath();
    context.ellipse(middle + radius * 0.35, middle + radius * 0.4, radius * 1.15, radius, 0, 0,
      2 * Math.PI);
    context.fill();
    // The weapon, from the right shoulder.
    const sideX = -Math.sin(angle) * radius * 0.45;
    const sideY = Math.cos(angle) * radius * 0.45;
    const reachTo = (share) => [
      middle + sideX + Math.cos(angle) * radius * share,
      middle + sideY + Math.sin(angle) * radius * share,
    ];
    for (const [width, style, from, to] of [
      [0.62, line, 0.2, 1.75], [0.34, '#cdd3da', 0.3, 1.7], [0.5, '#4a525c', 0.2, 0.9],
    ]) {
      context.strokeStyle = style;
      context.lineWidth = radius * width;
      context.beginPath();
      context.moveTo(...reachTo(from));
      context.lineTo(...reachTo(to));
      context.stroke();
    }
    context.beginPath();
    addTeamShape(context, team, middle, middle, radius);
    context.lineWidth = Math.max(2, radius * 0.3);
    context.strokeStyle = line;
    context.stroke();
    const light = context.createLinearGradient(0, middle - radius, 0, middle + radius);
    light.addColorStop(0, shaded(colour, 1.28));
    light.addColorStop(1, shaded(colour, 0.82));
    context.fillStyle = light;
    context.fill();
    // The head, a little forward.
    context.beginPath();
    context.arc(middle + Math.cos(angle) * radius * 0.18, middle + Math.sin(angle) * radius * 0.18,
      radius * 0.42, 0, 2 * Math.PI);
    context.fillStyle = shaded(colour, 0.48);
    context.fill();
    if (state === 'mine') {
      context.beginPath();
      context.arc(middle, middle, radius * 1.75, 0, 2 * Math.PI);
      context.lineWidth = Math.max(1.5, radius * 0.14);
      context.strokeStyle = 'rgba(255, 255, 255, 0.85)';
      context.setLineDash([radius * 0.7, radius * 0.45]);
      context.stroke();
    }
    return canvas;
  }

  /** @private */
  makeFallen(team) {
    const {radius, palette} = this;
    const canvas = makeCanvas(radius * 4, radius * 4);
    const context = canvas.getContext('2d');
    const middle = canvas.width / 2;
    context.globalAlpha = 0.6;
    context.beginPath();
    addTeamShape(context, team, middle, middle, radius);
    context.fillStyle = shaded(palette.teams[team] || palette.teams[0], 0.45);
    context.fill();
    context.lineWidth = Math.max(1.5, radius * 0.22);
    context.strokeStyle = palette.teams[team] || palette.teams[0];
    context.beginPath();
    for (const way of [-1, 1]) {
      context.moveTo(middle - radius * 0.45, middle - way * radius * 0.45);
      context.lineTo(middle + radius * 0.45, middle + way * radius * 0.45);
    }
    context.stroke();
    return canvas;
  }

  /**
   * What is lying about to be taken: 5 health, 6 ammunition, 7 armour.
   * @param {number} look
   */
  pickup(look) {
    const key = `pickup ${look}`;
    let sprite = this.figures.get(key);
    if (sprite === undefined) {
      sprite = this.makePickup(look);
      this.keep(this.figures, key, sprite, SPRITE_COUNT_MAX);
    }
    return sprite;
  }

  /** @private */
  makePickup(look) {
    const {radius, palette} = this;
    const canvas = makeCanvas(radius * 4, radius * 4);
    const context = canvas.getContext('2d');
    const middle = canvas.width / 2;
    const colour = {5: palette.good, 6: palette.pickup, 7: '#c9d6e4'}[look] ?? palette.muted;
    const glow = context.createRadialGradient(middle, middle, 0, middle, middle, radius * 2);
    glow.addColorStop(0, colour);
    glow.addColorStop(1, 'rgba(0, 0, 0, 0)');
    context.globalAlpha = 0.35;
    context.fillStyle = glow;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.globalAlpha = 1;
    context.fillStyle = '#10161d';
    context.strokeStyle = colour;
    context.lineWidth = Math.max(1.5, radius * 0.16);
    context.beginPath();
    context.roundRect(middle - radius, middle - radius, radius * 2, radius * 2, radius * 0.45);
    context.fill();
    context.stroke();
    context.fillStyle = colour;
    context.beginPath();
    if (look === 5) {
      context.rect(middle - radius * 0.2, middle - radius * 0.62, radius * 0.4, radius * 1.24);
      context.rect(middle - radius * 0.62, middle - radius * 0.2, radius * 1.24, radius * 0.4);
    } else if (look === 6) {
      for (const shift of [-0.5, 0, 0.5]) {
        context.roundRect(middle + radius * (shift - 0.14), middle - radius * 0.55, radius * 0.28,
          radius * 1.1, radius * 0.14);
      }
    } else {
      context.moveTo(middle, middle - radius * 0.65);
      context.lineTo(middle + radius * 0.58, middle - radius * 0.4);
      context.quadraticCurveTo(middle + radius * 0.55, middle + radius * 0.4, middle,
        middle + radius * 0.68);
      context.quadraticCurveTo(middle - radius * 0.55, middle + radius * 0.4,
        middle - radius * 0.58, middle - radius * 0.4);
    }
    context.fill();
    return canvas;
  }

  /** A thing that rolls about. */
  loose() {
    let sprite = this.figures.get('loose');
    if (sprite === undefined) {
      const radius = Math.max(2.5 * this.ratio, 0.5 * this.scale);
      sprite = makeCanvas(radius * 3, radius * 3);
      const context = sprite.getContext('2d');
      const middle = sprite.width / 2;
      context.fillStyle = 'rgba(0, 0, 0, 0.3)';
      context.beginPath();
      context.ellipse(middle + radius * 0.25, middle + radius * 0.3, radius, radius * 0.9, 0, 0,
        2 * Math.PI);
      context.fill();
      const light = context.createRadialGradient(middle - radius * 0.35, middle - radius * 0.4,
        radius * 0.1, middle, middle, radius);
      light.addColorStop(0, shaded(this.palette.loose, 1.5));
      light.addColorStop(1, shaded(this.palette.loose, 0.75));
      context.fillStyle = light;
      context.beginPath();
      context.arc(middle, middle, radius, 0, 2 * Math.PI);
      context.fill();
      this.keep(this.figures, 'loose', sprite, SPRITE_COUNT_MAX);
    }
    return sprite;
  }

  /**
   * Words with a dark edge.
   * @param {string} text
   * @param {string} colour
   * @param {number} [pixels] of the page
   */
  label(text, colour, pixels = 11) {
    const key = `${colour} ${pixels} ${text}`;
    let sprite = this.labels.get(key);
    if (sprite === undefined) {
      const size = pixels * this.ratio;
      const font = `600 ${size}px system-ui, 'DejaVu Sans', sans-serif`;
      const measure = makeCanvas(1, 1).getContext('2d');
      measure.font = font;
      sprite = makeCanvas(measure.measureText(text).width + size, size * 1.6);
      const context = sprite.getContext('2d');
      context.font = font;
      context.textAlign = 'center';
      context.textBaseline = 'middle';
      context.lineJoin = 'round';
      context.lineWidth = size * 0.28;
      context.strokeStyle = this.palette.isLight
        ? 'rgba(255, 255, 255, 0.9)' : 'rgba(6, 10, 14, 0.85)';
      context.strokeText(text, sprite.width / 2, sprite.height / 2);
      context.fillStyle = colour;
      context.fillText(text, sprite.width / 2, sprite.height / 2);
      this.keep(this.labels, key, sprite, LABEL_COUNT_MAX);
    }
    return sprite;
  }
}
