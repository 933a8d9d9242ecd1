// SPDX-License-Identifier: Apache-2.0

/** The page's colours as scripts need them, read from the style sheet of the theme in force. */

const THEME_KEY = 'muster-theme';

function read(style, name) {
  return style.getPropertyValue(name).trim();
}

/** A colour "#rrggbb" as one word of a canvas's pixels, opaque. */
export function toPixel(colour) {
  const value = parseInt(colour.slice(1), 16);
  const red = value >> 16;
  const green = (value >> 8) & 255;
  const blue = value & 255;
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** Between two pixels: 0 is the first, 1 the second. */
export function mixPixels(first, second, share) {
  let mixed = 0xff000000;
  for (let shift = 0; shift <= 16; shift += 8) {
    const from = (first >>> shift) & 255;
    const to = (second >>> shift) & 255;
    mixed |= Math.round(from + (to - from) * share) << shift;
  }
  return mixed >>> 0;
}

/** The colours in force. */
export function readPalette() {
  const style = getComputedStyle(document.documentElement);
  const teams = [];
  for (let team = 0; team <= 5; team++) {
    teams.push(read(style, `--team-${team}`));
  }
  return {
    ground: read(style, '--ground'),
    panel: read(style, '--panel'),
    line: read(style, '--line'),
    text: read(style, '--text'),
    muted: read(style, '--muted'),
    accent: read(style, '--accent'),
    bad: read(style, '--bad'),
    warn: read(style, '--warn'),
    good: read(style, '--good'),
    loose: read(style, '--loose'),
    teams,
  };
}

/** Calls back whenever the theme changes, by the button or by the system. */
export function watchTheme(button, onChange) {
  const root = document.documentElement;
  const light = matchMedia('(prefers-color-scheme: light)');
  const stored = localStorage.getItem(THEME_KEY);
  if (stored === 'light' || stored === 'dark') {
    root.dataset.theme = stored;
  }
  light.addEventListener('change', onChange);
  button.addEventListener('click', () => {
    const current = root.dataset.theme ?? (light.matches ? 'light' : 'dark');
    root.dataset.theme = current === 'light' ? 'dark' : 'light';
    localStorage.setItem(THEME_KEY, root.dataset.theme);
    onChange();
  });
}
