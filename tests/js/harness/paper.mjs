// SPDX-License-Identifier: Apache-2.0

// A world made of paper: a server that says what a real one says, and what one never would, over a
// network in this process, on a clock that goes when it is told to.

import {BitWriter, ByteReader, ByteWriter} from '../../../sdk/js/bits.js';
import {CloseReason, writeClose} from '../../../sdk/js/packet.js';
import {MessageKind, RecordKind} from '../../../sdk/js/play.js';
import {Session} from '../../../sdk/js/session.js';

export const TICKET_BYTES = 2048;
const WELCOME_PART_BYTES = 1152;
const POSITION_STEPS = 20000;
const POSITION_BITS = 15;
const HEALTH_BITS = 8;
const BASE_NONE = 63;

export const actions = [
  {
    name: 'walk',
    rateHzMax: 60,
    params: [
      {name: 'heading', isReal: true, min: -4, max: 4, precision: 0.5},
      {name: 'speed', isReal: false, min: 0, max: 10, precision: 1},
    ],
  },
  {name: 'jump', rateHzMax: 10, params: []},
];

export const messages = [
  {name: 'chat', bytesMax: 200, flags: 3},
  {name: 'news', bytesMax: 200, flags: 1},
  {name: 'point', bytesMax: 100, flags: 2},
];

/** A schema of two fields in two sections: a position and a health. */
export function writeSchema() {
  const writer = new ByteWriter(512);
  writer.u8(1);
  writer.u16(60);
  writer.u16(64);
  for (const [rateHz, radiusM] of [[60, 100], [20, 200], [5, 300], [1, 400]]) {
    writer.u16(rateHz);
    writer.f32(radiusM);
  }
  writer.u8(2);
  for (const [name, type, lanes, encoding, channel, min, max, precision] of [
    ['position', 5, 3, 2, 0, -100, 100, 0.01], ['health', 0, 1, 0, 1, 0, 255, 1],
  ]) {
    writer.text(name);
    [type, lanes, encoding, channel, 0].forEach((value) => writer.u8(value));
    [min, max, precision].forEach((value) => writer.f32(value));
  }
  return writer.finish();
}

export function writeWelcome({tick = 1000, playerIndex = 3, isBack = false, game = 'paper',
  version = 1, tickRateHz = 60, schema = writeSchema(), moreActions = []} = {}) {
  const writer = new ByteWriter(20000);
  writer.u16(version);
  writer.u16(tickRateHz);
  writer.u64(tick);
  writer.u32(playerIndex);
  writer.u8(isBack ? 1 : 0);
  writer.text(game);
  writer.u32(7);
  const all = [...actions, ...moreActions];
  writer.varint(all.length);
  for (const action of all) {
    writer.text(action.name);
    writer.varint(action.rateHzMax);
    writer.varint(action.params.length);
    for (const param of action.params) {
      writer.text(param.name);
      writer.u8(param.isReal ? 1 : 0);
      [param.min, param.max, param.precision].forEach((value) => writer.f32(value));
    }
  }
  writer.varint(messages.length);
  for (const message of messages) {
    writer.text(message.name);
    writer.varint(message.bytesMax);
    writer.u8(message.flags);
  }
  writer.varint(schema.length);
  writer.space(schema);
  return writer.finish();
}

function putPosition(writer, place) {
  for (const metres of place) {
    writer.put(Math.round((metres + 100) / 0.01) % (POSITION_STEPS + 1), POSITION_BITS);
    writer.put(0, 1); // no motion
  }
}

/**
 * A state: entities that enter, those that leave, and positions that are sent whole.
 * @param {number} tick
 * @param {{enters?: object[], leaves?: number[], moves?: {index: number, place: number[]}[]}} what
 */
export function writeState(tick, {enters = [], leaves = [], moves = []}) {
  const writer = new BitWriter(1100);
  writer.put(moves.length, 16);
  writer.varint(tick);
  writer.put(0, 3);
  writer.put(moves[0]?.index ?? 0, 12);
  writer.put(1, 6);
  for (const index of leaves) {
    writer.put(1, 1);
    writer.put(index, 12);
  }
  writer.put(0, 1);
  for (const {index, id = BigInt(index + 1), kind = 1, isMine = false, place = [0, 0, 0]} of
    enters) {
    writer.put(1, 1);
    writer.put(index, 12);
    writer.put(id, 64);
    writer.put(kind, 16);
    writer.put(isMine ? 1 : 0, 1);
    writer.put(0b11, 2);
    putPosition(writer, place);
    writer.put(100, HEALTH_BITS);
  }
  writer.put(0, 1);
  let nextIndex = moves[0]?.index ?? 0;
  for (const {index, place} of moves) {
    const gap = index - nextIndex;
    writer.put(2 ** gap - 1, gap + 1); // so many ones and a zero
    nextIndex = index + 1;
    writer.put(0b111111, 6); // a new shape
    writer.put(0b11, 2); // the first section, of a base named in six bits
    writer.put(BASE_NONE, 6);
    writer.put(0, 1);
    putPosition(writer, place);
  }
  return writer.finish();
}

export function writeUpdate({epoch = 0, tick, counted = 0, age = 0, margin = 2, state = []}) {
  const writer = new ByteWriter(1200);
  writer.u8(epoch);
  writer.u16(tick & 0xffff);
  writer.varint(counted);
  writer.varint(age);
  writer.u8(margin & 0xff);
  writer.space(Uint8Array.from(state));
  return writer.finish();
}

/** An INPUT, undefined if it is none. */
export function readInput(bytes) {
  const reader = new ByteReader(bytes);
  const input = {newestTick: reader.varint(), actions: []};
  let sequence = reader.varint();
  let tick = reader.varint();
  for (let left = reader.u8(); left > 0 && !reader.isFailed; left--) {
    tick += reader.varint();
    const def = actions[reader.varint(actions.length - 1)];
    const steps = def.params.map(() => reader.varint());
    input.actions.push({sequence: sequence++, tick, name: def.name, steps});
  }
  return reader.isRead ? input : undefined;
}

/** A ticket: who, and of which issue. The rest is noise. */
export function writeTicket(player, issue) {
  const ticket = new Uint8Array(TICKET_BYTES).fill(0xa5);
  ticket[0] = player;
  ticket[1] = issue;
  return ticket;
}

// One connection, as the server has it.
class Peer {
  constructor(world, socket) {
    this.world = world;
    this.socket = socket;
    this.session = undefined; // before the ticket
    this.epoch = 0;
    this.counted = 0;
    this.margin = 2;
    this.states = []; // that are to be sent
    this.inputs = []; // all actions that came, once each
    this.newestTick = 0; // that an INPUT named
    this.inputCount = 0; // of the last INPUT
    this.received = []; // messages
    this.outbox = [];
    this.refreshes = 0;
    this.closeReason = undefined;
    this.isGone = false;
  }

  take(bytes) {
    if (this.session === undefined) {
      this.world.letIn(this, bytes);
      return;
    }
    const received = this.session.read(this.world.nowUs, bytes);
    if (received.status !== 'ok') {
      throw new Error(`the client wrote a packet that is ${received.status}`);
    }
    this.closeReason = received.closeReason || undefined;
    for (let message = this.session.pop(); message; message = this.session.pop()) {
      if (message.kind === MessageKind.refresh) {
        this.refreshes++;
        this.epoch = (this.epoch + 1) & 0xff;
      }
      this.received.push({...message, isReliable: true});
    }
    for (const blob of received.blobs) {
      if (blob.kind === RecordKind.input) {
        this.takeInput(blob.bytes);
      } else {
        this.received.push({...blob, isReliable: false});
      }
    }
  }

  takeInput(bytes) {
    const input = readInput(bytes);
    if (input === undefined) {
      throw new Error('the client wrote an INPUT that cannot be read');
    }
    this.newestTick = input.newestTick;
    this.inputCount = input.actions.length;
    for (const action of input.actions) {
      if (action.sequence > (this.inputs.at(-1)?.sequence ?? 0)) {
        this.inputs.push(action);
        this.counted = this.world.counts ? action.sequence : this.counted;
      }
    }
  }

  welcome(bytes = writeWelcome({tick: this.world.tick})) {
    let offset = 0;
    for (; bytes.length - offset > WELCOME_PART_BYTES; offset += WELCOME_PART_BYTES) {
      const part = bytes.subarray(offset, offset + WELCOME_PART_BYTES);
      this.push(MessageKind.welcomePart, part);
    }
    this.push(MessageKind.welcome, bytes.subarray(offset));
  }

  // What the session has no room for waits.
  push(kind, bytes = new Uint8Array(0)) {
    this.outbox.push([kind, bytes]);
  }

  // What is due in a tick.
  update() {
    if (this.session === undefined || this.isGone) {
      return;
    }
    while (this.outbox.length > 0 && this.session.push(...this.outbox[0]) === 'ok') {
      this.outbox.shift();
    }
    this.session.begin(this.world.nowUs, 800);
    const update = writeUpdate({
      epoch: this.epoch, tick: this.world.tick, counted: this.counted, margin: this.margin,
      state: this.states.shift(),
    });
    this.session.blob(RecordKind.update, update);
    this.send(this.session.end());
  }

  send(bytes) {
    this.world.network.carry(() => this.socket.deliver(bytes), true);
  }

  close(code, reason = '') {
    this.isGone = true;
    this.world.network.carry(() => this.socket.end(code, reason));
  }

  goodbye(reason, text) {
    this.send(writeClose(reason, text));
    this.close(1000);
  }
}

/** The clock and the lines between clients and a world. */
export class PaperNetwork {
  constructor() {
    this.nowMs = 5;
    this.delayMs = 20;
    this.isCut = false; // nothing arrives, and nobody is told
    this.isRefusing = false; // connections break at once
    this.loses = () => false; // packets from the server
    this.events = [];
    this.world = new PaperWorld(this);
    const network = this;
    this.WebSocket = class extends PaperSocket {
      constructor(url, protocol) {
        super(network, url, protocol);
      }
    };
    this.sockets = [];
  }

  carry(what, isPacket = false) {
    if (!this.isCut && !(isPacket && this.loses())) {
      this.events.push({atMs: this.nowMs + this.delayMs, what});
    }
  }

  /** What has arrived by now. */
  deliver() {
    while (this.events.length > 0 && this.events[0].atMs <= this.nowMs) {
      this.events.shift().what();
    }
  }

  /** Goes on by some ticks of the world; `each` is called in every one. */
  run(ticks, each = () => {}) {
    for (let i = 0; i < ticks; i++) {
      this.nowMs += 1000 / 60;
      this.world.tick++;
      this.deliver();
      each();
      this.world.peers.forEach((peer) => peer.update());
    }
  }
}

// The client's end of a connection.
class PaperSocket {
  constructor(network, url, protocol) {
    this.network = network;
    this.url = url;
    this.protocol = protocol;
    this.readyState = 0;
    this.bufferedAmount = 0;
    this.peer = undefined;
    network.sockets.push(this);
    network.carry(() => {
      if (network.isRefusing) {
        this.end(1006, '');
      } else if (this.readyState === 0) {
        this.readyState = 1;
        this.peer = network.world.accept(this);
        this.onopen();
      }
    });
  }

  send(bytes) {
    if (this.readyState !== 1) {
      throw new Error('the socket is not open');
    }
    const copy = bytes.slice();
    this.network.carry(() => this.peer.isGone || this.peer.take(copy));
  }

  close(code) {
    if (this.readyState < 2) {
      this.readyState = 3;
      this.closeCode = code;
      this.network.carry(() => {
        if (this.peer) {
          this.peer.isGone = true;
        }
      });
    }
  }

  deliver(bytes) {
    if (this.readyState === 1) {
      this.onmessage?.({data: typeof bytes === 'string' ? bytes : bytes.slice().buffer});
    }
  }

  end(code, reason) {
    if (this.readyState < 2) {
      this.readyState = 3;
      this.onerror?.({});
      this.onclose?.({code, reason, wasClean: code !== 1006});
    }
  }
}

class PaperWorld {
  constructor(network) {
    this.network = network;
    this.tick = 1000;
    this.peers = []; // in the order of coming
    this.tickets = [];
    this.counts = true; // actions as soon as they come
    this.welcomes = true; // by itself
    this.issue = 0;
    this.tokenCount = 2; // to come back with
    this.refusals = []; // reasons for the next that come
  }

  get nowUs() {
    return this.network.nowMs * 1000;
  }

  get peer() {
    return this.peers.at(-1);
  }

  accept(socket) {
    const peer = new Peer(this, socket);
    this.peers.push(peer);
    return peer;
  }

  letIn(peer, ticket) {
    this.tickets.push(ticket);
    if (ticket.length !== TICKET_BYTES) {
      throw new Error(`a ticket of ${ticket.length} bytes`);
    }
    peer.session = new Session({window: 64});
    if (this.refusals.length > 0) {
      peer.goodbye(this.refusals.shift(), 'not now');
      return;
    }
    if (ticket[1] < this.issue) {
      peer.goodbye(CloseReason.replaced, 'a newer token is in use');
      return;
    }
    this.issue = ticket[1];
    for (const other of this.peers) {
      if (other !== peer && other.session !== undefined && !other.isGone) {
        other.close(4011); // replaced
      }
    }
    if (this.welcomes) {
      peer.welcome();
      for (let i = 1; i <= this.tokenCount; i++) {
        peer.push(MessageKind.resume, writeTicket(ticket[0], this.issue + i));
      }
    }
  }
}
