// SPDX-License-Identifier: Apache-2.0

/** The live map as GET /v1/live gives it; docs/http.md has every byte. */

const VERSION = 1;
const HEAD_BYTES = 48;
const PARTITION_BYTES = 12;
const POINT_BYTES = 8;
const STEPS = 65535;

/** Where everything was in one tick. */
export class LiveMap {
  /**
   * @param {ArrayBuffer} buffer the whole answer, which is kept and read in place
   * @throws {RangeError} if it is no live map
   */
  constructor(buffer) {
    const view = new DataView(buffer);
    if (buffer.byteLength < HEAD_BYTES || view.getUint32(0, true) !== VERSION) {
      throw new RangeError('This is no live map of version 1.');
    }
    this.pointCount = view.getUint32(4, true);
    this.tick = Number(view.getBigUint64(8, true));
    this.entityCount = view.getUint32(16, true);
    this.playerCount = view.getUint32(20, true);
    this.partitionSideCount = view.getUint32(24, true);
    this.partitionMinX = view.getFloat32(28, true);
    this.partitionMinY = view.getFloat32(32, true);
    this.partitionM = view.getFloat32(36, true);
    this.sideM = view.getFloat32(40, true);

    const partitionCount = this.partitionSideCount ** 2;
    const pointsAt = HEAD_BYTES + partitionCount * PARTITION_BYTES;
    if (buffer.byteLength !== pointsAt + this.pointCount * POINT_BYTES) {
      throw new RangeError('This live map is cut short.');
    }
    this.loads = new Uint32Array(buffer, HEAD_BYTES, partitionCount * 3);
    this.words = new Uint16Array(buffer, pointsAt, this.pointCount * 4);
    this.bytes = new Uint8Array(buffer, pointsAt, this.pointCount * POINT_BYTES);
  }

  /** Metres by a step of a point's coordinates. */
  get stepM() {
    return this.sideM / STEPS;
  }

  x(point) {
    return this.words[point * 4] * this.stepM - this.sideM / 2;
  }

  y(point) {
    return this.words[point * 4 + 1] * this.stepM - this.sideM / 2;
  }

  /** The owner's player index and one, 0 for nobody's. */
  player(point) {
    return this.words[point * 4 + 2];
  }

  kind(point) {
    return this.bytes[point * POINT_BYTES + 6];
  }

  team(point) {
    return this.bytes[point * POINT_BYTES + 7];
  }

  /** What a square of the world holds and costs. */
  partition(index) {
    return {
      bodies: this.loads[index * 3],
      players: this.loads[index * 3 + 1],
      cost: this.loads[index * 3 + 2],
    };
  }

  /** The partition at a place, -1 outside. */
  partitionAt(x, y) {
    const column = Math.floor((x - this.partitionMinX) / this.partitionM);
    const row = Math.floor((y - this.partitionMinY) / this.partitionM);
    const side = this.partitionSideCount;
    return column < 0 || row < 0 || column >= side || row >= side ? -1 : row * side + column;
  }

  /** The point that stands for a player: of what it owns, that of the lowest kind. -1 for none. */
  findPlayer(playerIndex) {
    let found = -1;
    for (let point = 0; point < this.pointCount; point++) {
      if (this.player(point) === playerIndex + 1 &&
          (found < 0 || this.kind(point) < this.kind(found))) {
        found = point;
      }
    }
    return found;
  }
}
