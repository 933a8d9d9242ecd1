// SPDX-License-Identifier: Apache-2.0

// The land of skirmish, made from its number as games/skirmish/land.c, ground.c, town.c and camp.c
// make it: the same hills, houses, walls and crates to the bit. Every operation on floats is
// rounded to 32 bits, in the same order.

const SAMPLE_M = 16;
const SAMPLE_SIDE = 257;
const MIN_M = -2048;
const MESSAGE_BYTES = 5;

const PURPOSE_GROUND = 1;
const PURPOSE_BOX = 2;
const PURPOSE_CAMP = 4;

const OCTAVES = [{sideM: 512, heightM: 22}, {sideM: 160, heightM: 4}];

const BATTLE = [600, 350];
const BATTLE_HALF_SIDE_M = 100;
const BATTLE_COVER_COUNT = 36;
const BASE_M = 1300;
const OUTPOST_M = 85;
const TEAM_COUNT = 4;
const HOUSE_SIDE = 7;
const HOUSE_DISTANCE_M = 42;
const CAMP_CRATE_COUNT = 3;
const CAMP_SPREAD_M = 12;
const LAND_COVER_COUNT = 240;
const LAND_SPREAD_M = Math.fround(Math.fround(0.95) * 2000);
const FENCE_M = 1990;
const FENCE_HEIGHT_M = 200;
const DEPTH_M = 4; // how far a box reaches into the ground, for slopes
const WALL_HEIGHT_M = Math.fround(2.4);
const PI = Math.fround(3.14159265358979);

const CAMP_GRID_SIDE = 8;
const CAMP_GRID_STRIDE = 37;
const CAMP_SQUARE_M = 440;
const CAMP_JITTER_M = 100;
const CAMP_TRY_COUNT = 16;
const CAMP_QUIET_M = 300;
const CAMP_EDGE_M = 1850;

const CELL_M = 32; // of the index of boxes
const CELL_SIDE = 128;

const f32 = Math.fround;

function mixBits(bits) {
  bits = Math.imul(bits ^ bits >>> 16, 0x21f0aaad);
  bits = Math.imul(bits ^ bits >>> 15, 0x735a2d97);
  return bits ^ bits >>> 15;
}

function draw(number, purpose, x, y, index, min, max) {
  let bits = mixBits(number);
  bits = mixBits((bits ^ purpose) + 0x9e3779b9 | 0);
  bits = mixBits((bits ^ x) + 0x9e3779b9 | 0);
  bits = mixBits((bits ^ y) + 0x9e3779b9 | 0);
  bits = mixBits((bits ^ index) + 0x9e3779b9 | 0);
  return f32(min + f32(f32(max - min) * ((bits >>> 8) / 16777216)));
}

function smooth(part) {
  return f32(f32(part * part) * f32(3 - f32(2 * part)));
}

function mix(from, to, part) {
  return f32(from + f32(f32(to - from) * part));
}

function octave(number, index, x, y) {
  const {sideM, heightM} = OCTAVES[index];
  const across = f32(x / sideM);
  const along = f32(y / sideM);
  const column = Math.floor(across);
  const row = Math.floor(along);
  const partX = smooth(f32(across - column));
  const partY = smooth(f32(along - row));
  const at = (c, r) => draw(number, PURPOSE_GROUND, c, r, index, -1, 1);
  const near = mix(at(column, row), at(column + 1, row), partX);
  const far = mix(at(column, row + 1), at(column + 1, row + 1), partX);
  return f32(mix(near, far, partY) * heightM);
}

// Heights between the samples are those of physics, not these.
function relief(number, x, y) {
  return f32(octave(number, 0, x, y) + octave(number, 1, x, y));
}

function distance(x, y, [otherX, otherY]) {
  const wayX = f32(x - otherX);
  const wayY = f32(y - otherY);
  return f32(Math.sqrt(f32(f32(wayX * wayX) + f32(wayY * wayY))));
}

function corner(team, [x, y], reachM) {
  const isEast = team === 1 || team === 4;
  const isNorth = team === 1 || team === 3;
  return [x + (isEast ? reachM : -reachM), y + (isNorth ? reachM : -reachM)];
}

/** The bases of the teams 1 to 4, and their outposts at the battle square: [x, y] each. */
export const BASES = [1, 2, 3, 4].map((team) => corner(team, [0, 0], BASE_M));
export const OUTPOSTS = [1, 2, 3, 4].map((team) => corner(team, BATTLE, OUTPOST_M));

function isQuiet(x, y) {
  if (distance(x, y, BATTLE) <= CAMP_QUIET_M || distance(x, y, [0, 0]) <= CAMP_QUIET_M) {
    return false;
  }
  for (let team = 0; team < TEAM_COUNT; team++) {
    const nearer = Math.min(distance(x, y, BASES[team]), distance(x, y, OUTPOSTS[team]));
    if (nearer <= CAMP_QUIET_M) {
      return false;
    }
  }
  return true;
}

function campCentre(number, camp) {
  const square = camp * CAMP_GRID_STRIDE % (CAMP_GRID_SIDE * CAMP_GRID_SIDE);
  const middle = 0.5 * (CAMP_GRID_SIDE - 1);
  const squareX = (square % CAMP_GRID_SIDE - middle) * CAMP_SQUARE_M;
  const squareY = (Math.floor(square / CAMP_GRID_SIDE) - middle) * CAMP_SQUARE_M;
  const place = (from, index, reach) => {
    const jitter = draw(number, PURPOSE_CAMP, camp, 0, index, -CAMP_JITTER_M, CAMP_JITTER_M);
    return Math.min(Math.max(f32(from + f32(reach * jitter)), -CAMP_EDGE_M), CAMP_EDGE_M);
  };
  let x = 0;
  let y = 0;
  for (let i = 0; i < CAMP_TRY_COUNT; i++) {
    x = place(squareX, 2 * i, i + 1);
    y = place(squareY, 2 * i + 1, i + 1);
    if (isQuiet(x, y)) {
      break;
    }
  }
  return {x, y};
}

// Gathers the boxes in the game's order, in which each has its own numbers.
class Builder {
  constructor(number) {
    this.number = number;
    this.boxes = [];
  }

  draw(index, min, max) {
    return draw(this.number, PURPOSE_BOX, this.boxes.length, 0, index, min, max);
  }

  add(kind, x, y, halfX, halfY, heightM, heading) {
    const halfZ = f32(0.5 * f32(heightM + DEPTH_M));
    const z = f32(f32(relief(this.number, x, y) + heightM) - halfZ);
    this.boxes.push({kind, x, y, z, halfX, halfY, halfZ, heading, heightM});
  }

  addCover(x, y) {
    const heading = this.draw(2, -PI, PI);
    if (this.draw(4, 0, 1) < 0.5) {
      this.add('wall', x, y, this.draw(3, 2, 5), 0.25, WALL_HEIGHT_M, heading);
    } else {
      this.add('crate', x, y, 1, 1, this.draw(3, 1, 2), heading);
    }
  }

  addCovers(centreX, centreY, spreadM, count) {
    for (let i = 0; i < count; i++) {
      const x = f32(centreX + this.draw(0, -spreadM, spreadM));
      this.addCover(x, f32(centreY + this.draw(1, -spreadM, spreadM)));
    }
  }

  addFence() {
    for (const [sideX, sideY] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      const halfX = sideX === 0 ? FENCE_M : 2;
      const halfY = sideX === 0 ? 2 : FENCE_M;
      this.add('fence', sideX * FENCE_M, sideY * FENCE_M, halfX, halfY, FENCE_HEIGHT_M, 0);
    }
  }

  addTown() {
    for (let row = 0; row < HOUSE_SIDE; row++) {
      for (let column = 0; column < HOUSE_SIDE; column++) {
        const x = (column - 3) * HOUSE_DISTANCE_M;
        const y = (row - 3) * HOUSE_DISTANCE_M;
        this.add('house', x, y, this.draw(0, 5, 11), this.draw(1, 5, 11), this.draw(2, 3, 7),
          this.draw(3, -f32(0.2), f32(0.2)));
        this.addCover(x + 0.5 * HOUSE_DISTANCE_M, y + 0.5 * HOUSE_DISTANCE_M);
      }
    }
  }
}

function makeBoxes(number, camps) {
  const builder = new Builder(number);
  builder.addFence();
  builder.addTown();
  builder.addCovers(...BATTLE, BATTLE_HALF_SIDE_M, BATTLE_COVER_COUNT);
  camps.forEach(({x, y}) => builder.addCovers(x, y, CAMP_SPREAD_M, CAMP_CRATE_COUNT));
  builder.addCovers(0, 0, LAND_SPREAD_M, LAND_COVER_COUNT);
  return builder.boxes;
}

function makeHeights(number) {
  const heights = new Float32Array(SAMPLE_SIDE * SAMPLE_SIDE);
  for (let row = 0; row < SAMPLE_SIDE; row++) {
    for (let column = 0; column < SAMPLE_SIDE; column++) {
      const x = MIN_M + column * SAMPLE_M;
      const y = MIN_M + row * SAMPLE_M;
      heights[row * SAMPLE_SIDE + column] = relief(number, x, y);
    }
  }
  return heights;
}

// Lists every box in the cells that it lies in or reaches to within a cell's side.
function indexBoxes(boxes) {
  const cells = Array.from({length: CELL_SIDE * CELL_SIDE}, () => []);
  const cellOf = (metres) =>
    Math.min(Math.max(Math.floor((metres - MIN_M) / CELL_M), 0), CELL_SIDE - 1);
  for (const box of boxes) {
    const sine = Math.abs(Math.sin(box.heading));
    const cosine = Math.abs(Math.cos(box.heading));
    const reachX = cosine * box.halfX + sine * box.halfY + 2;
    const reachY = sine * box.halfX + cosine * box.halfY + 2;
    for (let row = cellOf(box.y - reachY); row <= cellOf(box.y + reachY); row++) {
      for (let column = cellOf(box.x - reachX); column <= cellOf(box.x + reachX); column++) {
        cells[row * CELL_SIDE + column].push(box);
      }
    }
  }
  return cells;
}

/**
 * A land: relief, boxes and camps.
 *
 * @typedef {{kind: 'fence'|'house'|'wall'|'crate', x: number, y: number, z: number, halfX: number,
 *   halfY: number, halfZ: number, heading: number, heightM: number}} Box
 *   (x, y, z) is its middle, heightM how far it stands out of the ground.
 */
export class SkirmishLand {
  /**
   * @param {number} number of the land
   * @param {number} campCount
   */
  constructor(number, campCount) {
    this.number = number;
    /** Metres between samples, samples a side, and where the first lies along x and y. */
    this.sampleM = SAMPLE_M;
    this.sampleSide = SAMPLE_SIDE;
    this.minM = MIN_M;
    /** @type {Float32Array} heights in metres, row by row along x */
    this.heights = makeHeights(number);
    /** @type {{x: number, y: number}[]} */
    this.camps = Array.from({length: campCount}, (_, camp) => campCentre(number, camp));
    /** @type {Box[]} */
    this.boxes = makeBoxes(number, this.camps);
    this.cells = indexBoxes(this.boxes);
  }

  /**
   * The land that the message `land` tells of.
   * @param {Uint8Array} bytes
   * @returns {SkirmishLand|undefined} undefined if they are no such message
   */
  static fromMessage(bytes) {
    if (bytes.length !== MESSAGE_BYTES) {
      return undefined;
    }
    const number = (bytes[0] | bytes[1] << 8 | bytes[2] << 16 | bytes[3] << 24) >>> 0;
    return new SkirmishLand(number, bytes[4]);
  }

  /** A sample, the nearest one of the edge outside. */
  sample(column, row) {
    const last = SAMPLE_SIDE - 1;
    const c = Math.min(Math.max(column, 0), last);
    const r = Math.min(Math.max(row, 0), last);
    return this.heights[r * SAMPLE_SIDE + c];
  }

  /**
   * The ground at a place: two triangles between each four samples, which share the diagonal from
   * the lowest corner.
   * @param {number} x
   * @param {number} y
   * @returns {number} metres
   */
  height(x, y) {
    const column = Math.min(Math.max(Math.floor((x - MIN_M) / SAMPLE_M), 0), SAMPLE_SIDE - 2);
    const row = Math.min(Math.max(Math.floor((y - MIN_M) / SAMPLE_M), 0), SAMPLE_SIDE - 2);
    const partX = (x - MIN_M) / SAMPLE_M - column;
    const partY = (y - MIN_M) / SAMPLE_M - row;
    const corner00 = this.sample(column, row);
    const corner11 = this.sample(column + 1, row + 1);
    if (partY > partX) {
      const corner01 = this.sample(column, row + 1);
      return corner00 + (corner01 - corner00) * partY + (corner11 - corner01) * partX;
    }
    const corner10 = this.sample(column + 1, row);
    return corner00 + (corner10 - corner00) * partX + (corner11 - corner10) * partY;
  }

  /** The boxes that something at a place may touch. @returns {Box[]} */
  boxesAt(x, y) {
    const column = Math.floor((x - MIN_M) / CELL_M);
    const row = Math.floor((y - MIN_M) / CELL_M);
    return this.cells[row * CELL_SIDE + column] ?? [];
  }
}
