// SPDX-License-Identifier: Apache-2.0

// A fighter is a ball of half a metre. What it does in a step where it touches the ground and boxes
// is what src/space does: sequential impulses with friction, and overlaps pushed apart. In 64-bit
// floating point and without the impulses of the step before, so it is near and not equal.

const RADIUS_M = 0.5;
const FRICTION = 0.6; // a body moves as if it weighed a kilogram
const TOUCH_M = 0.01;
const SLOP_M = 0.005;
const PUSH_SHARE = 0.2; // of an overlap, in a step
const PUSH_SPEED_MAX = 4;
const ROUND_COUNT = 16;
const CONTACT_COUNT_MAX = 8;

function clamp(value, min, max) {
  return Math.min(Math.max(value, min), max);
}

/** Moves a ball over a land. */
export class Contacts {
  /**
   * @param {import('./skirmish_land.js').SkirmishLand} land
   * @param {number} stepS seconds
   */
  constructor(land, stepS) {
    this.land = land;
    this.stepS = stepS;
    this.count = 0;
    this.list = Array.from({length: CONTACT_COUNT_MAX}, () =>
      ({normal: [0, 0, 1], biasMps: 0, impulse: 0, friction: [0, 0, 0]}));
    this.moved = [0, 0, 0];
    this.normal = [0, 0, 1];
  }

  /** Moves a ball on by a step; changes both. */
  move(place, velocity) {
    this.count = 0;
    this.touchGround(place, velocity);
    for (const box of this.land.boxesAt(place[0], place[1])) {
      this.touchBox(box, place, velocity);
    }
    for (let i = 1; i < ROUND_COUNT; i++) {
      this.solve(velocity);
    }
    for (let lane = 0; lane < 3; lane++) {
      this.moved[lane] = velocity[lane];
    }
    // What pushed apart moves the ball, and leaves no speed.
    for (let i = 0; i < this.count; i++) {
      this.list[i].biasMps = Math.max(this.list[i].biasMps, 0);
    }
    this.solve(velocity);
    for (let lane = 0; lane < 3; lane++) {
      place[lane] += this.moved[lane] * this.stepS;
    }
  }

  // A contact if the ball touches, or would within the step.
  /** @private */
  add(normal, separationM, velocity) {
    const closing = -(velocity[0] * normal[0] + velocity[1] * normal[1] + velocity[2] * normal[2]);
    const ahead = separationM - Math.max(closing, 0) * this.stepS;
    if (ahead > TOUCH_M || this.count === CONTACT_COUNT_MAX) {
      return;
    }
    const contact = this.list[this.count++];
    const push = clamp((separationM + SLOP_M) * PUSH_SHARE / this.stepS, -PUSH_SPEED_MAX, 0);
    contact.biasMps = separationM > 0 ? separationM / this.stepS : push;
    contact.impulse = 0;
    for (let lane = 0; lane < 3; lane++) {
      contact.normal[lane] = normal[lane];
      contact.friction[lane] = 0;
    }
  }

  /** @private */
  touchGround(place, velocity) {
    const {sampleM, sampleSide, minM} = this.land;
    const first = (metres) => clamp(Math.floor((metres - 1 - minM) / sampleM), 0, sampleSide - 2);
    const last = (metres) => clamp(Math.floor((metres + 1 - minM) / sampleM), 0, sampleSide - 2);
    for (let row = first(place[1]); row <= last(place[1]); row++) {
      for (let column = first(place[0]); column <= last(place[0]); column++) {
        this.touchTriangle(column, row, false, place, velocity);
        this.touchTriangle(column, row, true, place, velocity);
      }
    }
  }

  // One half of a square: that beside the x axis, or that beside the y axis.
  /** @private */
  touchTriangle(column, row, isUpper, place, velocity) {
    const {land, normal} = this;
    const {sampleM, minM} = land;
    const low = land.sample(column, row);
    const high = land.sample(column + 1, row + 1);
    const side = isUpper ? land.sample(column, row + 1) : land.sample(column + 1, row);
    const slopeX = (isUpper ? high - side : side - low) / sampleM;
    const slopeY = (isUpper ? side - low : high - side) / sampleM;
    const length = Math.hypot(slopeX, slopeY, 1);
    normal[0] = -slopeX / length;
    normal[1] = -slopeY / length;
    normal[2] = 1 / length;
    const x = place[0] - minM - column * sampleM;
    const y = place[1] - minM - row * sampleM;
    const height = (place[2] - low - slopeX * x - slopeY * y) / length;
    // The foot of the perpendicular must be in the triangle.
    const footX = height < 0 ? x : x - normal[0] * height;
    const footY = height < 0 ? y : y - normal[1] * height;
    const isInside = isUpper
      ? footX >= 0 && footY <= sampleM && footY >= footX
      : footY >= 0 && footX <= sampleM && footX >= footY;
    if (isInside) {
      this.add(normal, height - RADIUS_M, velocity);
    }
  }

  /** @private */
  touchBox(box, place, velocity) {
    const sine = Math.sin(box.heading);
    const cosine = Math.cos(box.heading);
    const wayX = place[0] - box.x;
    const wayY = place[1] - box.y;
    const x = cosine * wayX + sine * wayY;
    const y = cosine * wayY - sine * wayX;
    const z = place[2] - box.z;
    let outX = x - clamp(x, -box.halfX, box.halfX);
    let outY = y - clamp(y, -box.halfY, box.halfY);
    let outZ = z - clamp(z, -box.halfZ, box.halfZ);
    let distance = Math.hypot(outX, outY, outZ);
    if (distance > 1e-6) {
      outX /= distance;
      outY /= distance;
      outZ /= distance;
    } else { // out through the nearest side
      const deepX = Math.abs(x) - box.halfX;
      const deepY = Math.abs(y) - box.halfY;
      const deepZ = Math.abs(z) - box.halfZ;
      distance = Math.max(deepX, deepY, deepZ);
      outZ = distance === deepZ ? Math.sign(z) : 0;
      outY = outZ === 0 && distance === deepY ? Math.sign(y) : 0;
      outX = outZ === 0 && outY === 0 ? Math.sign(x) : 0;
    }
    const {normal} = this;
    normal[0] = cosine * outX - sine * outY;
    normal[1] = cosine * outY + sine * outX;
    normal[2] = outZ;
    this.add(normal, distance - RADIUS_M, velocity);
  }

  // A round of sequential impulses.
  /** @private */
  solve(velocity) {
    for (let i = 0; i < this.count; i++) {
      const contact = this.list[i];
      const {normal, friction} = contact;
      const speed = velocity[0] * normal[0] + velocity[1] * normal[1] + velocity[2] * normal[2];
      const impulse = Math.max(contact.impulse - speed - contact.biasMps, 0);
      const step = impulse - contact.impulse;
      contact.impulse = impulse;
      // What would stop the sliding, cut to what friction can bear.
      const x = friction[0] - (velocity[0] - normal[0] * speed);
      const y = friction[1] - (velocity[1] - normal[1] * speed);
      const z = friction[2] - (velocity[2] - normal[2] * speed);
      const limit = FRICTION * impulse;
      const length = Math.hypot(x, y, z);
      const share = length > limit ? limit / length : 1;
      velocity[0] += normal[0] * step + x * share - friction[0];
      velocity[1] += normal[1] * step + y * share - friction[1];
      velocity[2] += normal[2] * step + z * share - friction[2];
      friction[0] = x * share;
      friction[1] = y * share;
      friction[2] = z * share;
    }
  }
}
