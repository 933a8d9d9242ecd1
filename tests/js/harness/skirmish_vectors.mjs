// SPDX-License-Identifier: Apache-2.0

// Reads tests/games/skirmish_land.txt: a land, and walks over another one.

import {readFileSync} from 'node:fs';

const file = new URL('../../games/skirmish_land.txt', import.meta.url);
const view = new DataView(new ArrayBuffer(4));

function parseFloat32(text) {
  view.setUint32(0, parseInt(text, 16));
  return view.getFloat32(0);
}

/** Everything in the file, by its words. */
export function readSkirmish() {
  const read = {samples: [], camps: [], boxes: [], grounds: [], walks: []};
  const readers = {
    land: (rest) => {
      read.land = rest.map(Number);
    },
    world: (rest) => {
      read.world = rest.map(Number);
    },
    sample: ([column, row, height]) =>
      read.samples.push({column: +column, row: +row, height: parseFloat32(height)}),
    camp: ([, x, y]) => read.camps.push({x: parseFloat32(x), y: parseFloat32(y)}),
    box: (rest) => read.boxes.push(rest.map(parseFloat32)),
    ground: ([x, y, height]) => read.grounds.push({x: +x, y: +y, height: parseFloat32(height)}),
    walk: (rest) => read.walks.push({begin: rest.map(parseFloat32), moves: [], places: []}),
    move: ([heading, speed, sprint]) => {
      const {moves, places} = read.walks.at(-1);
      const values = {heading: +heading, speed: +speed, sprint: +sprint};
      moves.push({tick: (places.at(-1)?.tick ?? 0) + 1, values});
    },
    at: ([tick, ...place]) =>
      read.walks.at(-1).places.push({tick: +tick, place: place.map(parseFloat32)}),
  };
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [word, ...rest] = line.split(' ');
    readers[word]?.(rest);
  }
  return read;
}
