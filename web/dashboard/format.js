// SPDX-License-Identifier: Apache-2.0

/** Figures as people read them. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** "12,345". */
export function formatCount(value) {
  return whole.format(value);
}

/** Three digits or so: "0.52", "5.2", "52". */
export function formatShort(value) {
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) {
    return whole.format(value);
  }
  return value.toFixed(size >= 10 ? 1 : 2);
}

/** "1.5 MB", in powers of ten. */
export function formatBytes(value) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let index = 0;
  let scaled = value;
  while (Math.abs(scaled) >= 1000 && index < units.length - 1) {
    scaled /= 1000;
    index++;
  }
  return `${formatShort(index === 0 ? Math.round(scaled) : scaled)} ${units[index]}`;
}

/** "14:03:59", local. */
export function formatTime(timeMs) {
  return new Date(timeMs).toLocaleTimeString('en-GB');
}

/** "3 h 5 min", "5 min 2 s", "2 s". */
export function formatDuration(durationMs) {
  const seconds = Math.max(0, Math.floor(durationMs / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours > 0) {
    return `${hours} h ${minutes % 60} min`;
  }
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}
