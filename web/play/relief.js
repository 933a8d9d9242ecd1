// SPDX-License-Identifier: Apache-2.0

// A picture of the whole land, one pixel for every four metres: colours by height, shaded by a sun
// in the north-west. The ground and the map are made from it.

const SIDE = 1024;
const SUN = [-0.5, 0.5, 0.7071]; // towards it
const STEEPER = 3.2; // than they are, slopes are shaded

/** Pixels a side of the picture. */
export const RELIEF_SIDE = SIDE;

/** A number in [0, 1) that belongs to two whole numbers. */
export function chance(a, b) {
  let bits = Math.imul(a, 0x9e3779b1) ^ Math.imul(b + 0x7f4a7c15 | 0, 0x85ebca6b);
  bits = Math.imul(bits ^ bits >>> 15, 0x2c1b3c6d);
  bits = Math.imul(bits ^ bits >>> 12, 0x297a2d39);
  return ((bits ^ bits >>> 15) >>> 0) / 4294967296;
}

// Noise between 0 and 1, smooth over a lattice of that side.
function noise(x, y, side, salt) {
  const across = x / side;
  const down = y / side;
  const column = Math.floor(across);
  const row = Math.floor(down);
  const u = across - column;
  const v = down - row;
  const fadeU = u * u * (3 - 2 * u);
  const fadeV = v * v * (3 - 2 * v);
  const at = (c, r) => chance(c + salt, r);
  const top = at(column, row) + (at(column + 1, row) - at(column, row)) * fadeU;
  const low = at(column, row + 1) + (at(column + 1, row + 1) - at(column, row + 1)) * fadeU;
  return top + (low - top) * fadeV;
}

// The colour of each metre of height, as a table.
function rampOf(stops) {
  const table = [];
  for (let metre = -30; metre <= 30; metre++) {
    const next = stops.findIndex(([height]) => height >= metre);
    const to = stops[next < 0 ? stops.length - 1 : next];
    const from = stops[Math.max(0, (next < 0 ? stops.length : next) - 1)];
    const share = to[0] === from[0] ? 0
      : Math.min(Math.max((metre - from[0]) / (to[0] - from[0]), 0), 1);
    table.push(from[1].map((part, i) => part + (to[1][i] - part) * share));
  }
  return table;
}

// Slopes at the samples, so that shades between them change evenly.
function slopesOf(land) {
  const {sampleSide: side, sampleM} = land;
  const slopes = new Float32Array(side * side * 2);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const at = (row * side + column) * 2;
      slopes[at] = (land.sample(column + 1, row) - land.sample(column - 1, row)) / (2 * sampleM);
      slopes[at + 1] = (land.sample(column, row + 1) - land.sample(column, row - 1)) /
        (2 * sampleM);
    }
  }
  return slopes;
}

/**
 * Makes the picture; north is above.
 * @param {import('./skirmish_land.js').SkirmishLand} land
 * @param {object} colours of a palette
 * @returns {HTMLCanvasElement}
 */
export function drawRelief(land, colours) {
  const canvas = document.createElement('canvas');
  canvas.width = SIDE;
  canvas.height = SIDE;
  const context = canvas.getContext('2d');
  const image = context.createImageData(SIDE, SIDE);
  const ramp = rampOf(colours.heights);
  const slopes = slopesOf(land);
  const {sampleSide, heights} = land;
  const step = (sampleSide - 1) / SIDE;
  for (let row = 0; row < SIDE; row++) {
    const down = (SIDE - 0.5 - row) * step;
    const r = Math.min(Math.floor(down), sampleSide - 2);
    const v = down - r;
    for (let column = 0; column < SIDE; column++) {
      const across = (column + 0.5) * step;
      const c = Math.min(Math.floor(across), sampleSide - 2);
      const u = across - c;
      const a = r * sampleSide + c;
      const b = a + sampleSide;
      const w00 = (1 - u) * (1 - v);
      const w10 = u * (1 - v);
      const w01 = (1 - u) * v;
      const w11 = u * v;
      const mixed = (list, stride, lane) => list[a * stride + lane] * w00 +
        list[(a + 1) * stride + lane] * w10 + list[b * stride + lane] * w01 +
        list[(b + 1) * stride + lane] * w11;
      const height = mixed(heights, 1, 0);
      const slopeX = mixed(slopes, 2, 0) * STEEPER;
      const slopeY = mixed(slopes, 2, 1) * STEEPER;
      const length = Math.sqrt(slopeX * slopeX + slopeY * slopeY + 1);
      const lit = (SUN[2] - slopeX * SUN[0] - slopeY * SUN[1]) / length;
      const patch = (noise(column, row, 13, 7) - 0.5) + (noise(column, row, 4, 3) - 0.5) * 0.7;
      const light = 1 + (lit - SUN[2]) * colours.shade * 1.7;
      const tone = ramp[Math.min(Math.max(Math.round(height + patch * 4) + 30, 0), 60)];
      const at = (row * SIDE + column) * 4;
      // Dry and lush grass take turns.
      image.data[at] = tone[0] * light + patch * colours.patch * 1.1;
      image.data[at + 1] = tone[1] * light + patch * colours.patch * 0.8;
      image.data[at + 2] = tone[2] * light + patch * colours.patch * 0.3;
      image.data[at + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
