// SPDX-License-Identifier: Apache-2.0

// The login: a player asks a server's HTTP side for a ticket. docs/http.md.

import {decodeBase64} from './bits.js';
import {Client, MusterError} from './client.js';

const TIMEOUT_MS = 10000;

async function ask(url, request) {
  try {
    const response = await fetch(url, request);
    return {status: response.status, answer: await response.json()};
  } catch (error) {
    throw new MusterError('unreachable', `no answer from ${url.origin}: ${error.message}`);
  }
}

/**
 * Asks for a ticket, good for one connection within its lifetime.
 * @param {string | URL} server such as 'http://127.0.0.1:7777'
 * @param {object} [options]
 */
export async function login(server, options = {}) {
  const body = {
    name: options.name, player_id: options.playerId, party_id: options.partyId, tier: options.tier,
  };
  const headers = {'Content-Type': 'application/json'};
  if (options.apiKey !== undefined) {
    headers.Authorization = `Bearer ${options.apiKey}`;
  }
  const url = new URL('/v1/sessions', server);
  const {status, answer} = await ask(url, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
    credentials: 'omit',
    signal: AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS),
  });
  if (status !== 201) {
    const {error = 'refused', message = `HTTP ${status}`} = answer ?? {};
    throw new MusterError(error, message, {status});
  }
  let token;
  try {
    token = decodeBase64(answer.token);
  } catch {
    throw new MusterError('unreachable', `what answers at ${url.origin} is no Muster server`);
  }
  return {
    token,
    playerId: answer.player_id,
    tickRateHz: answer.tick_rate_hz,
    tokenLifetimeS: answer.token_lifetime_s,
  };
}

/**
 * Logs in and joins. Resolves when the client plays.
 * @param {string | URL} server
 * @param {object} [options] those of login() and of a client
 * @returns {Promise<Client>}
 */
export async function join(server, options = {}) {
  const client = new Client(options);
  const ticket = await login(server, options);
  await client.connect(server, ticket.token);
  return client;
}
