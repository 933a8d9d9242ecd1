// SPDX-License-Identifier: Apache-2.0

/**
 * Figures over time, drawn by dygraphs from samples of GET /metrics. What is shown is what was
 * sampled since the page was opened, at most the last quarter of an hour.
 */

import { make, setText } from './dom.js';
import { formatBytes, formatCount, formatShort } from './format.js';
import { describeRefusal, listRefusals } from './refusals.js';
import { listShares } from './shares.js';
import { readReceivedRate, readSentRate } from './traffic.js';

const ROW_COUNT_MAX = 900;
const REASON_COUNT_MAX = 6;
const CHANNELS = ['critical', 'detailed', 'cosmetic', 'metadata'];

const formatMs = (value) => `${formatShort(value)} ms`;
const formatPercent = (value) => `${formatShort(value)} %`;
const formatRate = (value) => `${formatBytes(value)}/s`;
const formatTimes = (value) => `${formatShort(value)}/s`;

// Its own legend measures a letter by an inline style, which the page's policy forbids.
Dygraph.PLUGINS = Dygraph.PLUGINS.filter((plugin) => plugin !== Dygraph.Plugins.Legend);

// The reasons that have been given so far; those that come late join the last line.
class Refusals {
  constructor() {
    this.names = [];
  }

  labels() {
    return [...this.names.map(describeRefusal), this.names.length === 0 ? 'any' : 'others'];
  }

  read(interval) {
    const values = new Map();
    for (const name of listRefusals(interval.after)) {
      const rate = interval.rate(name);
      if (rate > 0 && !this.names.includes(name) && this.names.length < REASON_COUNT_MAX) {
        this.names.push(name);
      }
      values.set(name, rate);
    }
    const others = [...values].filter(([name]) => !this.names.includes(name));
    return [...this.names.map((name) => values.get(name) ?? 0),
      others.reduce((sum, [, rate]) => sum + rate, 0)];
  }
}

function describeCharts() {
  const refusals = new Refusals();
  return [
    {
      title: 'Tick time',
      format: formatMs,
      labels: () => ['mean', '99 % within', 'budget'],
      read: (interval, tickRateHz) => {
        const budgetMs = 1000 / tickRateHz;
        const highestMs = Math.min(1000 * interval.quantile('muster_tick_seconds', 0.99), 100);
        return [1000 * interval.mean('muster_tick_seconds'), highestMs, budgetMs];
      },
      colours: (palette) => [palette.accent, palette.teams[1], palette.bad],
      options: { budget: { strokePattern: [5, 4], fillGraph: false } },
    },
    {
      title: 'Where a tick goes',
      format: formatPercent,
      labels: () => ['physics', 'AI', 'game', 'replication', 'input', 'other'],
      read: listShares,
      isStacked: true,
      colours: (palette) => [palette.teams[1], palette.teams[2], palette.teams[3],
        palette.teams[4], palette.teams[5], palette.muted],
    },
    {
      title: 'Players',
      format: formatCount,
      labels: () => ['in the world', 'connections'],
      read: (interval) => [interval.after.read('muster_players'),
        interval.after.read('muster_connections')],
      colours: (palette) => [palette.accent, palette.teams[2]],
    },
    {
      title: 'Bandwidth',
      format: formatRate,
      labels: () => ['to players', 'from players'],
      read: (interval) => [readSentRate(interval), readReceivedRate(interval)],
      colours: (palette) => [palette.accent, palette.teams[2]],
    },
    {
      title: 'Entity state by channel',
      format: formatRate,
      labels: () => CHANNELS,
      read: (interval) => CHANNELS.map((name) =>
        interval.rate(`muster_channel_bytes_total{channel="${name}"}`)),
      isSlow: true,
      isStacked: true,
      colours: (palette) => palette.teams.slice(1, 5),
    },
    {
      title: 'Refused',
      format: formatTimes,
      labels: () => refusals.labels(),
      read: (interval) => refusals.read(interval),
      isStacked: true,
      colours: (palette) => [...palette.teams.slice(1, 6), palette.accent, palette.muted],
    },
  ];
}

class Chart {
  constructor(def, parent) {
    this.def = def;
    this.rows = [];
    this.labels = def.labels();
    this.graph = undefined;
    this.stage = make('div', { className: 'plot' });
    this.legend = make('ul', { className: 'legend' });
    parent.append(make('section', { className: 'chart panel', 'aria-label': def.title },
      make('h2', {}, def.title), this.legend, this.stage));
    this.values = [];
    new ResizeObserver(() => this.graph?.resize()).observe(this.stage);
  }

  // A series that is new was zero until now.
  add(timeMs, values) {
    const labels = this.def.labels();
    if (labels.length !== this.labels.length) {
      const added = labels.length - this.labels.length;
      const known = this.labels.length - 1;
      this.rows = this.rows.map((row) =>
        [...row.slice(0, 1 + known), ...Array(added).fill(0), ...row.slice(1 + known)]);
      this.labels = labels;
      this.forget();
    }
    this.rows.push([new Date(timeMs), ...values]);
    if (this.rows.length > ROW_COUNT_MAX) {
      this.rows.shift();
    }
  }

  clear() {
    this.rows = [];
    this.forget();
  }

  forget() {
    this.graph?.destroy();
    this.graph = undefined;
    this.legend.replaceChildren();
  }

  draw(palette) {
    if (this.rows.length < 2 || this.stage.clientWidth === 0) {
      return;
    }
    if (this.graph === undefined) {
      this.make(palette);
    } else {
      this.graph.updateOptions({ file: this.rows });
    }
    this.tell(this.rows.at(-1).slice(1));
  }

  make(palette) {
    const { def } = this;
    const colours = def.colours(palette).slice(0, this.labels.length);
    const axis = { axisLineColor: palette.line, gridLineColor: palette.line };
    this.graph = new Dygraph(this.stage, this.rows, {
      labels: ['time', ...this.labels],
      colors: colours,
      legend: 'never',
      fillGraph: true,
      fillAlpha: def.isStacked ? 0.55 : 0.12,
      stackedGraph: def.isStacked ?? false,
      strokeWidth: 1.5,
      includeZero: true,
      axisLabelFontSize: 11,
      axisLabelWidth: 58,
      highlightCircleSize: 3,
      series: def.options ?? {},
      xRangePad: 2,
      interactionModel: {},
      highlightCallback: (event, x, points, row) => this.tell(this.rows[row]?.slice(1)),
      unhighlightCallback: () => this.tell(this.rows.at(-1).slice(1)),
      axes: {
        x: { ...axis, drawGrid: false, pixelsPerLabel: 70 },
        y: {
          ...axis,
          pixelsPerLabel: 28,
          axisLabelFormatter: (value) => def.format(value),
        },
      },
    });
    this.values = colours.map((colour, index) => {
      const swatch = make('span', { className: 'swatch' });
      swatch.style.background = colour;
      const value = make('span', { className: 'figure' });
      this.legend.append(make('li', {}, swatch, `${this.labels[index]} `, value));
      return value;
    });
  }

  tell(values) {
    if (values === undefined) {
      return;
    }
    for (const [index, element] of this.values.entries()) {
      setText(element, this.def.format(values[index]));
    }
  }
}

/** All charts of the page. */
export class Charts {
  constructor(parent, readColours) {
    this.readColours = readColours;
    this.palette = readColours();
    this.charts = describeCharts().map((def) => new Chart(def, parent));
  }

  /** Adds what happened between two samples; `slow` is between two that are further apart. */
  add(interval, slow, tickRateHz) {
    for (const chart of this.charts) {
      const values = chart.def.read(chart.def.isSlow ? slow : interval, tickRateHz);
      chart.add(interval.after.timeMs, values);
    }
  }

  /** Draws what can be seen. */
  draw() {
    for (const chart of this.charts) {
      chart.draw(this.palette);
    }
  }

  /** The server runs anew. */
  clear() {
    for (const chart of this.charts) {
      chart.clear();
    }
  }

  /** The colours are others now. */
  setTheme() {
    this.palette = this.readColours();
    for (const chart of this.charts) {
      chart.forget();
    }
    this.draw();
  }
}
