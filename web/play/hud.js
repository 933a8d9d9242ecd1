// SPDX-License-Identifier: Apache-2.0

// The panels around the picture: the fighter's state, the connection's figures, scores, trade, and
// what to do while dead.

import {TEAM_NAMES} from './palette.js';
import {BASES, OUTPOSTS} from './skirmish_land.js';
import {Kind} from './world.js';

const EVERY_MS = 100;
const TRADE_M = 30;
const TRADE_POINTS = 5;
const DEAD_MS = 5000;
const RELOADING = 3;
const GRENADES_SHOWN_MAX = 9;
const AGE_BAD_MS = 400;
const QUIET_MS = 1500; // without a word, the player is told
const ROW_COUNT_MAX = 24;

function put(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

function whole(number) {
  return number === undefined ? '–' : String(Math.round(number));
}

/** The panels. */
export class Hud {
  constructor(page, nameOf) {
    this.nameOf = nameOf;
    this.page = page;
    this.parts = {};
    for (const id of ['hud', 'rtt', 'age', 'loss', 'fps', 'vitals', 'team-name', 'points', 'health',
      'armour', 'stamina', 'ammo', 'reserve', 'grenades', 'arms-note', 'trade', 'scores', 'teams',
      'players', 'down', 'down-left', 'down-by', 'hurt', 'lost']) {
      this.parts[id] = page.getElementById(id);
    }
    this.shownMs = 0;
    this.begin();
  }

  /** Begins anew, for a player who joins or has left. */
  begin() {
    this.deadMs = undefined; // since when the fighter has been dead
    this.hurt = 0;
    this.lastHealth = 100;
    this.canTrade = false;
    this.parts.hurt.hidden = true;
    this.parts.lost.hidden = true;
    this.showScores(false);
  }

  /** Shows or hides the scores. */
  showScores(isShown) {
    this.parts.scores.hidden = !isShown;
    this.shownMs = 0;
  }

  get hasScores() {
    return !this.parts.scores.hidden;
  }

  /**
   * @param {number} nowMs
   * @param {object} client
   * @param {import('./world.js').World} world
   * @param {{fps: number, beatenBy: number|undefined}} more
   */
  update(nowMs, client, world, more) {
    this.updateHurt(world, nowMs - this.frameMs);
    this.frameMs = nowMs;
    if (nowMs - this.shownMs < EVERY_MS) {
      return;
    }
    this.shownMs = nowMs;
    this.showFigures(client, more.fps);
    this.showVitals(world);
    this.showTrade(world);
    this.showDown(nowMs, world, more.beatenBy);
    this.parts.lost.hidden = client.state !== 'resuming' && client.stats.updateAgeMs < QUIET_MS;
    if (this.hasScores) {
      this.showTable(world);
    }
  }

  /** @private */
  updateHurt(world, passedMs) {
    const health = world.own?.health ?? this.lastHealth;
    if (health < this.lastHealth) {
      this.hurt = Math.min(1, this.hurt + 0.25 + (this.lastHealth - health) / 80);
    }
    this.lastHealth = health;
    const before = this.hurt;
    this.hurt = Math.max(0, this.hurt - (passedMs || 0) / 700);
    if (before > 0) {
      this.parts.hurt.hidden = this.hurt === 0;
      this.parts.hurt.style.opacity = this.hurt.toFixed(2);
    }
  }

  /** @private */
  showFigures(client, fps) {
    const {rttMs, updateAgeMs, lossRatio} = client.stats;
    put(this.parts.rtt, `${whole(rttMs)} ms`);
    put(this.parts.age, `${whole(updateAgeMs)} ms`);
    put(this.parts.loss, `${(100 * lossRatio).toFixed(lossRatio < 0.1 ? 1 : 0)} %`);
    put(this.parts.fps, whole(fps));
    this.parts.age.parentElement.classList.toggle('bad', updateAgeMs > AGE_BAD_MS);
  }

  /** @private */
  bar(name, value) {
    const element = this.parts[name];
    const share = Math.min(Math.max((value ?? 0) / 100, 0), 1);
    element.firstElementChild.style.transform = `scaleX(${share})`;
    put(element.lastElementChild, whole(value));
  }

  /** @private */
  showVitals(world) {
    const {own} = world;
    const {parts} = this;
    const team = own?.team ?? 0;
    parts.vitals.dataset.team = String(team);
    put(parts['team-name'], team > 0 ? `Team ${TEAM_NAMES[team]}` : '');
    put(parts.points, own === undefined ? '' : `${own.score} points`);
    this.bar('health', own?.health);
    this.bar('armour', own?.armour);
    this.bar('stamina', world.ownNumber('stamina'));
    parts.health.classList.toggle('low', (own?.health ?? 100) <= 30);
    const ammo = world.ownNumber('ammo');
    const isReloading = own?.look === RELOADING;
    put(parts.ammo, whole(ammo));
    parts.ammo.classList.toggle('low', (ammo ?? 30) <= 5);
    put(parts.reserve, ` / ${whole(world.ownNumber('reserve'))}`);
    const grenades = Math.max(0, world.ownNumber('grenades') ?? 0);
    put(parts.grenades, '●'.repeat(Math.min(grenades, GRENADES_SHOWN_MAX)));
    put(parts['arms-note'], isReloading ? 'reloading …' : ammo === 0 ? 'empty' : '');
  }

  /** @private */
  showTrade(world) {
    const {own} = world;
    const places = own === undefined ? [] : [BASES[own.team - 1], OUTPOSTS[own.team - 1]];
    const isNear = places.some((place) => place !== undefined &&
      Math.hypot(own.x - place[0], own.y - place[1]) < TRADE_M);
    this.canTrade = isNear && !own.isDead && own.score >= TRADE_POINTS;
    this.parts.trade.hidden = !this.canTrade;
  }

  /** @private */
  showDown(nowMs, world, beatenBy) {
    const {parts} = this;
    const isDead = world.own?.isDead ?? false;
    this.deadMs = isDead ? this.deadMs ?? nowMs : undefined;
    parts.down.hidden = !isDead;
    if (isDead) {
      const leftMs = Math.max(0, DEAD_MS - (nowMs - this.deadMs));
      put(parts['down-left'], (leftMs / 1000).toFixed(1));
      put(parts['down-by'], beatenBy === undefined ? ''
        : beatenBy === 65535 ? 'A guard was quicker.' : `${this.nameOf(beatenBy)} was quicker.`);
    }
  }

  /** @private */
  showTable(world) {
    const fighters = world.ready.filter(({kind, number}) => kind === Kind.fighter && number > 0);
    fighters.sort((a, b) => b.score - a.score || a.number - b.number);
    const sums = [0, 0, 0, 0, 0];
    const counts = [0, 0, 0, 0, 0];
    for (const {team, score} of fighters) {
      sums[team] += score;
      counts[team]++;
    }
    this.parts.teams.replaceChildren(...[1, 2, 3, 4].map((team) => {
      const box = this.page.createElement('div');
      const sum = this.page.createElement('b');
      const mark = this.page.createElement('span');
      box.dataset.team = String(team);
      mark.className = 'mark';
      sum.textContent = String(sums[team]);
      box.append(mark, `${TEAM_NAMES[team]}, ${counts[team]}`, sum);
      return box;
    }));
    let shown = fighters.slice(0, ROW_COUNT_MAX);
    if (world.own !== undefined && !shown.includes(world.own)) {
      shown = [...shown.slice(0, -1), world.own];
    }
    this.parts.players.replaceChildren(...shown.map((thing) => this.rowOf(thing, world)));
  }

  /** @private */
  rowOf(thing, world) {
    const row = this.page.createElement('tr');
    const mark = this.page.createElement('span');
    row.dataset.team = String(thing.team);
    row.classList.toggle('mine', thing === world.own);
    row.classList.toggle('dead', thing.isDead);
    mark.className = 'mark';
    const cells = [[this.nameOf(thing.number - 1)], [mark, TEAM_NAMES[thing.team] ?? ''],
      [thing.isDead ? 'down' : String(thing.health)], [String(thing.score)]];
    row.append(...cells.map((content, i) => {
      const cell = this.page.createElement('td');
      cell.className = i >= 2 ? 'figure' : '';
      cell.append(...content);
      return cell;
    }));
    return row;
  }
}
