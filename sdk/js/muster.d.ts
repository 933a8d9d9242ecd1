// SPDX-License-Identifier: Apache-2.0

// What muster.js exports. Times are in milliseconds, places in metres, unless the name says
// otherwise. Nothing that a server sends makes a call throw; what a caller gets wrong does.

/** Why a connection ends; a server of tomorrow may have others. */
export const CloseReason: {
  readonly none: 0;
  readonly left: 1;
  readonly kicked: 2;
  readonly refused: 3;
  readonly full: 4;
  readonly draining: 5;
  readonly replaced: 6;
  readonly version: 7;
  readonly protocol: 8;
  readonly limit: 9;
  readonly ended: 10;
  readonly unreachable: 11;
};

/** What cannot go on: login(), join() and Client.connect() reject with it. */
export class MusterError extends Error {
  /**
   * For programs: 'closed' or 'unreachable', or of a login the server's own, such as 'rate' and
   * 'draining', of which a later try makes sense.
   */
  readonly code: string;
  /** One of CloseReason, if the server has closed the connection. */
  readonly closeReason: number;
  /** Of the server's HTTP answer, 0 without one. */
  readonly status: number;
  constructor(code: string, message: string, more?: { closeReason?: number; status?: number });
}

export interface LoginOptions {
  /** Shown to others: 1 to 31 bytes. */
  name?: string;
  /** With the API key only: 32 hexadecimal digits. */
  playerId?: string;
  partyId?: number;
  /** Subscription, 0 to 255. */
  tier?: number;
  /** Of a studio's back end; guests have none. It does not belong into a page. */
  apiKey?: string;
  /** Default 10,000. */
  timeoutMs?: number;
}

export interface Ticket {
  /** 2,048 bytes, good for one connection. */
  token: Uint8Array;
  /** 32 hexadecimal digits. */
  playerId: string;
  tickRateHz: number;
  /** In which the token must be used. */
  tokenLifetimeS: number;
}

/** Asks for a ticket. */
export function login(server: string | URL, options?: LoginOptions): Promise<Ticket>;

/** Logs in and joins. Resolves when the client plays. */
export function join(server: string | URL, options?: LoginOptions & ClientOptions):
  Promise<Client>;

/** The part of the WebSocket interface that a client uses. */
export type WebSocketClass = new (url: string, protocol: string) => {
  binaryType: any;
  readonly readyState: number;
  readonly bufferedAmount: number;
  onopen: any;
  onmessage: any;
  onclose: any;
  onerror: any;
  send(bytes: Uint8Array): void;
  close(code?: number): void;
};

export interface ClientOptions {
  /** Default the page's own. */
  WebSocket?: WebSocketClass;
  /** A clock in milliseconds that does not go back. Default performance.now(). */
  now?: () => number;
  /** Silence after which a new connection is tried. Default 1,500. */
  resumeAfterMs?: number;
  /** How long it is tried. Default 30,000. */
  resumeWindowMs?: number;
  /** The tick margin that actions should arrive with, 0 to 16. Default 2. */
  marginTicks?: number;
  /** Ticks between two packets of actions, 1 to 4. Default 1. */
  sendTicks?: number;
  /** How often a second the client updates itself; 0 leaves it to the caller. Default 60. */
  autoUpdate?: number;
}

export type ClientState =
  /** At rest. */
  | 'idle'
  /** Opening a connection. */
  | 'connecting'
  /** Connected, and waiting for the server's tables. */
  | 'joining'
  /** In the world. */
  | 'playing'
  /** In the world, but nothing is heard: opening a new connection. */
  | 'resuming'
  /** The server has ended it: closeReason says why. */
  | 'closed'
  /** The connection could not be made, or was not to be had back. */
  | 'unreachable';

export interface Param {
  readonly name: string;
  /** False for whole numbers. */
  readonly isReal: boolean;
  readonly min: number;
  readonly max: number;
  /** Values are rounded to so much. */
  readonly precision: number;
}

export interface Action {
  readonly index: number;
  readonly name: string;
  /** More a second are refused. */
  readonly rateHzMax: number;
  readonly params: readonly Param[];
}

export interface Message {
  readonly index: number;
  readonly name: string;
  readonly bytesMax: number;
  readonly isReliable: boolean;
  readonly isFromPlayers: boolean;
}

/** A replicated field. */
export interface Field {
  readonly name: string;
  readonly laneCount: number;
  readonly min: number;
  readonly max: number;
  readonly precision: number;
}

/** What the server has told of its game. */
export interface Tables {
  readonly game: string;
  readonly rulesVersion: number;
  readonly tickRateHz: number;
  /** The player's, in this world. */
  readonly playerIndex: number;
  /** True for a player who was here already. */
  readonly isBack: boolean;
  readonly actions: readonly Action[];
  readonly messages: readonly Message[];
  readonly fields: readonly Field[];
}

/** An entity as a client knows it; the same object for as long as it is known. */
export interface Entity {
  /** Where it is in the view. Another entity may have it later. */
  readonly index: number;
  readonly id: bigint;
  /** The game's kind. */
  readonly kind: number;
  /** Whether it belongs to this player, as of when it came. */
  readonly isMine: boolean;
}

/** The entities that the player may see. Of fields each takes its name or its place. */
export interface View {
  /** The newest tick of all states, 0 before the first. */
  readonly tick: number;
  /** Entities that are known. */
  readonly count: number;
  entities(): IterableIterator<Entity>;
  entity(index: number): Entity | undefined;
  /** The tick of a field's newest state, 0 if it is not known. */
  fieldTick(index: number, field: string | number): number;
  /** The numbers of a field's lanes, undefined if it is not known; `out` saves an array. */
  numbers(index: number, field: string | number): number[] | undefined;
  numbers<T extends { [lane: number]: number }>(
    index: number, field: string | number, out: T): T | undefined;
  /** How fast a position changes, in metres a second. */
  motion(index: number, field: string | number): number[] | undefined;
  motion<T extends { [lane: number]: number }>(
    index: number, field: string | number, out: T): T | undefined;
  /**
   * What became of an entity: it can be seen from now on, or it is gone. Take them each frame: when
   * they have no room, states cannot be taken in.
   */
  popEvent(): { type: 'enter' | 'leave'; entity: Entity; tick: number } | undefined;
}

/** An action that has not counted yet. */
export interface PendingAction {
  /** That it is meant for. */
  tick: number;
  sequence: number;
  action: string;
  /** As the server will see them: rounded to the parameters' steps. */
  values: { [param: string]: number };
}

export interface Stats {
  /** Round trip, 0 while unknown. */
  rttMs: number;
  /** Share of packets that the server did not get or did not answer. */
  lossRatio: number;
  /** How far behind the newest tick the picture is drawn. */
  interpolationMs: number;
  /** How early the last actions were, as the server says; negative if late. */
  marginTicks: number;
  /** How old the newest known state is, the way from the server included. */
  updateAgeMs: number;
  updates: number;
  updatesRefused: number;
  refreshes: number;
  resumes: number;
  packetsSent: number;
  packetsReceived: number;
  bytesSent: number;
  bytesReceived: number;
  /** Messages that are not in the tables, or that nobody took in time. */
  messagesDropped: number;
}

/** A client: joins a world, sends actions, holds what the player may see, comes back by itself. */
export class Client {
  /** @throws TypeError if there is no WebSocket class */
  constructor(options?: ClientOptions);

  readonly state: ClientState;
  /** One of CloseReason when 'closed', else 0. */
  readonly closeReason: number;
  /** The server's words for it. */
  readonly closeText: string;
  /** Undefined before the client plays. */
  readonly tables: Tables | undefined;
  /** A new connection comes with a new view, so ask each frame. Undefined before it plays. */
  readonly view: View | undefined;
  /**
   * The player's own entity; of several, such as a character and what it shot, the one of the kind
   * that came first.
   */
  readonly own: Entity | undefined;

  /** The tick that an action made now is meant for; 0 unless the client plays. */
  readonly tick: number;
  /** The newest that an update has brought. */
  readonly newestTick: number;
  /**
   * What a picture drawn now should show, with a fraction: so much in the past that most updates
   * have arrived. Runs evenly and never back while the client plays.
   */
  readonly renderTick: number;
  /** The newest action that has counted. */
  readonly counted: number;
  readonly stats: Stats;

  /**
   * Joins with a token of a login, as bytes or Base64. Resolves when the client plays.
   * @throws RangeError if the token has not 2,048 bytes
   */
  connect(server: string | URL, token: Uint8Array | string): Promise<void>;
  /** Leaves the world and tells the server. */
  leave(): void;
  /** Does what is due: each frame, also beside `autoUpdate`, so that the picture runs evenly. */
  update(): void;

  /**
   * Acts, in `tick`. Values are brought into range and rounded; those left out are 0.
   * @returns the action's number; 0 while the client does not play, or too many wait to count
   * @throws RangeError if the game has no such action, or the action no such parameter
   */
  act(name: string, values?: { [param: string]: number | boolean }): number;
  /** Actions that have not counted yet, oldest first: a prediction runs them on the newest state. */
  pending(): PendingAction[];

  /**
   * Sends a message of the game's table.
   * @returns false while the client does not play, or too much waits to be sent
   * @throws RangeError if the game has none of that name for players, or it is too long
   */
  send(name: string, data?: Uint8Array | string): boolean;
  /** Called for each message that comes; without it they wait for popMessage(), at most 256. */
  onmessage: ((name: string, bytes: Uint8Array) => void) | undefined;
  popMessage(): { name: string; bytes: Uint8Array } | undefined;

  /**
   * Where an entity was at a tick, between its states: x, y and z of its first position.
   * @param tick renderTick for all but the player's own entity
   */
  place(index: number, tick: number): number[] | undefined;
}

/** How a game moves the player's own entity. A state has a `place` and what else the rule needs. */
export interface MoveRule<State extends { place: number[] }> {
  create(): State;
  copy(from: State, to: State): void;
  /** Takes into a state what the server says of the entity at an index. */
  correct(state: State, view: View, index: number): void;
  /** Moves a state on to a tick, with the actions that count in it. */
  step(state: State, actions: PendingAction[], tick: number): void;
}

/**
 * Where the player's own entity will be when the server has counted what the player did: the newest
 * state, run on by the game's own rule. Corrections fade instead of jumping.
 */
export class Predictor<State extends { place: number[] } = any> {
  /**
   * @param options in how long corrections fade (100), and from what distance on they are shown at
   *   once (4)
   */
  constructor(rule: MoveRule<State>, options?: { fadeMs?: number; jumpM?: number });
  /** The newest state as the rule has it, undefined while the player has no entity. */
  readonly state: State | undefined;
  /** Looks at what is new: once a frame, after the client's own update(). */
  update(client: Client, nowMs: number): void;
  /** Where to draw the entity, undefined while the player has none. */
  place(out?: number[]): number[] | undefined;
  /** Forgets everything. */
  clear(): void;
}
