// SPDX-License-Identifier: Apache-2.0

// The page that plays: joins, and draws and acts in every frame. `window.muster` is for tests.

import {Predictor, join} from '/sdk/js/muster.js';
import {Camera} from './camera.js';
import {Chat} from './chat.js';
import {Controls} from './controls.js';
import {Effects} from './effects.js';
import {Ground} from './ground.js';
import {Hud} from './hud.js';
import {Minimap} from './minimap.js';
import {Obstacles} from './obstacles.js';
import {readPalette} from './palette.js';
import {Roster} from './roster.js';
import {Scene} from './scene.js';
import {SkirmishLand} from './skirmish_land.js';
import {SkirmishMove} from './skirmish_move.js';
import {Sprites} from './sprites.js';
import {Kind, World} from './world.js';

const HIDDEN_EVERY_MS = 200;
const RESUME_AFTER_MS = 2500; // a stream makes up for what a line loses, given time
const LEAD_SHARE = 0.22; // of the way to the pointer that the camera looks ahead
const FRAME_COUNT = 120; // that the rate of frames is taken from
const PASSED_MS_MAX = 250; // that effects and turns go on by in a frame
const SHAKE_REACH_M = 45;
const SPRINT_MPS = 7;
const NAME_KEY = 'muster.name';

const page = document;
const byId = (id) => page.getElementById(id);

/** The whole page. */
class Play {
  constructor() {
    this.canvas = byId('scene');
    this.context = this.canvas.getContext('2d', {alpha: false});
    this.camera = new Camera(this.canvas);
    this.effects = new Effects();
    this.world = new World(this.effects);
    this.controls = new Controls(this.canvas, {move: byId('move-stick'), aim: byId('aim-stick')},
      this.camera, this.world, this.effects);
    this.scene = new Scene(this.context, this.camera, new Sprites(), this.effects);
    this.minimap = new Minimap(byId('minimap'));
    this.roster = new Roster();
    this.nameOf = (index) => this.roster.nameOf(index);
    this.hud = new Hud(page, this.nameOf);
    this.chat = new Chat(page, this.nameOf, (index) => this.findTeam(index));
    this.client = undefined;
    this.predictor = undefined;
    this.ground = undefined;
    this.obstacles = undefined;
    this.palette = readPalette();
    this.name = '';
    this.frames = 0;
    this.frameMs = 0; // of the last frame
    this.frameTimes = [];
    this.placedMs = 0; // when the own fighter was placed
    this.placedPassedMs = 0; // since the time before
    this.workMs = 0; // that a frame takes, smoothed
    this.ownPlace = [0, 0, 0];
    this.isOwnKnown = false;
    this.jumpM = 0; // the largest step of the own fighter beyond what it can walk
    this.lookAt = [600, 350];
    this.listen();
    requestAnimationFrame((nowMs) => this.frame(nowMs));
    setInterval(() => page.hidden && this.client && this.world.take(this.client), HIDDEN_EVERY_MS);
  }

  get fighters() {
    return this.world.ready.filter(({kind, number}) => kind === Kind.fighter && number > 0);
  }

  findTeam(index) {
    return this.fighters.find(({number}) => number === index + 1)?.team ?? 0;
  }

  // What the player presses.

  listen() {
    window.addEventListener('resize', () => this.camera.resize());
    matchMedia('(prefers-color-scheme: light)').addEventListener('change', () => this.repaint());
    const showSticks = () => page.body.classList.add('touch');
    window.addEventListener('touchstart', showSticks, {once: true, passive: true});
    if (matchMedia('(pointer: coarse)').matches) {
      showSticks();
    }
    byId('join').addEventListener('submit', (event) => {
      event.preventDefault();
      this.join(byId('name').value.trim());
    });
    byId('name').value = this.remembered();
    byId('show-score').addEventListener('click', () => this.hud.showScores(!this.hud.hasScores));
    byId('show-map').addEventListener('click', () => this.minimap.toggle());
    byId('minimap').addEventListener('click', () => this.minimap.toggle());
    byId('show-chat').addEventListener('click', () => this.chat.open(false));
    byId('show-help').addEventListener('click', () => byId('help').showModal());
    byId('leave').addEventListener('click', () => this.client?.leave());
    byId('touch-throw').addEventListener('click', () => this.controls.throw());
    byId('touch-reload').addEventListener('click', () => this.controls.want('reload'));
    byId('beside-party').addEventListener('change', ({target}) =>
      this.controls.want('respawn', {beside_party: target.checked ? 1 : 0}));
    for (const button of byId('trade').querySelectorAll('button')) {
      button.addEventListener('click', () => this.trade(Number(button.dataset.what)));
    }
    this.controls.onkey = (code) => this.press(code);
    this.chat.onsay = (name, bytes) => this.client?.send(name, bytes) ?? false;
    this.chat.onclose = () => this.canvas.focus();
    window.addEventListener('pagehide', () => this.client?.leave());
  }

  press(code) {
    if (this.client === undefined) {
      return false;
    }
    const uses = {
      KeyR: () => this.controls.want('reload'),
      KeyG: () => this.controls.throw(),
      Digit1: () => this.trade(0),
      Digit2: () => this.trade(1),
      Digit3: () => this.trade(2),
      Tab: () => this.hud.showScores(!this.hud.hasScores),
      KeyM: () => this.minimap.toggle(),
      KeyH: () => byId('help').showModal(),
      KeyL: () => this.changeTheme(),
      KeyT: () => this.chat.open(true),
      Enter: () => this.chat.open(false),
      Escape: () => this.hud.showScores(false),
      Equal: () => this.camera.zoom(1),
      NumpadAdd: () => this.camera.zoom(1),
      Minus: () => this.camera.zoom(-1),
      NumpadSubtract: () => this.camera.zoom(-1),
    };
    const isButton = page.activeElement instanceof HTMLButtonElement;
    if (!(code in uses) || byId('help').open || (isButton && ['Enter', 'Tab'].includes(code))) {
      return false;
    }
    uses[code]();
    return true;
  }

  trade(what) {
    if (this.hud.canTrade) {
      this.controls.want('trade', {what});
    }
  }

  changeTheme() {
    page.documentElement.dataset.theme = this.palette.isLight ? 'dark' : 'light';
    this.repaint();
  }

  repaint() {
    this.palette = readPalette();
    this.useLand(this.world.land);
  }

  // Coming and going.

  remembered() {
    try {
      return localStorage.getItem(NAME_KEY) ?? '';
    } catch {
      return ''; // the browser keeps nothing
    }
  }

  remember(name) {
    try {
      localStorage.setItem(NAME_KEY, name);
    } catch {
      // Then it is asked for again.
    }
  }

  async join(name) {
    byId('enter').disabled = true;
    byId('trouble').hidden = true;
    this.name = name || 'Guest';
    this.remember(name);
    try {
      this.enter(await join(location.origin,
        {name: this.name, resumeAfterMs: RESUME_AFTER_MS}));
    } catch (error) {
      this.tellTrouble(error.message);
    }
    byId('enter').disabled = false;
  }

  enter(client) {
    this.client = client;
    this.effects.clear();
    this.controls.begin();
    this.predictor = undefined;
    this.isOwnKnown = false;
    this.chat.ownIndex = client.tables.playerIndex;
    this.roster.clear();
    this.roster.ownIndex = client.tables.playerIndex;
    this.roster.ownName = this.name;
    this.chat.beatenBy = undefined;
    client.onmessage = (name, bytes) => this.takeMessage(name, bytes);
    for (let told = client.popMessage(); told !== undefined; told = client.popMessage()) {
      this.takeMessage(told.name, told.bytes);
    }
    byId('entry').hidden = true;
    byId('hud').hidden = false;
    this.canvas.focus();
  }

  leave() {
    const {state, closeText} = this.client;
    this.client = undefined;
    byId('hud').hidden = true;
    this.hud.begin();
    byId('entry').hidden = false;
    this.controls.release();
    if (state === 'closed') {
      this.tellTrouble(closeText || 'The server has closed the connection.');
    } else if (state === 'unreachable') {
      this.tellTrouble('The server cannot be reached.');
    }
    byId('name').focus();
  }

  tellTrouble(text) {
    byId('trouble').textContent = text;
    byId('trouble').hidden = false;
  }

  takeMessage(name, bytes) {
    if (name === 'heard') {
      this.chat.takeHeard(bytes);
    } else if (name === 'beaten') {
      this.chat.takeBeaten(bytes);
    } else if (name === 'notice') {
      this.chat.takeNotice(bytes);
    } else if (name === 'named') {
      this.roster.take(bytes);
    } else if (name === 'land' && this.predictor === undefined) { // once: it takes a while to make
      this.useLand(SkirmishLand.fromMessage(bytes));
    }
  }

  useLand(land) {
    if (land === undefined) {
      return;
    }
    const isNew = land.number !== this.world.land?.number;
    this.world.land = isNew ? land : this.world.land;
    if (isNew || this.predictor === undefined) {
      this.predictor = new Predictor(new SkirmishMove(this.world.land));
    }
    if (isNew || this.ground?.palette !== this.palette) {
      this.ground = new Ground(this.world.land, this.palette);
      this.obstacles = new Obstacles(this.world.land, this.palette);
    }
  }

  // Frames.

  frame(nowMs) {
    requestAnimationFrame((nextMs) => this.frame(nextMs));
    const startMs = performance.now();
    const passedMs = Math.min(Math.max(nowMs - this.frameMs, 0), PASSED_MS_MAX);
    this.frameMs = nowMs;
    this.frames++;
    this.frameTimes.push(nowMs);
    if (this.frameTimes.length > FRAME_COUNT) {
      this.frameTimes.shift();
    }
    const {client} = this;
    if (client !== undefined) {
      this.play(client, passedMs);
      if (['idle', 'closed', 'unreachable'].includes(client.state)) {
        this.leave();
      }
    } else {
      this.wander(passedMs);
    }
    this.effects.update(passedMs);
    this.scene.draw(this.picture());
    if (this.client !== undefined) {
      this.minimap.draw(nowMs, this.world, this.ground, this.palette, this.controls.heading);
      this.hud.update(nowMs, client, this.world, {fps: this.fps, beatenBy: this.chat.beatenBy});
    }
    this.workMs += (performance.now() - startMs - this.workMs) * 0.05;
  }

  get fps() {
    const {length} = this.frameTimes;
    return length < 2 ? 0
      : (length - 1) * 1000 / (this.frameTimes[length - 1] - this.frameTimes[0]);
  }

  play(client, passedMs) {
    client.update();
    const blasts = this.world.blastsSeen;
    this.world.update(client, passedMs, this.findOwnPlace(client));
    this.roster.update(client, this.fighters, this.frameMs);
    this.controls.aim();
    this.controls.act(client);
    const {own} = this.world;
    if (own !== undefined) {
      this.measureJump(own);
      this.lookAt = [own.x, own.y];
    }
    if (this.world.blastsSeen > blasts) {
      this.shake();
    }
    this.follow(passedMs);
  }

  // Ahead of the server by prediction; without a land, as everybody else.
  findOwnPlace(client) {
    if (this.predictor === undefined || client.state !== 'playing') {
      return undefined;
    }
    const nowMs = performance.now();
    this.placedPassedMs = nowMs - this.placedMs;
    this.placedMs = nowMs;
    this.predictor.update(client, nowMs);
    return this.predictor.place(this.ownPlace);
  }

  // By how much a step is longer than a sprint in its time.
  measureJump(own) {
    if (this.isOwnKnown && !own.isDead && own.entity === this.measured) {
      const wayM = Math.hypot(own.x - this.lastX, own.y - this.lastY);
      this.jumpM = Math.max(this.jumpM, wayM - SPRINT_MPS * this.placedPassedMs / 1000);
    }
    this.isOwnKnown = !own.isDead;
    this.measured = own.entity;
    this.lastX = own.x;
    this.lastY = own.y;
  }

  shake() {
    const {own} = this.world;
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
      return;
    }
    for (const {x, y, ageMs} of own === undefined ? [] : this.effects.blasts) {
      const reach = 1 - Math.hypot(x - own.x, y - own.y) / SHAKE_REACH_M;
      if (ageMs < 50 && reach > 0) {
        this.camera.shake = Math.max(this.camera.shake, reach);
      }
    }
  }

  follow(passedMs) {
    const {camera, controls} = this;
    let leadX = 0;
    let leadY = 0;
    if (controls.pointer !== undefined && !controls.isAuto && controls.target !== undefined) {
      const [pageX, pageY] = controls.pointer;
      leadX = (pageX - window.innerWidth / 2) * camera.ratio / camera.scale * LEAD_SHARE;
      leadY = -(pageY - window.innerHeight / 2) * camera.ratio / camera.scale * LEAD_SHARE;
    }
    camera.follow(this.lookAt[0], this.lookAt[1], leadX, leadY, passedMs);
  }

  // Behind the form, the land passes slowly.
  wander(passedMs) {
    this.world.ready.length = 0;
    this.world.own = undefined;
    const turn = this.frameMs / 60000;
    this.camera.follow(this.lookAt[0] + 60 * Math.cos(turn), this.lookAt[1] + 60 * Math.sin(turn),
      0, 0, passedMs);
  }

  picture() {
    return {
      world: this.world, ground: this.ground, obstacles: this.obstacles, palette: this.palette,
      nameOf: this.nameOf, target: this.controls.target, heading: this.controls.heading,
    };
  }
}

const play = new Play();

window.muster = Object.freeze({
  get frames() { return play.frames; },
  get fps() { return play.fps; },
  get workMs() { return play.workMs; },
  get entities() { return play.world.things.size; },
  get drawn() { return play.scene.drawnCount; },
  nameOf(index) { return play.roster.nameOf(index); },
  get state() { return play.client?.state ?? 'out'; },
  get stats() { return play.client?.stats; },
  get playerIndex() { return play.client?.tables.playerIndex; },
  get own() {
    const {own} = play.world;
    return own === undefined ? undefined : {
      x: own.x, y: own.y, z: own.z, health: own.health, team: own.team, isDead: own.isDead,
      score: own.score, ammo: play.world.ownNumber('ammo'), heading: play.controls.heading,
    };
  },
  get things() {
    return play.world.ready.map(({kind, x, y, team, number, health, isDead}) =>
      ({kind, x, y, team, number, health, isDead}));
  },
  get jumpM() { return play.jumpM; },
  get blasts() { return play.world.blastsSeen; },
  resetJump() { play.jumpM = 0; },
});
