// SPDX-License-Identifier: Apache-2.0

// A world of the built program, running beside a test on ports of its own.

import {spawn} from 'node:child_process';
import {existsSync, mkdtempSync, rmSync} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const BEGIN_MS_MAX = 60000;
const WAIT_MS_MAX = 30000;
const STEP_MS = 20;

const root = fileURLToPath(new URL('../../..', import.meta.url));
/** The built program. */
export const program = process.env.MUSTER_PROGRAM ?? join(root, 'build/release/bin/muster');

/** Waits until something holds; fails with words for it if it never does. */
export async function waitFor(what, holds, waitMs = WAIT_MS_MAX) {
  const endMs = performance.now() + waitMs;
  for (;;) {
    const found = await holds();
    if (found) {
      return found;
    }
    if (performance.now() > endMs) {
      throw new Error(`waited in vain: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
}

/** A TCP port that nobody listens on. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const {port} = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A running world. */
export class World {
  /**
   * Starts `muster up` with further arguments and waits until it is ready.
   * @param {string[]} more
   * @param {string} scheme of the players' side: 'https' where the arguments give it TLS
   * @param {string} adminScheme of the operators' side
   * @returns {Promise<World>}
   */
  static async start(more, scheme = 'http', adminScheme = scheme) {
    if (!existsSync(program)) {
      throw new Error(`${program} is not built; MUSTER_PROGRAM names another`);
    }
    const world = new World();
    world.scheme = scheme;
    world.adminScheme = adminScheme;
    world.folder = mkdtempSync(join(tmpdir(), 'muster-js-'));
    world.port = await freePort();
    world.adminPort = await freePort();
    const settings = [`network.udp_port=${world.port}`, `network.http_port=${world.port}`,
      `network.admin_port=${world.adminPort}`].flatMap((setting) => ['--set', setting]);
    world.process = spawn(program, ['up', ...settings, ...more], {
      cwd: world.folder,
      env: {
        ...process.env,
        MUSTER_GAME_PATH: join(dirname(program), '../games'),
        XDG_STATE_HOME: world.folder,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    world.words = '';
    world.process.stderr.on('data', (bytes) => {
      world.words += bytes;
    });
    world.ended = new Promise((resolve) => {
      world.process.on('close', resolve);
    });
    try {
      await waitFor('the world to begin', () => world.isReady(), BEGIN_MS_MAX);
    } catch (error) {
      await world.stop();
      throw new Error(`${error.message}\n${world.words}`);
    }
    return world;
  }

  /** Where players come in. */
  get url() {
    return `${this.scheme}://127.0.0.1:${this.port}`;
  }

  async isReady() {
    if (this.process.exitCode !== null) {
      throw new Error('the world has ended');
    }
    const response = await this.ask('GET', '/readyz').catch(() => undefined);
    return response?.status === 200;
  }

  /** Asks the operators' side. */
  ask(method, path, body) {
    return fetch(`${this.adminScheme}://127.0.0.1:${this.adminPort}${path}`, {method, body});
  }

  async get(path) {
    return (await this.ask('GET', path)).json();
  }

  /** Who is in the world, by name. */
  async players() {
    const {players} = await this.get('/v1/players');
    return new Map(players.map((player) => [player.name, player]));
  }

  /** Ends it; its exit code. */
  async stop() {
    this.process.kill('SIGTERM');
    const code = await this.ended;
    rmSync(this.folder, {recursive: true, force: true});
    return code;
  }
}
