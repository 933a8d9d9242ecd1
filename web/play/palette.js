// SPDX-License-Identifier: Apache-2.0

// Colours of the picture. Those that the page shares with others stand in its style sheets; those
// of the land are here, one set for a light page and one for a dark one.

const LANDS = {
  dark: {
    heights: [
      [-26, [30, 62, 66]], [-10, [42, 80, 60]], [2, [62, 98, 58]], [12, [98, 116, 66]],
      [26, [146, 134, 96]],
    ],
    shade: 0.95,
    patch: 15,
    contour: 'rgba(226, 236, 220, 0.11)',
    contourBold: 'rgba(226, 236, 220, 0.24)',
    tuft: 'rgba(176, 208, 124, 0.36)',
    stone: 'rgba(170, 178, 180, 0.36)',
    paving: 'rgba(112, 116, 122, 0.42)',
    street: 'rgba(150, 153, 158, 0.30)',
    dirt: 'rgba(112, 98, 66, 0.13)',
    flower: 'rgba(230, 214, 150, 0.5)',
    sand: 'rgba(190, 158, 104, 0.5)',
    scorch: 'rgba(14, 12, 12, 0.34)',
    shadow: 'rgba(4, 8, 12, 0.42)',
    line: 'rgba(240, 235, 215, 0.35)',
    outside: '#0a0e12',
    unknown: '#1d2a2b',
    grid: 'rgba(255, 255, 255, 0.05)',
    roofs: ['#8a5647', '#7b6a5b', '#5f6b78', '#94764f', '#6d5566'],
    wall: '#9aa0a6',
    crate: '#a9804c',
    side: 0.62,
  },
  light: {
    heights: [
      [-26, [128, 164, 140]], [-10, [150, 184, 132]], [2, [172, 198, 136]], [12, [200, 204, 148]],
      [26, [224, 212, 178]],
    ],
    shade: 0.75,
    patch: 18,
    contour: 'rgba(60, 70, 40, 0.14)',
    contourBold: 'rgba(60, 70, 40, 0.28)',
    tuft: 'rgba(74, 112, 46, 0.34)',
    stone: 'rgba(110, 114, 112, 0.45)',
    paving: 'rgba(206, 204, 198, 0.62)',
    street: 'rgba(236, 234, 228, 0.62)',
    dirt: 'rgba(150, 120, 70, 0.14)',
    flower: 'rgba(255, 255, 255, 0.75)',
    sand: 'rgba(226, 206, 158, 0.62)',
    scorch: 'rgba(70, 60, 50, 0.24)',
    shadow: 'rgba(40, 50, 50, 0.28)',
    line: 'rgba(255, 255, 255, 0.75)',
    outside: '#b9c2c4',
    unknown: '#c4d2b6',
    grid: 'rgba(0, 0, 0, 0.06)',
    roofs: ['#c07a62', '#b09a84', '#8c99a8', '#c9a673', '#a0839a'],
    wall: '#c2c6ca',
    crate: '#cfa063',
    side: 0.68,
  },
};

/** Names of the teams, by number; 5 are the guards of camps. */
export const TEAM_NAMES = ['', 'Sky', 'Amber', 'Jade', 'Rose', 'Guards'];

function isLight() {
  const wanted = document.documentElement.dataset.theme;
  return wanted === 'light' ||
    (wanted !== 'dark' && matchMedia('(prefers-color-scheme: light)').matches);
}

/**
 * What is drawn with now.
 * @returns {{isLight: boolean, land: object, teams: string[], text: string, muted: string,
 *   panel: string, good: string, warn: string, bad: string, pickup: string, loose: string}}
 */
export function readPalette() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  const palette = {isLight: isLight(), teams: [0, 1, 2, 3, 4, 5].map((i) => read(`team-${i}`))};
  for (const name of ['text', 'muted', 'panel', 'good', 'warn', 'bad', 'pickup', 'loose']) {
    palette[name] = read(name);
  }
  palette.land = palette.isLight ? LANDS.light : LANDS.dark;
  return palette;
}

/**
 * A colour made lighter or darker.
 * @param {string} colour '#rrggbb'
 * @param {number} share below 1 darker, above 1 lighter
 */
export function shaded(colour, share) {
  const bits = parseInt(colour.slice(1), 16);
  const part = (shift) => {
    const value = bits >> shift & 255;
    return Math.round(share < 1 ? value * share : value + (255 - value) * (share - 1));
  };
  return `rgb(${part(16)}, ${part(8)}, ${part(0)})`;
}
