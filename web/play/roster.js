// SPDX-License-Identifier: Apache-2.0

// Names of players. The server is asked for those of whom the player sees or hears something.

const ASK_EVERY_MS = 100;
const ASK_AGAIN_MS = 3000;
const KNOWN_COUNT_MAX = 4096;
const NAME_BYTES_MAX = 31;

/** Knows players by their index. */
export class Roster {
  constructor() {
    this.clear();
  }

  clear() {
    this.known = new Map(); // {name, id of the entity, when asked for} by player index
    this.askedMs = 0;
    this.ownIndex = undefined;
    this.ownName = '';
  }

  /** The name of a player, or what stands for it until it is known. */
  nameOf(playerIndex) {
    if (playerIndex === this.ownIndex) {
      return this.ownName;
    }
    this.look(playerIndex, undefined);
    return this.known.get(playerIndex).name ?? `Player ${playerIndex + 1}`;
  }

  // Notes that a player is of interest. Another entity is another player at the same index.
  /** @private */
  look(playerIndex, id) {
    const entry = this.known.get(playerIndex);
    if (entry === undefined || (id !== undefined && entry.id !== undefined && entry.id !== id)) {
      if (entry === undefined && this.known.size === KNOWN_COUNT_MAX) {
        this.known.delete(this.known.keys().next().value); // who was met first
      }
      this.known.set(playerIndex, {name: undefined, id, askedMs: -Infinity});
    } else if (id !== undefined) {
      entry.id = id;
    }
  }

  /**
   * Asks for a name that is not known, not often.
   * @param {object} client
   * @param {object[]} fighters in sight
   * @param {number} nowMs
   */
  update(client, fighters, nowMs) {
    if (nowMs - this.askedMs < ASK_EVERY_MS) {
      return;
    }
    for (const {number, entity} of fighters) {
      this.look(number - 1, entity.id);
    }
    for (const [index, entry] of this.known) {
      if (entry.name === undefined && nowMs - entry.askedMs > ASK_AGAIN_MS) {
        if (client.send('who', Uint8Array.of(index & 255, index >> 8))) {
          entry.askedMs = nowMs;
          this.askedMs = nowMs;
        }
        return;
      }
    }
  }

  /** The game's message `named`. */
  take(bytes) {
    const isName = bytes.length > 2 && bytes.length <= 2 + NAME_BYTES_MAX;
    const entry = isName ? this.known.get(bytes[0] | bytes[1] << 8) : undefined;
    if (entry !== undefined) {
      entry.name = new TextDecoder().decode(bytes.subarray(2));
    }
  }
}
