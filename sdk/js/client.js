// SPDX-License-Identifier: Apache-2.0

// A client: joins a world, sends actions, holds what the player may see, and comes back by itself
// when its connection is lost. It does what muster/client.h describes, over a WebSocket.
//
//     const client = new Client();
//     await client.connect('https://example.org', ticket.token);
//     each frame:
//         client.update();
//         client.act('walk', {heading: 0, speed_mps: 5});
//         for (const entity of client.view.entities()) { draw(client.place(entity.index, tick)); }
//
// A client has room for two links to the server. One carries the game. When that one falls silent
// the other is opened beside it, with a resume token; the first of the two that is heard wins, so
// neither a short outage nor a changed address costs more than it must.

import {Actions} from './actions.js';
import {decodeBase64} from './bits.js';
import {Clock} from './clock.js';
import {Link, socketUrl} from './link.js';
import {Messages} from './messages.js';
import {CloseReason} from './packet.js';
import {MessageKind, RecordKind, WELCOME_BYTES_MAX, readUpdate, readWelcome} from './play.js';
import {ReplicaView} from './replica.js';
import {Schema} from './schema.js';
import {Tracks} from './track.js';

const TICKET_BYTES = 2048;
const RESUME_TOKENS_MAX = 2;
const INPUT_BYTES_MAX = 700;
const INPUT_RELIABLE_BYTES = 500; // beside an INPUT
const INPUT_PERIOD_US_DEFAULT = 50000;
const REFRESH_US_MIN = 1e6;

// Without a word for so long a server is gone, and a try to reach it has failed.
const SILENCE_US_MAX = 10e6;
const TRY_US_MAX = 5e6;

// From the beginning of a try to that of the next.
const TRY_PAUSE_US = 1e6;

/** What cannot go on. */
export class MusterError extends Error {
  /**
   * @param {string} code for programs: that of an HTTP answer, 'closed' or 'unreachable'
   * @param {string} message for people
   * @param {{closeReason?: number, status?: number}} [more]
   */
  constructor(code, message, more = {}) {
    super(message);
    this.name = 'MusterError';
    this.code = code;
    this.closeReason = more.closeReason ?? CloseReason.none;
    this.status = more.status ?? 0;
  }
}

function bytesOfTicket(ticket) {
  const bytes = typeof ticket === 'string' ? decodeBase64(ticket) : ticket;
  if (bytes.length !== TICKET_BYTES) {
    throw new RangeError(`a ticket has ${TICKET_BYTES} bytes, not ${bytes.length}`);
  }
  return bytes;
}

/** A client. See muster.d.ts for what each member means. */
export class Client {
  #def;
  #state = 'idle';
  #closeReason = CloseReason.none;
  #closeText = '';
  #url = '';
  #link; // that carries the game
  #other; // that is to carry it
  #timer;
  #promised; // {resolve, reject} of connect()
  #tables;
  #actions = new Actions([]);
  #messages = new Messages([]);
  #view;
  #tracks;
  #clock;
  #own;
  #ownKind;
  #isWelcomed = false; // on the link that carries the game
  #welcomeBytes = new Uint8Array(WELCOME_BYTES_MAX);
  #welcomeLength = 0;
  #resumeTokens = []; // oldest first
  #hasFreshTokens = false; // from the link that carries the game
  #resumeStartedUs = 0;
  #sentUs = -Infinity;
  #refreshedUs = -Infinity;
  #epoch = 0; // of the newest update
  #isRefreshing = false; // updates of #epoch are ignored
  #needsRefresh = false; // and the server is yet to be told
  #counts = {
    updates: 0, updatesRefused: 0, refreshes: 0, resumes: 0, packetsSent: 0, packetsReceived: 0,
    bytesSent: 0, bytesReceived: 0, messagesDropped: 0,
  };

  /** Called for each message of the game; without it they wait for popMessage(). */
  onmessage = undefined;

  constructor(options = {}) {
    this.#def = {
      WebSocket: options.WebSocket ?? globalThis.WebSocket,
      now: options.now ?? (() => performance.now()),
      resumeAfterMs: options.resumeAfterMs ?? 1500,
      resumeWindowMs: options.resumeWindowMs ?? 30000,
      marginTicks: options.marginTicks ?? 2,
      sendTicks: options.sendTicks ?? 1,
      autoUpdate: options.autoUpdate ?? 60,
    };
    if (typeof this.#def.WebSocket !== 'function') {
      throw new TypeError('there is no WebSocket here; give a class as options.WebSocket');
    }
  }

  // Questions.

  get state() {
    return this.#state;
  }

  get closeReason() {
    return this.#closeReason;
  }

  get closeText() {
    return this.#closeText;
  }

  get tables() {
    return this.#tables;
  }

  get view() {
    return this.#view;
  }

  get tick() {
    return this.#isWelcomed ? this.#clock.actionTickAt(this.#nowUs()) : 0;
  }

  get newestTick() {
    return this.#clock?.newestTick ?? 0;
  }

  get renderTick() {
    return this.#clock?.renderTick ?? 0;
  }

  get counted() {
    return this.#isWelcomed ? this.#clock.countedSequence : 0;
  }

  get own() {
    const view = this.#view;
    if (this.#own === undefined || view?.entity(this.#own.index) !== this.#own) {
      this.#own = undefined;
      for (const entity of view?.entities() ?? []) {
        if (entity.isMine && entity.kind === (this.#ownKind ?? entity.kind)) {
          this.#own = entity;
          this.#ownKind = entity.kind;
          break;
        }
      }
    }
    return this.#own;
  }

  get stats() {
    const session = this.#link?.session.stats;
    const rttUs = session?.rttUs ?? 0;
    return {
      ...this.#counts,
      rttMs: rttUs / 1000,
      lossRatio: session?.lossRatio ?? 0,
      interpolationMs: (this.#clock?.interpolationUs ?? 0) / 1000,
      marginTicks: this.#clock?.marginTicks ?? 0,
      updateAgeMs: (this.#clock?.ageUs(this.#nowUs(), rttUs) ?? 0) / 1000,
    };
  }

  pending() {
    return this.#actions.pending();
  }

  place(index, tick) {
    return this.#tracks?.place(index, tick);
  }

  // Joining and leaving.

  connect(server, ticket) {
    const bytes = bytesOfTicket(ticket);
    this.leave();
    this.#url = socketUrl(server);
    this.#closeReason = CloseReason.none;
    this.#closeText = '';
    this.#resumeTokens = [];
    this.#ownKind = undefined;
    this.#messages = new Messages([]);
    this.#useLink(this.#open(bytes));
    this.#state = 'connecting';
    if (this.#def.autoUpdate > 0) {
      this.#timer = setInterval(() => this.update(), 1000 / this.#def.autoUpdate);
    }
    const promise = new Promise((resolve, reject) => {
      this.#promised = {resolve, reject};
    });
    promise.catch(() => {}); // a caller may look at the state instead
    return promise;
  }

  leave() {
    this.#end('idle', CloseReason.left);
  }

  #nowUs() {
    return this.#def.now() * 1000;
  }

  #isOpen() {
    return this.#link !== undefined;
  }

  #open(ticket) {
    const link = new Link(this.#def.WebSocket, this.#url, ticket, this.#nowUs(), (bytes) => {
      this.#takePacket(link, bytes);
    });
    return link;
  }

  // A link carries the game from now on; the other is closed.
  #useLink(link) {
    (link === this.#link ? this.#other : this.#link)?.close();
    this.#link = link;
    this.#other = undefined;
    this.#isWelcomed = false;
    this.#welcomeLength = 0;
    this.#hasFreshTokens = false;
    this.#epoch = 0;
    this.#isRefreshing = false;
    this.#needsRefresh = false;
    this.#messages.loose = [];
    this.#actions = new Actions([]);
    this.#sentUs = -Infinity;
    this.#state = 'joining';
  }

  #resumeOn(link) {
    this.#counts.resumes++;
    this.#resumeTokens.shift();
    this.#useLink(link);
  }

  // All links are closed, and the client is at rest.
  #end(state, reason, text = '') {
    clearInterval(this.#timer);
    this.#timer = undefined;
    const toTell = state === 'unreachable' ? CloseReason.none : reason;
    this.#link?.close(toTell);
    this.#other?.close(toTell);
    this.#link = undefined;
    this.#other = undefined;
    this.#isWelcomed = false;
    this.#state = state;
    if (state === 'closed') {
      this.#closeReason = reason;
      this.#closeText = text;
    }
    const promised = this.#promised;
    this.#promised = undefined;
    promised?.reject(new MusterError(
      state === 'idle' ? 'closed' : state,
      text || (state === 'unreachable' ? 'the server cannot be reached' : 'the server has closed'),
      {closeReason: reason}));
  }

  // What is due.

  update() {
    if (!this.#isOpen()) {
      return;
    }
    const nowUs = this.#nowUs();
    if (this.#state === 'resuming') {
      this.#updateResuming(nowUs);
    } else {
      this.#updateLink(nowUs);
    }
    if (this.#isOpen() && this.#isWelcomed) {
      this.#actions.dropStale(this.#clock.newestTick, this.#clock.tickUs);
      this.#clock.render(nowUs);
      this.#askRefresh(nowUs);
    }
    if (this.#state === 'joining' || this.#state === 'playing') {
      this.#sendLoose(nowUs);
      this.#sendInputs(nowUs);
    }
  }

  #updateLink(nowUs) {
    const link = this.#link;
    if (this.#state === 'connecting' && link.hasSentTicket) {
      this.#state = 'joining';
    }
    const silentUs = nowUs - link.heardUs;
    if (link.endReason !== undefined) {
      this.#end('closed', link.endReason, link.closeText);
    } else if (this.#resumeTokens.length > 0 &&
        (link.isClosed || silentUs >= this.#def.resumeAfterMs * 1000)) {
      this.#state = 'resuming';
      this.#resumeStartedUs = nowUs;
      this.#other = this.#open(this.#resumeTokens[0]);
    } else if (link.isClosed || silentUs >= SILENCE_US_MAX) {
      this.#end('unreachable', CloseReason.unreachable);
    }
  }

  #updateResuming(nowUs) {
    const other = this.#other;
    const tryUs = nowUs - other.openedUs;
    if (this.#link.heardUs > this.#resumeStartedUs) {
      this.#spendToken(other);
      other.close();
      this.#other = undefined;
      this.#state = this.#isWelcomed ? 'playing' : 'joining';
    } else if (other.endReason !== undefined) {
      this.#end('closed', other.endReason, other.closeText);
    } else if (nowUs - this.#resumeStartedUs >= this.#def.resumeWindowMs * 1000) {
      this.#end('unreachable', CloseReason.unreachable);
    } else if (other.isClosed ? tryUs >= TRY_PAUSE_US : tryUs >= TRY_US_MAX) {
      this.#spendToken(other);
      other.close();
      this.#other = this.#open(this.#resumeTokens[0]);
    }
  }

  // The server may have taken a token while its answers were lost, so the next try is made with
  // another one, if there is another.
  #spendToken(link) {
    if (link.hasSentTicket && this.#resumeTokens.length > 1) {
      this.#resumeTokens.shift();
    }
  }

  #sendLoose(nowUs) {
    const link = this.#link;
    const {loose} = this.#messages;
    if (loose.length === 0 || !link.isReady || !link.session.begin(nowUs, 0)) {
      return;
    }
    while (loose.length > 0 && link.session.blob(RecordKind.custom, loose[0])) {
      loose.shift();
    }
    this.#send(link, link.session.end());
  }

  #sendInputs(nowUs) {
    const link = this.#link;
    const tickUs = this.#isWelcomed ? this.#clock.tickUs : INPUT_PERIOD_US_DEFAULT;
    // Whoever asks a little early is not made to wait for the next time.
    const isEarly = nowUs - this.#sentUs < tickUs * this.#def.sendTicks - tickUs / 8;
    if (isEarly || !link.isReady || !link.session.begin(nowUs, INPUT_RELIABLE_BYTES)) {
      return;
    }
    this.#sentUs = nowUs;
    const newestTick = this.#isWelcomed ? this.#clock.newestTick : 0;
    const space = Math.min(link.session.blobSpace(true), INPUT_BYTES_MAX);
    link.session.blob(RecordKind.input, this.#actions.write(newestTick, space), true);
    this.#send(link, link.session.end());
  }

  #send(link, bytes) {
    link.send(bytes);
    this.#counts.packetsSent++;
    this.#counts.bytesSent += bytes.length;
  }

  // From the server.

  #takePacket(link, bytes) {
    this.#counts.packetsReceived++;
    this.#counts.bytesReceived += bytes.length;
    const nowUs = this.#nowUs();
    const received = link.session.read(nowUs, bytes);
    if (received.status !== 'ok') {
      this.#counts.updatesRefused++;
      return;
    }
    if (link !== this.#link && this.#isTokenRefused(link, received.closeReason)) {
      return;
    }
    if (link !== this.#link) {
      this.#resumeOn(link);
    }
    link.heardUs = nowUs;
    if (received.closeReason !== CloseReason.none) {
      this.#end('closed', received.closeReason, received.closeText);
      return;
    }
    let message;
    while (this.#isOpen() && (message = link.session.pop()) !== undefined) {
      this.#takeMessage(message, nowUs);
    }
    for (const {kind, bytes: record} of this.#isOpen() ? received.blobs : []) {
      if (kind === RecordKind.update) {
        this.#takeUpdate(record, nowUs);
      } else if (kind === RecordKind.custom) {
        this.#takeCustom(record);
      }
    }
    if (this.#def.autoUpdate > 0) {
      this.update(); // timers of hidden pages rest
    }
    this.#tellMessages();
  }

  // To a client that resumes, a refusal may be one of its token, and it has another; and a server
  // that is full now may have room for the next try.
  #isTokenRefused(link, closeReason) {
    const hasAnother = closeReason === CloseReason.refused && this.#resumeTokens.length > 1;
    if (hasAnother) {
      this.#resumeTokens.shift();
      link.close();
      this.#other = this.#open(this.#resumeTokens[0]);
    } else if (closeReason === CloseReason.full) {
      link.close();
    }
    return hasAnother || closeReason === CloseReason.full;
  }

  #takeMessage({kind, bytes}, nowUs) {
    if (kind === MessageKind.welcome) {
      this.#takeWelcome(bytes, nowUs);
    } else if (kind === MessageKind.welcomePart) {
      this.#takeWelcomePart(bytes);
    } else if (kind === MessageKind.resume) {
      this.#takeResumeToken(bytes);
    } else if (kind === MessageKind.custom) {
      this.#takeCustom(bytes);
    } // others are of a newer server
  }

  #takeWelcomePart(bytes) {
    if (this.#isWelcomed || bytes.length > WELCOME_BYTES_MAX - this.#welcomeLength) {
      this.#end('closed', CloseReason.protocol, 'the server\'s welcome is too much');
      return false;
    }
    this.#welcomeBytes.set(bytes, this.#welcomeLength);
    this.#welcomeLength += bytes.length;
    return true;
  }

  #takeWelcome(bytes, nowUs) {
    if (!this.#takeWelcomePart(bytes)) {
      return;
    }
    const whole = this.#welcomeBytes.subarray(0, this.#welcomeLength);
    this.#welcomeLength = 0;
    const welcome = readWelcome(whole);
    let schema;
    try {
      schema = welcome && Schema.decode(welcome.schema);
    } catch {
      schema = undefined;
    }
    if (schema === undefined) {
      this.#end('closed', CloseReason.version, 'the server\'s tables cannot be read');
      return;
    }
    this.#play(welcome, schema, nowUs);
  }

  #play(welcome, schema, nowUs) {
    const {game, rulesVersion, tickRateHz, playerIndex, isBack, actions, messages} = welcome;
    this.#tables = Object.freeze({
      game, rulesVersion, tickRateHz, playerIndex, isBack, actions, messages, fields: schema.fields,
    });
    this.#actions = new Actions(actions);
    this.#messages.defs = messages;
    this.#view = new ReplicaView(schema);
    this.#tracks = new Tracks(schema);
    this.#clock = new Clock(nowUs, welcome.tick, tickRateHz, this.#def.marginTicks,
      this.#link.session.stats.rttUs);
    this.#isWelcomed = true;
    this.#state = 'playing';
    this.#promised?.resolve();
    this.#promised = undefined;
  }

  #takeResumeToken(bytes) {
    if (bytes.length !== TICKET_BYTES) {
      return;
    }
    if (!this.#hasFreshTokens) {
      this.#hasFreshTokens = true;
      this.#resumeTokens = [];
    }
    this.#resumeTokens.push(bytes);
    this.#resumeTokens = this.#resumeTokens.slice(-RESUME_TOKENS_MAX);
  }

  // Messages that the caller does not take in time are dropped: it may take none at all.
  #takeCustom(record) {
    if (!this.#isWelcomed || !this.#messages.take(record)) {
      this.#counts.messagesDropped++;
    }
  }

  // At the end of a packet, so that a handler that throws leaves nothing half done.
  #tellMessages() {
    while (this.onmessage && this.#messages.inbox.length > 0) {
      const {name, bytes} = this.#messages.inbox.shift();
      this.onmessage(name, bytes);
    }
  }

  #takeUpdate(record, nowUs) {
    if (!this.#isWelcomed) {
      return;
    }
    const update = readUpdate(record);
    if (update === undefined) {
      this.#counts.updatesRefused++;
      return;
    }
    const epochsAhead = ((update.epoch - this.#epoch) << 24) >> 24;
    if (epochsAhead < 0 || (this.#isRefreshing && epochsAhead === 0)) {
      return; // of a state that was given up
    }
    if (epochsAhead > 0) {
      this.#epoch = update.epoch;
      this.#isRefreshing = false;
      this.#needsRefresh = false;
    }
    this.#clock.take(nowUs, update, this.#def.marginTicks, this.#link.session.stats.rttUs);
    this.#actions.count(update.countedSequence);
    if (update.state.length > 0 && this.#view.decode(update.state) !== 'ok') {
      // The session has confirmed what cannot be decoded: the server builds on what is not here.
      this.#counts.updatesRefused++;
      this.#needsRefresh = true;
      this.#askRefresh(nowUs);
      return;
    }
    if (update.state.length > 0) {
      this.#tracks.note(this.#view);
    }
    this.#counts.updates++;
  }

  // Until the server may be told, what can be decoded is shown, with a gap in it.
  #askRefresh(nowUs) {
    if (!this.#needsRefresh || nowUs - this.#refreshedUs < REFRESH_US_MIN ||
        this.#link.session.push(MessageKind.refresh, new Uint8Array(0)) !== 'ok') {
      return;
    }
    this.#needsRefresh = false;
    this.#isRefreshing = true;
    this.#refreshedUs = nowUs;
    this.#counts.refreshes++;
    this.#view.clear();
    this.#tracks.clear();
  }

  // From the player.

  act(name, values = {}) {
    if (this.#state !== 'playing' || this.#actions.isFull) {
      return 0;
    }
    const {tick} = this;
    const sequence = this.#actions.act(name, values, tick);
    this.#clock.actionTick = tick;
    return sequence;
  }

  send(name, data = new Uint8Array(0)) {
    if (this.#state !== 'playing') {
      return false;
    }
    const {record, isReliable} = this.#messages.write(name, data);
    return isReliable
      ? this.#link.session.push(MessageKind.custom, record) === 'ok'
      : this.#messages.keep(record);
  }

  popMessage() {
    return this.#messages.inbox.shift();
  }
}
