// SPDX-License-Identifier: Apache-2.0

// A client of the game hello, for a page or for Node with a WebSocket class (its own from 22 on):
// joins, walks for two seconds, says whom it sees, and leaves.

import {join} from '../sdk/js/muster.js';

const server = globalThis.location?.origin ?? process.argv[2] ?? 'http://127.0.0.1:7777';
const client = await join(server, {name: 'Ada'});
for (let count = 0; client.state === 'playing' && count < 120; count++) {
  client.act('walk', {heading: 0, speed_mps: 5});
  for (let event = client.view.popEvent(); event; event = client.view.popEvent()) {
    const who = event.entity.isMine ? 'itself' : 'another';
    console.log(`${event.type === 'enter' ? 'sees' : 'loses'} ${who}`);
  }
  await new Promise((resolve) => setTimeout(resolve, 1000 / 60));
}
console.log(`walked to ${client.place(client.own.index, client.newestTick)}`);
client.leave();
