// SPDX-License-Identifier: Apache-2.0

/** What the time of a tick goes to, in percent of its budget. */

const PHASE = 'muster_tick_phase_seconds_sum';

/**
 * Physics, AI, the rest of the game, replication, input, and what else a step takes. AI is what the
 * tasks take whose names begin with "think".
 */
export function listShares(interval, tickRateHz) {
  const ticks = interval.growth('muster_ticks_total');
  const toPercent = (seconds) =>
    (ticks > 0 ? (100 * Math.max(0, seconds) * tickRateHz) / ticks : 0);
  let mindS = 0;
  let tasksS = 0;
  for (const [task] of interval.after.series('muster_task_seconds_total', 'task')) {
    const spentS = interval.growth(`muster_task_seconds_total{task="${task}"}`);
    tasksS += spentS;
    mindS += task.startsWith('think') ? spentS : 0;
  }
  const physicsS = interval.growth('muster_physics_seconds_total');
  const inputS = interval.growth(`${PHASE}{phase="input"}`);
  const stepS = interval.growth(`${PHASE}{phase="step"}`);
  const replicateS = interval.growth(`${PHASE}{phase="replicate"}`);
  return [physicsS, mindS, tasksS - mindS, replicateS, inputS, stepS - physicsS - tasksS]
    .map(toPercent);
}
