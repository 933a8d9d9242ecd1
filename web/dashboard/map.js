// SPDX-License-Identifier: Apache-2.0

/**
 * The map: every entity as a dot in one buffer of pixels, which is put onto the canvas at once, and
 * names and figures on a second canvas above it.
 *
 * Metres grow to the right and upwards. Nothing is drawn while nothing changes.
 */

import { mixPixels, readPalette, toPixel } from './palette.js';

const PIXEL_RATIO_MAX = 2;
const ZOOM_MIN = 0.8; // of what shows the whole world
const ZOOM_MAX = 200;
const ZOOM_STEP = 1.4;
const FOLLOW_ZOOM = 8;
const PAN_SHARE = 0.15; // of the canvas, by one press of a key
const PICK_PX = 16;
const OVERLAY_MS = 250; // between two drawings of names and figures
const LABEL_PX_MIN = 44; // partitions below that are too small for figures
const HEAT_MAX = 0.5;

// Radii of dots in CSS pixels.
const PLAYER_PX = 3.2;
const CHARACTER_PX = 2.4;
const THING_PX = 1;

/** The map of a page. */
export class MapView {
  /**
   * @param {object} elements          `stage`, `canvas`, `overlay`
   * @param {object} handlers
   * @param {Function} handlers.onPick   a player was clicked: its index
   * @param {Function} handlers.onPoint  the pointer is at a partition: {index, ...} or undefined
   */
  constructor(elements, handlers) {
    this.elements = elements;
    this.handlers = handlers;
    this.context = elements.canvas.getContext('2d', { alpha: false });
    this.overlay = elements.overlay.getContext('2d');
    this.map = undefined;
    this.centre = { x: 0, y: 0 };
    this.zoom = 1;
    this.followed = -1;
    this.showsPartitions = true;
    this.nameOf = () => '';
    this.isDirty = true;
    this.overlayMs = 0;
    this.drawMs = 0; // of the latest drawing
    this.drawCount = 0;
    this.pointers = new Map();
    this.setTheme();
    new ResizeObserver(() => this.resize()).observe(elements.stage);
    this.resize();
    this.listen();
  }

  /** Takes the colours that are in force now. */
  setTheme() {
    const palette = readPalette();
    this.palette = palette;
    this.pixels = {
      ground: toPixel(palette.ground),
      line: toPixel(palette.line),
      edge: mixPixels(toPixel(palette.ground), toPixel(palette.text), 0.25),
      heat: toPixel(palette.bad),
      outline: toPixel(palette.ground),
      loose: toPixel(palette.loose),
      ring: toPixel(palette.text),
      teams: palette.teams.map(toPixel),
    };
    this.touch();
  }

  /** Shows another moment. */
  show(map) {
    this.map = map;
    this.isDirty = true;
  }

  /** Keeps a player in the middle; -1 for none. */
  follow(playerIndex) {
    if (playerIndex >= 0 && this.followed < 0 && this.zoom < FOLLOW_ZOOM) {
      this.zoom = FOLLOW_ZOOM;
    }
    this.followed = playerIndex;
    this.touch();
  }

  /** Shows the whole world. */
  fit() {
    this.zoom = 1;
    this.centre = { x: 0, y: 0 };
    this.touch();
  }

  setPartitions(isShown) {
    this.showsPartitions = isShown;
    this.touch();
  }

  touch() {
    this.isDirty = true;
    this.overlayMs = 0;
  }

  resize() {
    const ratio = Math.min(devicePixelRatio || 1, PIXEL_RATIO_MAX);
    const { clientWidth, clientHeight } = this.elements.stage;
    this.ratio = ratio;
    this.width = Math.max(1, Math.round(clientWidth * ratio));
    this.height = Math.max(1, Math.round(clientHeight * ratio));
    for (const canvas of [this.elements.canvas, this.elements.overlay]) {
      canvas.width = this.width;
      canvas.height = this.height;
    }
    this.image = this.context.createImageData(this.width, this.height);
    this.buffer = new Uint32Array(this.image.data.buffer);
    this.touch();
  }

  /** Device pixels by a metre. */
  get scale() {
    const sideM = this.worldSideM();
    return (Math.min(this.width, this.height) / sideM) * this.zoom;
  }

  worldSideM() {
    if (this.map === undefined) {
      return 1;
    }
    const { partitionSideCount, partitionM, sideM } = this.map;
    return partitionSideCount > 0 ? partitionSideCount * partitionM * 1.04 : sideM;
  }

  toPixelX(x) {
    return (x - this.centre.x) * this.scale + this.width / 2;
  }

  toPixelY(y) {
    return (this.centre.y - y) * this.scale + this.height / 2;
  }

  toMetres(pixelX, pixelY) {
    return {
      x: (pixelX - this.width / 2) / this.scale + this.centre.x,
      y: this.centre.y - (pixelY - this.height / 2) / this.scale,
    };
  }

  // Input.

  zoomBy(factor, pixelX = this.width / 2, pixelY = this.height / 2) {
    const before = this.toMetres(pixelX, pixelY);
    this.zoom = Math.min(ZOOM_MAX, Math.max(ZOOM_MIN, this.zoom * factor));
    const after = this.toMetres(pixelX, pixelY);
    if (this.followed < 0) {
      this.centre.x += before.x - after.x;
      this.centre.y += before.y - after.y;
    }
    this.touch();
  }

  panBy(pixelsX, pixelsY) {
    this.centre.x -= pixelsX / this.scale;
    this.centre.y += pixelsY / this.scale;
    this.touch();
  }

  place(event) {
    const box = this.elements.canvas.getBoundingClientRect();
    return {
      x: (event.clientX - box.left) * this.ratio,
      y: (event.clientY - box.top) * this.ratio,
    };
  }

  listen() {
    const { canvas } = this.elements;
    canvas.addEventListener('wheel', (event) => {
      event.preventDefault();
      const at = this.place(event);
      this.zoomBy(Math.exp(-event.deltaY / 400), at.x, at.y);
    }, { passive: false });
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId);
      const at = this.place(event);
      this.pointers.set(event.pointerId, { ...at, begin: at });
    });
    canvas.addEventListener('pointermove', (event) => this.onMove(event));
    canvas.addEventListener('pointerup', (event) => this.onUp(event));
    canvas.addEventListener('pointercancel', (event) => this.pointers.delete(event.pointerId));
    canvas.addEventListener('pointerleave', () => this.handlers.onPoint(undefined));
    canvas.addEventListener('keydown', (event) => this.onKey(event));
  }

  onMove(event) {
    const at = this.place(event);
    const held = this.pointers.get(event.pointerId);
    if (held === undefined) {
      this.handlers.onPoint(this.describe(at));
      return;
    }
    const others = [...this.pointers.entries()].filter(([id]) => id !== event.pointerId);
    if (others.length === 1) {
      const other = others[0][1];
      const before = Math.hypot(held.x - other.x, held.y - other.y);
      const after = Math.hypot(at.x - other.x, at.y - other.y);
      this.zoomBy(after / Math.max(before, 1), (at.x + other.x) / 2, (at.y + other.y) / 2);
    } else if (this.followed < 0) {
      this.panBy(at.x - held.x, at.y - held.y);
    }
    held.x = at.x;
    held.y = at.y;
  }

  onUp(event) {
    const held = this.pointers.get(event.pointerId);
    this.pointers.delete(event.pointerId);
    const slop = 5 * this.ratio;
    if (held === undefined ||
        Math.hypot(held.x - held.begin.x, held.y - held.begin.y) > slop) {
      return;
    }
    const point = this.nearestPlayer(held);
    if (point >= 0) {
      this.handlers.onPick(this.map.player(point) - 1);
    }
  }

  onKey(event) {
    const step = Math.min(this.width, this.height) * PAN_SHARE;
    const actions = {
      ArrowLeft: () => this.panBy(step, 0),
      ArrowRight: () => this.panBy(-step, 0),
      ArrowUp: () => this.panBy(0, step),
      ArrowDown: () => this.panBy(0, -step),
      '+': () => this.zoomBy(ZOOM_STEP),
      '=': () => this.zoomBy(ZOOM_STEP),
      '-': () => this.zoomBy(1 / ZOOM_STEP),
      0: () => this.fit(),
      Escape: () => this.handlers.onPick(-1),
      n: () => this.handlers.onPick(this.nextPlayer()),
    };
    const action = actions[event.key];
    if (action !== undefined && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      action();
    }
  }

  nextPlayer() {
    let best = -1;
    let first = -1;
    for (let point = 0; this.map !== undefined && point < this.map.playerCount; point++) {
      const index = this.map.player(point) - 1;
      first = first < 0 || index < first ? index : first;
      if (index > this.followed && (best < 0 || index < best)) {
        best = index;
      }
    }
    return best < 0 ? first : best;
  }

  nearestPlayer(at) {
    let nearest = -1;
    let nearestPx = PICK_PX * this.ratio;
    for (let point = 0; this.map !== undefined && point < this.map.pointCount; point++) {
      if (this.map.player(point) === 0) {
        continue;
      }
      const distancePx = Math.hypot(this.toPixelX(this.map.x(point)) - at.x,
        this.toPixelY(this.map.y(point)) - at.y);
      if (distancePx < nearestPx) {
        nearest = point;
        nearestPx = distancePx;
      }
    }
    return nearest;
  }

  describe(at) {
    if (this.map === undefined) {
      return undefined;
    }
    const metres = this.toMetres(at.x, at.y);
    const index = this.map.partitionAt(metres.x, metres.y);
    return { ...metres, index, ...(index < 0 ? {} : this.map.partition(index)) };
  }

  // Drawing.

  /** Draws if anything has changed. Called for every frame of the screen. */
  draw(nowMs) {
    if (!this.isDirty || this.map === undefined) {
      return;
    }
    const beginMs = performance.now();
    this.isDirty = false;
    this.centreOnFollowed();
    this.drawGround();
    this.drawDots();
    this.context.putImageData(this.image, 0, 0);
    if (nowMs - this.overlayMs >= OVERLAY_MS || this.followed >= 0) {
      this.overlayMs = nowMs;
      this.drawOverlay();
    }
    this.drawMs = performance.now() - beginMs;
    this.drawCount++;
  }

  centreOnFollowed() {
    const point = this.followed < 0 ? -1 : this.map.findPlayer(this.followed);
    if (point >= 0) {
      this.centre = { x: this.map.x(point), y: this.map.y(point) };
    }
  }

  fillBox(left, top, right, bottom, pixel) {
    const from = Math.max(0, Math.round(left));
    const to = Math.min(this.width, Math.round(right));
    const last = Math.min(this.height, Math.round(bottom));
    for (let row = Math.max(0, Math.round(top)); row < last && from < to; row++) {
      this.buffer.fill(pixel, row * this.width + from, row * this.width + to);
    }
  }

  drawGround() {
    const { map, pixels } = this;
    this.buffer.fill(pixels.ground);
    const side = map.partitionSideCount;
    let costMax = 1;
    for (let i = 0; i < side * side; i++) {
      costMax = Math.max(costMax, map.loads[i * 3 + 2]);
    }
    const stepPx = map.partitionM * this.scale;
    for (let i = 0; i < side * side && this.showsPartitions; i++) {
      const share = Math.sqrt(map.loads[i * 3 + 2] / costMax) * HEAT_MAX;
      const left = this.toPixelX(map.partitionMinX + (i % side) * map.partitionM);
      const bottom = this.toPixelY(map.partitionMinY + Math.floor(i / side) * map.partitionM);
      this.fillBox(left, bottom - stepPx, left + stepPx, bottom,
        mixPixels(pixels.ground, pixels.heat, share));
    }
    this.drawGrid(side, map.partitionMinX, map.partitionMinY, map.partitionM);
  }

  drawGrid(side, minX, minY, stepM) {
    const left = this.toPixelX(minX);
    const right = this.toPixelX(minX + side * stepM);
    const bottom = this.toPixelY(minY);
    const top = this.toPixelY(minY + side * stepM);
    for (let i = 0; i <= side && side > 0; i++) {
      const pixel = i === 0 || i === side ? this.pixels.edge : this.pixels.line;
      const x = Math.round(this.toPixelX(minX + i * stepM));
      const y = Math.round(this.toPixelY(minY + i * stepM));
      this.fillBox(x, top, x + 1, bottom, pixel);
      this.fillBox(left, y, right, y + 1, pixel);
    }
  }

  // Things first, so that characters and players stand above them.
  drawDots() {
    const { map, pixels } = this;
    const grow = this.ratio * Math.min(2.5, Math.max(1, Math.sqrt(this.zoom) * 0.7));
    const stepPx = map.stepM * this.scale;
    const left = this.toPixelX(-map.sideM / 2);
    const bottom = this.toPixelY(-map.sideM / 2);
    for (let point = map.pointCount - 1; point >= 0; point--) {
      const x = left + map.words[point * 4] * stepPx;
      const y = bottom - map.words[point * 4 + 1] * stepPx;
      if (x < -16 || y < -16 || x > this.width + 16 || y > this.height + 16) {
        continue;
      }
      const team = map.team(point);
      const colour = pixels.teams[team < pixels.teams.length ? team : 0];
      if (map.player(point) !== 0) {
        this.drawDisc(x, y, (PLAYER_PX + 1.2) * grow, pixels.outline);
        this.drawDisc(x, y, PLAYER_PX * grow, colour);
      } else if (team !== 0) {
        this.drawDisc(x, y, CHARACTER_PX * grow, colour);
      } else {
        const half = THING_PX * grow;
        this.fillBox(x - half, y - half, x + half, y + half, pixels.loose);
      }
    }
  }

  drawDisc(x, y, radius, pixel) {
    const { buffer, width } = this;
    const last = Math.min(this.height - 1, Math.floor(y + radius));
    for (let row = Math.max(0, Math.ceil(y - radius)); row <= last; row++) {
      const half = Math.sqrt(Math.max(0, radius * radius - (row - y) * (row - y)));
      const from = Math.max(0, Math.round(x - half));
      const to = Math.min(width, Math.round(x + half));
      for (let column = from; column < to; column++) {
        buffer[row * width + column] = pixel;
      }
    }
  }

  drawOverlay() {
    const { overlay, map } = this;
    overlay.clearRect(0, 0, this.width, this.height);
    overlay.font = `${11 * this.ratio}px system-ui, sans-serif`;
    if (this.showsPartitions && map.partitionM * this.scale >= LABEL_PX_MIN * this.ratio) {
      this.drawCosts();
    }
    const point = this.followed < 0 ? -1 : map.findPlayer(this.followed);
    if (point >= 0) {
      const x = this.toPixelX(map.x(point));
      const y = this.toPixelY(map.y(point));
      overlay.strokeStyle = this.palette.text;
      overlay.lineWidth = 1.5 * this.ratio;
      overlay.beginPath();
      overlay.arc(x, y, 13 * this.ratio, 0, 2 * Math.PI);
      overlay.stroke();
      overlay.fillStyle = this.palette.text;
      overlay.textAlign = 'center';
      overlay.fillText(this.nameOf(this.followed), x, y - 19 * this.ratio);
    }
  }

  drawCosts() {
    const { overlay, map } = this;
    const side = map.partitionSideCount;
    overlay.fillStyle = this.palette.muted;
    overlay.textAlign = 'left';
    const isWide = map.partitionM * this.scale >= 2 * LABEL_PX_MIN * this.ratio;
    for (let i = 0; i < side * side; i++) {
      const { cost, players } = map.partition(i);
      const x = this.toPixelX(map.partitionMinX + (i % side) * map.partitionM);
      const y = this.toPixelY(map.partitionMinY + (Math.floor(i / side) + 1) * map.partitionM);
      const isSeen = x > -200 && y > -20 && x < this.width && y < this.height;
      if (isSeen && (cost > 0 || players > 0)) {
        const text = isWide && players > 0 ? `${cost}, ${players} players` : `${cost}`;
        overlay.fillText(text, x + 5 * this.ratio, y + 14 * this.ratio);
      }
    }
  }
}
