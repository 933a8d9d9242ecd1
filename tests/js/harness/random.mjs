// SPDX-License-Identifier: Apache-2.0

// Numbers that look random and come again with the same seed.

/** The seed of a test: MUSTER_TEST_SEED, or one of its own. It is printed. */
export function seedOf(context) {
  const given = process.env.MUSTER_TEST_SEED;
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(given);
  context.diagnostic(`seed ${seed}`);
  return seed;
}

export class Random {
  constructor(seed) {
    this.state = seed >>> 0;
  }

  /** A whole number in [0, 2^32). */
  u32() {
    this.state = (this.state + 0x9e3779b9) >>> 0;
    let z = this.state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  }

  /** A number in [0, 1). */
  share() {
    return this.u32() / 2 ** 32;
  }

  /** A whole number in [0, limit). */
  below(limit) {
    return Math.floor(this.share() * limit);
  }
}
