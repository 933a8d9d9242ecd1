// SPDX-License-Identifier: Apache-2.0

// A connection to a server with its session: a WebSocket whose first message is the ticket, and
// each other message a packet. docs/protocol/websocket.md.

import {CloseReason, writeClose} from './packet.js';
import {Session} from './session.js';

const PROTOCOL = 'muster.1';
const PATH = '/v1/connect';
const OPEN = 1; // of WebSocket.readyState
const CODE_NORMAL = 1000;
const CODE_ABNORMAL = 1006; // of a connection that broke

// When so much waits in the socket, a packet would come too late to be of use: the session makes
// the next one with what is new by then.
const WAITING_BYTES_MAX = 16384;

// As many fragments as the C client has.
const FRAGMENTS = 64;

// Codes of a server that has ended the connection and means it; others are accidents.
const CODE_REASON = 4000; // and a close reason
const REASON_MAX = 255;
const ENDING_CODES = new Map([
  [CODE_NORMAL, CloseReason.ended],
  [1001, CloseReason.draining],
  [1002, CloseReason.protocol],
  [1003, CloseReason.protocol],
  [1007, CloseReason.protocol],
  [1008, CloseReason.refused],
  [1009, CloseReason.limit],
]);

/**
 * Where a server's WebSocket is.
 * @param {string | URL} server its HTTP or WebSocket address
 */
export function socketUrl(server) {
  const url = new URL(PATH, server);
  url.protocol = url.protocol === 'https:' || url.protocol === 'wss:' ? 'wss:' : 'ws:';
  return url.href;
}

/** A connection. */
export class Link {
  /**
   * Begins to connect.
   * @param {typeof WebSocket} WebSocket
   * @param {string} url of socketUrl()
   * @param {Uint8Array} ticket
   * @param {number} nowUs
   * @param {(bytes: Uint8Array) => void} takePacket what to do with a packet
   */
  constructor(WebSocket, url, ticket, nowUs, takePacket) {
    this.session = new Session({window: FRAGMENTS, sendFragmentsMax: FRAGMENTS});
    this.openedUs = nowUs;
    this.heardUs = nowUs;
    this.hasSentTicket = false;
    this.isClosed = false;
    this.closeCode = 0;
    this.closeText = '';
    this.socket = undefined;
    try {
      this.socket = new WebSocket(url, PROTOCOL);
    } catch {
      this.isClosed = true; // as a page's policy may have it
      this.closeCode = CODE_ABNORMAL;
      return;
    }
    this.socket.binaryType = 'arraybuffer';
    this.socket.onopen = () => {
      this.socket.send(ticket);
      this.hasSentTicket = true;
    };
    this.socket.onmessage = ({data}) => {
      takePacket(typeof data === 'string' ? new Uint8Array(0) : new Uint8Array(data));
    };
    this.socket.onclose = ({code, reason}) => {
      this.isClosed = true;
      this.closeCode = code;
      this.closeText = reason;
    };
    this.socket.onerror = () => {}; // its close follows
  }

  /**
   * Why the server has closed the link for good; undefined if the player may be had back by another
   * one: what broke, was silent for too long, or was replaced.
   */
  get endReason() {
    const reason = this.closeCode - CODE_REASON;
    if (!this.isClosed || reason === CloseReason.unreachable) {
      return undefined;
    }
    return reason > 0 && reason <= REASON_MAX ? reason : ENDING_CODES.get(this.closeCode);
  }

  /** True if a packet can be sent now. */
  get isReady() {
    return !this.isClosed && this.hasSentTicket && this.socket.readyState === OPEN &&
      this.socket.bufferedAmount <= WAITING_BYTES_MAX;
  }

  /** Sends a packet; only while the link is ready. */
  send(bytes) {
    this.socket.send(bytes);
  }

  /**
   * Ends the link; nothing comes from it any more.
   * @param {number} [reason] that the server is told; none lets it believe in an accident
   */
  close(reason = CloseReason.none) {
    if (this.isClosed) {
      return;
    }
    this.isClosed = true;
    const socket = this.socket;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    if (reason !== CloseReason.none && this.hasSentTicket && socket.readyState === OPEN) {
      socket.send(writeClose(reason));
    }
    socket.close(CODE_NORMAL);
  }
}
