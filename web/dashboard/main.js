// SPDX-License-Identifier: Apache-2.0

/** The dashboard: logs in where it must, asks for everything there is, and shows it. */

import { Api, ApiError } from './api.js';
import { Charts } from './charts.js';
import { byId, make, makeTabs, setText } from './dom.js';
import { EventLog } from './events.js';
import { Feeds } from './feed.js';
import { formatCount, formatShort } from './format.js';
import { MapView } from './map.js';
import { Interval } from './metrics.js';
import { Orders } from './orders.js';
import { readPalette, watchTheme } from './palette.js';
import { PlayersTable } from './players.js';
import { ReplayPanel } from './replay.js';
import { showTiles } from './tiles.js';

const STALE_MS = 2000;
const WATCH_MS = 250;
const ANNOUNCE_MS = 4000;
const SLOW_SAMPLES = 4; // for what the server counts once a second only

/** What the page has done so far, for tests and for the curious. */
const progress = { frames: 0, maps: 0, map: undefined, samples: 0, drawMs: 0, drawMsMax: 0 };
window.musterDashboard = progress;
progress.zoom = () => map.zoom;
progress.shown = () => map.map;

const api = new Api();
const state = {
  status: { tick_rate_hz: 60, game: '' },
  sample: undefined,
  samples: [], // the newest last
  players: new Map(), // by player index
  heardMs: performance.now(), // when the world moved last
  tick: 0,
  isStale: false,
  names: new Map(), // by player id, also of those who have left
};

const map = new MapView(
  { stage: byId('map-stage'), canvas: byId('map'), overlay: byId('map-overlay') },
  { onPick: follow, onPoint: showPointed });
const charts = new Charts(byId('figures'), readPalette);
const events = new EventLog(byId('events'), (id) => state.names.get(id) ?? '');
const orders = new Orders(api, (what, player) => announce(
  { message: 'Message sent to', kick: 'Kicked', ban: 'Banned' }[what], player));
const table = new PlayersTable(byId('players'), {
  onFollow: follow,
  onAct: (what, player) => orders.ask(what, player),
});
const replay = new ReplayPanel(byId('replay'), { onShow: showReplay });
map.nameOf = (playerIndex) =>
  (replay.recording === undefined ? state.players.get(playerIndex)?.name : undefined) ??
  `player ${playerIndex}`;

const feeds = new Feeds(api, {
  live: takeLive,
  sample: takeSample,
  players: takePlayers,
  events: takeEvents,
  denied: () => showLogin(),
});

// What comes.

function noteTick(tick) {
  if (tick !== state.tick) {
    state.tick = tick;
    state.heardMs = performance.now();
  }
}

function takeLive(live) {
  noteTick(live.tick);
  progress.maps++;
  progress.map = live;
  if (replay.recording === undefined) {
    showMap(live, '');
  }
}

// A recorded run has other players, whose names nobody knows.
function showReplay(recorded) {
  document.body.classList.toggle('is-replay', recorded !== undefined);
  if (recorded !== undefined) {
    showMap(recorded, 'replay · ');
  }
}

function showMap(live, prefix) {
  map.show(live);
  const shown = live.pointCount < live.entityCount ? `${formatCount(live.pointCount)} of ` : '';
  setText(byId('map-note'),
    `${prefix}tick ${formatCount(live.tick)} · ${shown}${formatCount(live.entityCount)} entities`);
}

function takeSample(sample) {
  const ticks = sample.read('muster_ticks_total');
  if (state.sample !== undefined && ticks < state.sample.read('muster_ticks_total')) {
    startAnew();
  }
  const interval = state.sample === undefined ? undefined : new Interval(state.sample, sample);
  state.sample = sample;
  state.samples.push(sample);
  state.samples.splice(0, state.samples.length - SLOW_SAMPLES);
  progress.samples++;
  if (interval === undefined || interval.growth('muster_ticks_total') > 0) {
    state.heardMs = performance.now();
  }
  showTiles(sample, interval, state.status.tick_rate_hz);
  if (interval !== undefined) {
    charts.add(interval, new Interval(state.samples[0], sample), state.status.tick_rate_hz);
    charts.draw();
  }
}

function takePlayers(players) {
  state.players = new Map(players.map((player) => [player.index, player]));
  for (const player of players) {
    state.names.set(player.player_id, player.name);
  }
  table.show(players);
}

function takeEvents(list, missedCount) {
  events.add(list, missedCount);
}

// The server runs anew: nothing that was counted before goes on.
function startAnew() {
  state.sample = undefined;
  state.samples = [];
  state.names.clear();
  charts.clear();
  events.clear();
  feeds.restart();
  learnStatus();
}

async function learnStatus() {
  try {
    state.status = await api.json('/v1/status');
    replay.tickRateHz = state.status.tick_rate_hz;
    setText(byId('game'), state.status.game);
  } catch (error) {
    if (!(error instanceof ApiError)) {
      throw error;
    }
  }
}

// What is shown.

function follow(playerIndex) {
  map.follow(playerIndex);
  byId('map-following').hidden = playerIndex < 0;
  setText(byId('map-following-name'), playerIndex < 0 ? '' : map.nameOf(playerIndex));
}

function showPointed(place) {
  if (place === undefined) {
    setText(byId('map-pointed'), '');
    return;
  }
  const where = `${formatShort(Math.round(place.x))} m, ${formatShort(Math.round(place.y))} m`;
  const load = place.index < 0 ? '' : ` · cost ${formatCount(place.cost)} · ` +
    `${formatCount(place.bodies)} bodies · ${formatCount(place.players)} players`;
  setText(byId('map-pointed'), where + load);
}

let announceTimer;

function announce(text, player) {
  const note = byId('announcement');
  setText(note, `${text} ${player.name || player.player_id}.`);
  note.hidden = false;
  clearTimeout(announceTimer);
  announceTimer = setTimeout(() => {
    note.hidden = true;
  }, ANNOUNCE_MS);
}

function showLegend() {
  const rows = [
    ['team-1', 'Team 1'], ['team-2', 'Team 2'], ['team-3', 'Team 3'], ['team-4', 'Team 4'],
    ['team-5', 'Camps'], ['loose', 'Loose things'], ['heat', 'Cost'],
  ];
  byId('map-legend').replaceChildren(...rows.map(([name, text]) =>
    make('li', {}, make('span', { className: `swatch ${name}` }), text)));
}

function watchHealth() {
  if (!byId('login').hidden) {
    setText(byId('health'), 'not logged in');
    return;
  }
  const quietMs = performance.now() - state.heardMs;
  const isStale = quietMs > STALE_MS;
  const pill = byId('health');
  if (isStale) {
    setText(pill, `stale for ${Math.floor(quietMs / 1000)} s`);
  } else if (state.sample !== undefined) {
    setText(pill, 'live');
  }
  pill.dataset.state = isStale ? 'stale' : state.sample === undefined ? 'waiting' : 'live';
  document.body.classList.toggle('is-stale', isStale);
  if (state.isStale && !isStale) {
    begin(); // it may be another run of the server, which knows nobody
  }
  state.isStale = isStale;
}

function drawFrame(nowMs) {
  const before = map.drawCount;
  replay.advance(nowMs);
  map.draw(nowMs);
  progress.frames++;
  if (map.drawCount !== before) {
    progress.drawMs = map.drawMs;
    progress.drawMsMax = Math.max(progress.drawMsMax, map.drawMs);
  }
  requestAnimationFrame(drawFrame);
}

// Who asks.

function showLogin() {
  feeds.stop();
  byId('dashboard').hidden = true;
  byId('login').hidden = false;
  byId('login-key').focus();
  showRole();
}

function showRole() {
  const { role, authentication } = api.session;
  setText(byId('role'), authentication && role !== 'nobody' ? role : '');
  byId('share').hidden = !authentication || !api.isOperator;
  byId('logout').hidden = !authentication || role === 'nobody';
  document.body.classList.toggle('may-operate', api.isOperator);
}

function showDashboard() {
  byId('login').hidden = true;
  byId('dashboard').hidden = false;
  showRole();
  state.heardMs = performance.now();
  map.resize();
  feeds.start();
}

async function begin() {
  try {
    await api.refreshSession();
  } catch (error) {
    if (!(error instanceof ApiError)) {
      throw error;
    }
    setTimeout(begin, STALE_MS);
    return;
  }
  if (!api.isKnown) {
    showLogin();
    return;
  }
  await learnStatus();
  showDashboard();
}

async function logIn(event) {
  event.preventDefault();
  const field = byId('login-key');
  setText(byId('login-problem'), '');
  try {
    await api.logIn(field.value.trim());
    field.value = '';
    await begin();
  } catch (error) {
    setText(byId('login-problem'), error.message);
    field.select();
  }
}

byId('login-form').addEventListener('submit', logIn);
byId('logout').addEventListener('click', async () => {
  feeds.stop(); // what is asked from now on would be refused
  await api.logOut();
  showLogin();
});
byId('share').addEventListener('click', () => {
  byId('share-key').value = api.session.viewer_key;
  byId('share-dialog').showModal();
  byId('share-key').select();
});
byId('map-in').addEventListener('click', () => map.zoomBy(1.6));
byId('map-out').addEventListener('click', () => map.zoomBy(1 / 1.6));
byId('map-fit').addEventListener('click', () => {
  follow(-1);
  map.fit();
});
byId('map-unfollow').addEventListener('click', () => follow(-1));
byId('map-partitions').addEventListener('change', (event) => {
  map.setPartitions(event.target.checked);
});
watchTheme(byId('theme'), () => {
  map.setTheme();
  charts.setTheme();
});
makeTabs(byId('tabs'), () => charts.draw());
showLegend();
map.setTheme();
charts.setTheme();
setInterval(watchHealth, WATCH_MS);
requestAnimationFrame(drawFrame);
begin();
