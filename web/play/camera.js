// SPDX-License-Identifier: Apache-2.0

// Where the picture looks from: straight down on a place of the land, north above. What stands high
// is nearer to the eye, and leans outwards.

const SHORT_SIDE_M = 46; // of the land, along the picture's shorter side
const ZOOM_STEPS = [0.2, 0.3, 0.45, 0.66, 1, 1.4, 2];
const ZOOM_DEFAULT = 4;
const PIXEL_RATIO_MAX = 2;
const FOLLOW_MS = 90; // in which the eye comes near to where it is led
const SHAKE_MS = 260;

/** Lengths on the canvas are in its own pixels. */
export class Camera {
  constructor(canvas) {
    this.canvas = canvas;
    this.x = 0; // of the land, in the middle
    this.y = 0;
    this.leadX = 0; // metres that the middle is ahead of the player
    this.leadY = 0;
    this.shake = 0;
    this.zoomIndex = ZOOM_DEFAULT;
    this.resize();
  }

  /** Takes on the size of the page. */
  resize() {
    const ratio = Math.min(window.devicePixelRatio || 1, PIXEL_RATIO_MAX);
    this.ratio = ratio;
    this.width = Math.max(1, Math.round(window.innerWidth * ratio));
    this.height = Math.max(1, Math.round(window.innerHeight * ratio));
    if (this.canvas.width !== this.width || this.canvas.height !== this.height) {
      this.canvas.width = this.width;
      this.canvas.height = this.height;
    }
    this.setScale();
  }

  /** Looks from nearer (1) or further away (-1). */
  zoom(step) {
    this.zoomIndex = Math.min(Math.max(this.zoomIndex + step, 0), ZOOM_STEPS.length - 1);
    this.setScale();
  }

  /** @private */
  setScale() {
    const shortSide = Math.min(this.width, this.height);
    this.scale = Math.max(0.5, shortSide / SHORT_SIDE_M * ZOOM_STEPS[this.zoomIndex]);
    this.eyeM = Math.max(55, 1.1 * Math.max(this.width, this.height) / this.scale);
  }

  /**
   * Follows a place.
   * @param {number} x
   * @param {number} y
   * @param {number} leadX how far ahead of it to look
   * @param {number} leadY
   * @param {number} passedMs
   */
  follow(x, y, leadX, leadY, passedMs) {
    const share = 1 - Math.exp(-passedMs / FOLLOW_MS);
    this.leadX += (leadX - this.leadX) * share;
    this.leadY += (leadY - this.leadY) * share;
    this.shake = Math.max(0, this.shake - passedMs / SHAKE_MS);
    const swing = this.shake * this.shake * 0.35;
    this.x = x + this.leadX + swing * Math.sin(performance.now() * 0.09);
    this.y = y + this.leadY + swing * Math.cos(performance.now() * 0.11);
    // Whole pixels: the ground is then copied, not resampled.
    this.originX = Math.round(this.x * this.scale) - (this.width >> 1);
    this.originY = Math.round(-this.y * this.scale) - (this.height >> 1);
  }

  /** Across the canvas. */
  screenX(x) {
    return x * this.scale - this.originX;
  }

  /** Down the canvas. */
  screenY(y) {
    return -y * this.scale - this.originY;
  }

  /** By how much what is so many metres above the ground is further from the middle. */
  lean(heightM) {
    return this.eyeM / (this.eyeM - Math.min(heightM, this.eyeM * 0.5));
  }

  /** What of the land is under a point of the page. */
  landAt(pageX, pageY) {
    return [
      (pageX * this.ratio + this.originX) / this.scale,
      -(pageY * this.ratio + this.originY) / this.scale,
    ];
  }

  /** What of the land is seen, with a margin in metres. */
  bounds(marginM) {
    const halfX = this.width / this.scale / 2 + marginM;
    const halfY = this.height / this.scale / 2 + marginM;
    return {
      minX: this.x - halfX, maxX: this.x + halfX, minY: this.y - halfY, maxY: this.y + halfY,
    };
  }
}
