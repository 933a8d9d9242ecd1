// SPDX-License-Identifier: Apache-2.0

// How a client's clock stands to the server's ticks. Two clocks, each steered by what it is for.
//
// The arrival offset says how local time stands to the server's ticks as the quickest updates of
// the last seconds arrive, network included. What an update is later than that is the network's
// unevenness; the picture is drawn so much behind that most updates are there in time.
//
// The action offset says the same for actions. The server reports how many ticks before its frame
// an action arrived, and the offset closes the gap to the margin that is wanted. While no action is
// reported it follows the arrival offset, so that the first one after a pause is meant for a tick
// that makes sense.

// The quickest update of the last one to two of these counts.
const WINDOW_US = 1e6;

// A report moves the action offset by this share of the error, or by less on a long way: a change
// shows only a round trip later, and the loop must not swing meanwhile.
const ACTION_SHARE_MIN = 16;

// An error of so many ticks is closed at once: after a join, or when a clock has jumped.
const JUMP_TICKS = 6;

// After a jump the reports of a whole round trip speak of the time before it.
const JUMP_PAUSE_US = 100000;

// Without a report for so long the action offset follows the arrival offset.
const IDLE_US = 500000;

const LATENESS_SHARE = 16;

// The picture's clock runs this share faster or slower to come to where it should be; when it is
// too far off, it jumps.
const RENDER_SHARE = 8;
const RENDER_OFF_US_MAX = 500000;

/** All times are in microseconds of the client's clock. */
export class Clock {
  /**
   * Starts at the server's word that it is at a tick.
   * @param {number} nowUs
   * @param {number} tick
   * @param {number} tickRateHz
   * @param {number} leadTicks how much earlier than their ticks actions should arrive
   * @param {number} rttUs the session's estimate, 0 if unknown
   */
  constructor(nowUs, tick, tickRateHz, leadTicks, rttUs) {
    const tickUs = 1e6 / tickRateHz;
    const offsetUs = nowUs - tick * tickUs;
    this.newestTick = tick;
    this.tickUs = tickUs;
    this.offsetUs = offsetUs; // local time less the server's, as the quickest updates arrive
    this.quickestUs = [offsetUs, offsetUs]; // the least offset of the last window and of this one
    this.windowUs = nowUs; // when this window began
    this.lateUs = 0; // how much later than the quickest updates arrive, smoothed
    this.unevenUs = 0; // and how much that varies
    this.actionOffsetUs = offsetUs - rttUs - leadTicks * tickUs;
    this.jumpedUs = nowUs;
    this.reportedUs = -Infinity; // when the server last spoke of new actions
    this.actionTick = 0; // of the last action: ticks of actions never go back
    this.countedSequence = 0;
    this.marginTicks = 0;
    this.renderUs = undefined; // of the server, that the picture shows
    this.renderedUs = nowUs;
  }

  /**
   * An update has arrived.
   * @param {number} nowUs
   * @param {{tickLow: number, countedSequence: number, marginTicks: number}} update
   * @param {number} marginTicks that is wanted
   * @param {number} rttUs the session's estimate, 0 if unknown
   */
  take(nowUs, update, marginTicks, rttUs) {
    // The tick nearest to the newest whose low bits these are.
    const tick = this.newestTick + (((update.tickLow - this.newestTick) << 16) >> 16);
    if (tick <= this.newestTick) {
      return; // overtaken: a late witness
    }
    this.newestTick = tick;
    this.moveOffset(nowUs, tick);
    this.marginTicks = update.marginTicks;
    // Without new actions the report is of old ones, and says nothing new.
    if (update.countedSequence > this.countedSequence) {
      this.countedSequence = update.countedSequence;
      this.reportedUs = nowUs;
      this.moveActionOffset(nowUs, marginTicks, rttUs);
    }
  }

  moveOffset(nowUs, tick) {
    const sampleUs = nowUs - tick * this.tickUs;
    const windowAgeUs = nowUs - this.windowUs;
    if (windowAgeUs >= 2 * WINDOW_US) {
      this.quickestUs = [sampleUs, sampleUs]; // nothing came for long: what was known is stale
      this.windowUs = nowUs;
    } else if (windowAgeUs >= WINDOW_US) {
      this.quickestUs = [this.quickestUs[1], sampleUs];
      this.windowUs = nowUs;
    }
    this.quickestUs[1] = Math.min(this.quickestUs[1], sampleUs);
    const offsetUs = Math.min(this.quickestUs[0], this.quickestUs[1]);
    if (nowUs - this.reportedUs >= IDLE_US) {
      this.actionOffsetUs += offsetUs - this.offsetUs;
    }
    this.offsetUs = offsetUs;
    const offUs = sampleUs - offsetUs - this.lateUs;
    this.lateUs += offUs / LATENESS_SHARE;
    this.unevenUs += (Math.abs(offUs) - this.unevenUs) / LATENESS_SHARE;
  }

  moveActionOffset(nowUs, marginTicks, rttUs) {
    const errorTicks = this.marginTicks - marginTicks;
    const errorUs = errorTicks * this.tickUs;
    if (Math.abs(errorTicks) >= JUMP_TICKS) {
      if (nowUs - this.jumpedUs > rttUs + JUMP_PAUSE_US) {
        this.actionOffsetUs += errorUs;
        this.jumpedUs = nowUs;
      }
      return;
    }
    this.actionOffsetUs += errorUs / Math.max((2 * rttUs) / this.tickUs, ACTION_SHARE_MIN);
  }

  /** The tick that an action made now is meant for. */
  actionTickAt(nowUs) {
    const tick = Math.floor((nowUs - this.actionOffsetUs) / this.tickUs) + 1;
    return Math.max(tick, this.actionTick, 1);
  }

  /** How far behind the newest update the picture is drawn. */
  get interpolationUs() {
    return 2 * this.tickUs + this.lateUs + 2 * this.unevenUs;
  }

  /** How long ago the server was at the newest tick that is known here. */
  ageUs(nowUs, rttUs) {
    return Math.max(nowUs - this.offsetUs - this.newestTick * this.tickUs + rttUs / 2, 0);
  }

  /** Moves the picture's clock on. */
  render(nowUs) {
    const wantedUs = nowUs - this.offsetUs - this.interpolationUs;
    const passedUs = nowUs - this.renderedUs;
    this.renderedUs = nowUs;
    const offUs = wantedUs - (this.renderUs + passedUs);
    if (this.renderUs === undefined || Math.abs(offUs) > RENDER_OFF_US_MAX) {
      this.renderUs = Math.max(wantedUs, 0);
      return;
    }
    const stepUs = Math.min(Math.abs(offUs), passedUs / RENDER_SHARE);
    this.renderUs += passedUs + Math.sign(offUs) * stepUs;
  }

  /** The tick, with a fraction, that the picture shows; 0 before the first. */
  get renderTick() {
    return this.renderUs === undefined ? 0 : this.renderUs / this.tickUs;
  }
}
