// SPDX-License-Identifier: Apache-2.0

/** What happened: the newest events, with a filter. */

import { make, setText } from './dom.js';
import { formatCount, formatTime } from './format.js';

const KEPT_COUNT_MAX = 2000;
const ROW_COUNT_MAX = 200;
const ID_DIGITS = 8; // of a player whose name is not known
const ACTIVITIES = ['idle', 'travel', 'trade', 'combat'];

// Those that come in masses are shown only when they are asked for.
const GROUPS = [
  ['notable', 'All but activity', (event) => event.type !== 'player_activity'],
  ['all', 'All', () => true],
  ['players', 'Players come and go', (event) => /joined|left|lost|resumed/.test(event.type)],
  ['refused', 'Refused and kicked', (event) => /refused|kicked/.test(event.type)],
  ['ticks', 'Missed ticks', (event) => event.type === 'tick_missed'],
  ['activity', 'Activity', (event) => event.type === 'player_activity'],
  ['messages', 'Messages', (event) => event.type === 'client'],
  ['world', 'World', (event) => event.type.startsWith('instance_')],
];

function describe(event) {
  if (event.type === 'player_activity') {
    return ACTIVITIES[event.detail ?? 0] ?? '';
  }
  if (event.type === 'tick_missed') {
    return `${formatCount(event.detail)}, ${event.text}`;
  }
  return event.text ?? '';
}

/** The log of events. */
export class EventLog {
  /**
   * @param {HTMLElement} parent
   * @param {Function} nameOf  the name of a player id, '' if it is not known
   */
  constructor(parent, nameOf) {
    this.nameOf = nameOf;
    this.events = []; // newest last
    this.missedCount = 0;
    this.group = make('select', { id: 'events-group', 'aria-label': 'Kind of events' },
      ...GROUPS.map(([value, text]) => make('option', { value }, text)));
    this.search = make('input', {
      type: 'search', id: 'events-search', placeholder: 'Player or text',
      'aria-label': 'Only events with this player or text',
    });
    this.note = make('span', { className: 'muted figure', id: 'events-note' });
    this.body = make('tbody', { id: 'events-body' });
    this.group.addEventListener('change', () => this.draw());
    this.search.addEventListener('input', () => this.draw());
    parent.append(
      make('div', { className: 'toolbar' }, this.group, this.search,
        make('span', { className: 'spring' }), this.note),
      make('div', { className: 'scroll' }, make('table', {},
        make('thead', {}, make('tr', {},
          ...['Time', 'Tick', 'What', 'Player', 'Detail'].map((title) =>
            make('th', { scope: 'col' }, title)))),
        this.body)));
  }

  add(events, missedCount) {
    this.missedCount += missedCount;
    this.events.push(...events);
    this.events.splice(0, Math.max(0, this.events.length - KEPT_COUNT_MAX));
    this.draw();
  }

  clear() {
    this.events = [];
    this.missedCount = 0;
    this.draw();
  }

  // A name may become known after the event.
  readName(event) {
    const id = event.player_id;
    return id === undefined ? '' : this.nameOf(id) || `${id.slice(0, ID_DIGITS)}…`;
  }

  draw() {
    const [, , belongs] = GROUPS.find(([value]) => value === this.group.value);
    const wanted = this.search.value.trim().toLowerCase();
    const found = this.events.filter((event) => belongs(event) &&
      `${this.readName(event)} ${event.player_id ?? ''} ${event.type} ${describe(event)}`
        .toLowerCase().includes(wanted));
    const missed = this.missedCount > 0 ? ` · ${formatCount(this.missedCount)} missed` : '';
    const shown = `${formatCount(found.length)} of ${formatCount(this.events.length)}`;
    setText(this.note, shown + missed);
    this.body.replaceChildren(...found.slice(-ROW_COUNT_MAX).reverse().map((event) =>
      make('tr', { 'data-type': event.type },
        make('td', { className: 'figure' }, formatTime(event.time_ms)),
        make('td', { className: 'figure number' }, formatCount(event.tick)),
        make('td', {}, event.type.replaceAll('_', ' ')),
        make('td', { title: event.player_id ?? '' }, this.readName(event)),
        make('td', { className: 'long' }, describe(event)))));
  }
}
