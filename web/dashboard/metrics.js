// SPDX-License-Identifier: Apache-2.0

/** Prometheus text, as GET /metrics gives it, and what can be read off two of them. */

/** The values of one moment, by name and labels as they stand in the text. */
export class Sample {
  /**
   * @param {string} text   Prometheus text 0.0.4
   * @param {number} timeMs when it was asked for
   */
  constructor(text, timeMs) {
    this.timeMs = timeMs;
    this.values = new Map();
    for (const line of text.split('\n')) {
      if (line !== '' && line[0] !== '#') {
        const end = line.lastIndexOf(' ');
        this.values.set(line.slice(0, end), Number(line.slice(end + 1)));
      }
    }
  }

  /** The value of a line: `muster_players`, or `muster_link_full_total{direction="up"}`. */
  read(name) {
    return this.values.get(name) ?? 0;
  }

  /** Every series of a name: [label value, value], in the order of the text. */
  series(name, label) {
    const start = `${name}{${label}="`;
    const found = [];
    for (const [key, value] of this.values) {
      if (key.startsWith(start) && key.endsWith('"}')) {
        found.push([key.slice(start.length, -2), value]);
      }
    }
    return found;
  }
}

/** What happened between two samples of one server. */
export class Interval {
  constructor(before, after) {
    this.before = before;
    this.after = after;
    this.seconds = (after.timeMs - before.timeMs) / 1000;
  }

  /** How much a counter has grown. */
  growth(name) {
    return this.after.read(name) - this.before.read(name);
  }

  /** The same by the second. */
  rate(name) {
    return this.seconds > 0 ? this.growth(name) / this.seconds : 0;
  }

  /** The mean of a histogram's values, in its unit. */
  mean(name, labels = '') {
    const count = this.growth(`${name}_count${labels}`);
    return count > 0 ? this.growth(`${name}_sum${labels}`) / count : 0;
  }

  /** The bound that a share of a histogram's values stays within. */
  quantile(name, share) {
    const total = this.growth(`${name}_count`);
    for (const [bound] of this.after.series(`${name}_bucket`, 'le')) {
      if (total > 0 && this.growth(`${name}_bucket{le="${bound}"}`) >= share * total) {
        return bound === '+Inf' ? Infinity : Number(bound);
      }
    }
    return 0;
  }
}
