// SPDX-License-Identifier: Apache-2.0

// The messages of a game's table, in both directions.

import {encodeText} from './bits.js';
import {readCustom, writeCustom} from './play.js';

const INBOX_MAX = 256; // that wait to be taken
const LOOSE_MAX = 6; // unreliable ones that wait for the next packet
const LOOSE_BYTES_MAX = 1040;

/** The messages of one connection. */
export class Messages {
  /** @param {object[]} defs the game's table */
  constructor(defs) {
    this.defs = defs;
    this.inbox = [];
    this.loose = []; // records to send
  }

  /**
   * Takes a record from the server, without its packet's memory.
   * @returns {boolean} false if it is none of the table, or nobody has taken those before
   */
  take(record) {
    const custom = readCustom(record);
    const def = custom && this.defs[custom.messageIndex];
    if (def === undefined || this.inbox.length === INBOX_MAX) {
      return false;
    }
    this.inbox.push({name: def.name, bytes: custom.bytes.slice()});
    return true;
  }

  /**
   * What to send for a message of a player.
   * @param {string} name
   * @param {Uint8Array | string} data
   * @returns {{record: Uint8Array, isReliable: boolean}}
   */
  write(name, data) {
    const bytes = typeof data === 'string' ? encodeText(data) : data;
    const def = this.defs.find((other) => other.name === name);
    if (def === undefined || !def.isFromPlayers) {
      throw new RangeError(`players have no message '${name}' to send in this game`);
    }
    if (bytes.length > def.bytesMax) {
      throw new RangeError(`a message '${name}' has at most ${def.bytesMax} bytes`);
    }
    return {record: writeCustom(def.index, bytes), isReliable: def.isReliable};
  }

  /** Keeps an unreliable record for the next packet; false if there is no room. */
  keep(record) {
    const bytes = this.loose.reduce((sum, other) => sum + other.length, record.length);
    if (this.loose.length === LOOSE_MAX || bytes > LOOSE_BYTES_MAX) {
      return false;
    }
    this.loose.push(record);
    return true;
  }
}
