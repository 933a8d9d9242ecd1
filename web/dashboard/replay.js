// SPDX-License-Identifier: Apache-2.0

/**
 * A recorded run on the map: the file that `muster replay FILE --map OUT` writes is opened in the
 * page, and goes nowhere.
 */

import { make, setText } from './dom.js';
import { formatCount, formatDuration } from './format.js';
import { LiveMap } from './live.js';

const MAGIC = 'MUSTMAP1';
const FILE_BYTES_MAX = 1 << 30;
const SPEEDS = [0.5, 1, 2, 4, 8];

/** The maps of a file, found but not yet read. */
export class Recording {
  /**
   * @param {ArrayBuffer} buffer the whole file
   * @throws {RangeError} if it is none, or holds nothing
   */
  constructor(buffer) {
    const view = new DataView(buffer);
    const bytes = new Uint8Array(buffer, 0, Math.min(MAGIC.length, buffer.byteLength));
    if (String.fromCharCode(...bytes) !== MAGIC) {
      throw new RangeError('This file is no map of a replay.');
    }
    this.buffer = buffer;
    this.places = [];
    let at = MAGIC.length;
    while (at + 4 <= buffer.byteLength) {
      const length = view.getUint32(at, true);
      if (at + 4 + length > buffer.byteLength) {
        break; // what was written last is cut short
      }
      this.places.push([at + 4, length]);
      at += 4 + length;
    }
    if (this.places.length === 0) {
      throw new RangeError('This file holds no map.');
    }
    this.firstTick = this.read(0).tick;
    this.lastTick = this.read(this.places.length - 1).tick;
  }

  get count() {
    return this.places.length;
  }

  read(number) {
    const [at, length] = this.places[number];
    return new LiveMap(this.buffer.slice(at, at + length));
  }
}

/** What plays a recording. */
export class ReplayPanel {
  /**
   * @param {HTMLElement} parent
   * @param {object} handlers
   * @param {Function} handlers.onShow  a map of the recording, undefined when it is closed
   */
  constructor(parent, handlers) {
    this.handlers = handlers;
    this.recording = undefined;
    this.tickRateHz = 60;
    this.position = 0; // in maps, with a fraction
    this.shown = -1;
    this.isPlaying = false;
    this.frameMs = undefined;
    this.makeElements(parent);
    this.showState();
  }

  makeElements(parent) {
    this.file = make('input', { type: 'file', id: 'replay-file' });
    this.problem = make('p', { className: 'problem', role: 'alert' });
    this.play = make('button', { type: 'button', id: 'replay-play', className: 'primary' });
    this.slider = make('input', {
      type: 'range', id: 'replay-slider', min: '0', value: '0', 'aria-label': 'Moment of the run',
    });
    this.speed = make('select', { id: 'replay-speed', 'aria-label': 'Speed' },
      ...SPEEDS.map((speed) => make('option', { value: String(speed) }, `${speed} ×`)));
    this.speed.value = '1';
    this.note = make('p', { className: 'figure', id: 'replay-note' });
    this.close = make('button', { type: 'button', id: 'replay-close' }, 'Back to live');
    this.controls = make('div', { className: 'replay' }, this.slider,
      make('div', { className: 'buttons' }, this.note, make('span', { className: 'spring' }),
        this.speed, this.play, this.close));
    parent.append(
      make('div', { className: 'replay' },
        make('h2', {}, 'Replay a recorded run'),
        make('p', { className: 'muted' },
          'Record with ', make('code', {}, 'muster up --record run.frames'),
          ', make its map with ', make('code', {}, 'muster replay run.frames --map run.map'),
          ', and open that file here. It stays in this browser.'),
        make('label', {}, 'Map file ', this.file), this.problem),
      this.controls);
    this.file.addEventListener('change', () => this.open());
    this.play.addEventListener('click', () => this.setPlaying(!this.isPlaying));
    this.slider.addEventListener('input', () => this.seek(Number(this.slider.value)));
    this.close.addEventListener('click', () => this.end());
  }

  async open() {
    const [file] = this.file.files;
    setText(this.problem, '');
    if (file === undefined) {
      return;
    }
    try {
      if (file.size > FILE_BYTES_MAX) {
        throw new RangeError('This file is longer than 1 GiB.');
      }
      this.recording = new Recording(await file.arrayBuffer());
    } catch (error) {
      setText(this.problem, error.message);
      return;
    }
    this.slider.max = String(this.recording.count - 1);
    this.seek(0);
    this.setPlaying(true);
  }

  end() {
    this.recording = undefined;
    this.file.value = '';
    this.isPlaying = false;
    this.shown = -1;
    this.showState();
    this.handlers.onShow(undefined);
  }

  setPlaying(isPlaying) {
    const isAtEnd = this.recording !== undefined && this.shown === this.recording.count - 1;
    if (isPlaying && isAtEnd) {
      this.seek(0);
    }
    this.isPlaying = isPlaying;
    this.frameMs = undefined;
    this.showState();
  }

  seek(position) {
    this.position = position;
    const number = Math.min(Math.floor(position), this.recording.count - 1);
    if (number !== this.shown) {
      this.shown = number;
      const map = this.recording.read(number);
      this.slider.value = String(number);
      const at = formatDuration((1000 * map.tick) / this.tickRateHz);
      const end = formatDuration((1000 * this.recording.lastTick) / this.tickRateHz);
      setText(this.note, `${at} of ${end} · tick ${formatCount(map.tick)}`);
      this.handlers.onShow(map);
    }
  }

  showState() {
    this.controls.hidden = this.recording === undefined;
    setText(this.play, this.isPlaying ? 'Pause' : 'Play');
  }

  /** Goes on. Called for every frame of the screen. */
  advance(nowMs) {
    if (!this.isPlaying || this.recording === undefined) {
      return;
    }
    const { recording } = this;
    const elapsedMs = nowMs - (this.frameMs ?? nowMs);
    this.frameMs = nowMs;
    const ticks = recording.lastTick - recording.firstTick;
    const mapsByMs = ((recording.count - 1) * this.tickRateHz) / (1000 * Math.max(1, ticks));
    this.seek(this.position + elapsedMs * mapsByMs * Number(this.speed.value));
    if (this.shown === recording.count - 1) {
      this.setPlaying(false);
    }
  }
}
