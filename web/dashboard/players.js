// SPDX-License-Identifier: Apache-2.0

/** Who is in the world, and what operators do about it. */

import { make, setText } from './dom.js';
import { formatBytes, formatDuration, formatShort } from './format.js';

const ROW_COUNT_MAX = 300;

const COLUMNS = [
  { key: 'name', title: 'Name', read: (player) => player.name, isText: true },
  {
    key: 'latency', title: 'Latency', read: (player) => player.latency_ms,
    show: (player) => (player.latency_ms > 0 ? `${formatShort(player.latency_ms)} ms` : '–'),
  },
  {
    key: 'loss', title: 'Loss', read: (player) => player.loss,
    show: (player) => `${formatShort(player.loss * 100)} %`,
  },
  {
    key: 'activity', title: 'Activity', read: (player) => player.activity, isText: true,
    show: (player) => (player.connected ? player.activity : 'lost'),
  },
  {
    key: 'sent', title: 'Sent', read: (player) => player.bytes_sent,
    show: (player) => formatBytes(player.bytes_sent),
  },
  {
    key: 'received', title: 'Received', read: (player) => player.bytes_received,
    show: (player) => formatBytes(player.bytes_received),
  },
  {
    key: 'since', title: 'Here for', read: (player) => -player.joined_ms,
    show: (player) => formatDuration(Date.now() - player.joined_ms),
  },
];

/** The table of players. */
export class PlayersTable {
  /**
   * @param {HTMLElement} parent
   * @param {object} handlers
   * @param {Function} handlers.onFollow  a player's index
   * @param {Function} handlers.onAct     'message', 'kick' or 'ban', and the player
   */
  constructor(parent, handlers) {
    this.handlers = handlers;
    this.players = [];
    this.rows = new Map(); // by player id
    this.sortKey = 'name';
    this.isRising = true;
    this.search = make('input', {
      type: 'search', id: 'players-search', placeholder: 'Name, id or address',
      'aria-label': 'Only players with this name, id or address',
    });
    this.search.addEventListener('input', () => this.draw());
    this.note = make('span', { className: 'muted figure', id: 'players-note' });
    this.heads = COLUMNS.map((column) => this.makeHead(column));
    this.body = make('tbody', { id: 'players-body' });
    parent.append(
      make('div', { className: 'toolbar' }, this.search, make('span', { className: 'spring' }),
        this.note),
      make('div', { className: 'scroll' }, make('table', {},
        make('thead', {}, make('tr', {}, ...this.heads,
          make('th', { scope: 'col' }, make('span', { className: 'offscreen' }, 'Actions')))),
        this.body)));
  }

  makeHead(column) {
    const button = make('button', { type: 'button' }, column.title);
    const head = make('th', { scope: 'col', className: column.isText ? '' : 'number' }, button);
    button.addEventListener('click', () => {
      this.isRising = this.sortKey === column.key ? !this.isRising : true;
      this.sortKey = column.key;
      this.draw();
    });
    return head;
  }

  show(players) {
    this.players = players;
    this.draw();
  }

  makeButton(text, className, onClick) {
    const button = make('button', { type: 'button', className }, text);
    button.addEventListener('click', onClick);
    return button;
  }

  makeRow(id) {
    const row = { player: undefined };
    const act = (what) => () => this.handlers.onAct(what, row.player);
    row.cells = COLUMNS.map((column) =>
      make('td', { className: column.isText ? '' : 'number figure' }));
    const actions = make('td', { className: 'actions' },
      this.makeButton('Follow', '', () => this.handlers.onFollow(row.player.index)),
      this.makeButton('Message', 'operate', act('message')),
      this.makeButton('Kick', 'operate danger', act('kick')),
      this.makeButton('Ban', 'operate danger', act('ban')));
    row.element = make('tr', { 'data-player': id }, ...row.cells, actions);
    return row;
  }

  matches(player) {
    const wanted = this.search.value.trim().toLowerCase();
    return [player.name, player.player_id, player.address]
      .some((text) => text.toLowerCase().includes(wanted));
  }

  // Names with numbers in them are in the order of the numbers.
  compare(first, second) {
    const column = COLUMNS.find(({ key }) => key === this.sortKey);
    const left = column.read(first);
    const right = column.read(second);
    const order = column.isText
      ? left.localeCompare(right, 'en', { numeric: true })
      : left - right;
    return (this.isRising ? order : -order) || first.index - second.index;
  }

  draw() {
    for (const [index, column] of COLUMNS.entries()) {
      const isSorted = column.key === this.sortKey;
      const order = this.isRising ? 'ascending' : 'descending';
      this.heads[index].setAttribute('aria-sort', isSorted ? order : 'none');
    }
    const found = this.players.filter((player) => this.matches(player));
    const shown = found.sort((a, b) => this.compare(a, b)).slice(0, ROW_COUNT_MAX);
    const more = found.length > shown.length ? `, the first ${shown.length} shown` : '';
    setText(this.note, `${found.length} of ${this.players.length}${more}`);
    const rows = new Map();
    for (const [place, player] of shown.entries()) {
      const row = this.rows.get(player.player_id) ?? this.makeRow(player.player_id);
      row.player = player;
      rows.set(player.player_id, row);
      for (const [index, column] of COLUMNS.entries()) {
        setText(row.cells[index], column.show ? column.show(player) : column.read(player));
      }
      row.cells[0].title = `${player.player_id}\n${player.address}`;
      // Moving an element takes its focus, so that only those move that stand elsewhere.
      if (this.body.children[place] !== row.element) {
        this.body.insertBefore(row.element, this.body.children[place] ?? null);
      }
    }
    for (const [id, row] of this.rows) {
      if (!rows.has(id)) {
        row.element.remove();
      }
    }
    this.rows = rows;
  }
}
