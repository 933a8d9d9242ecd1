// SPDX-License-Identifier: Apache-2.0

/**
 * The operators' side of a server, asked over HTTP. docs/http.md has every route.
 *
 * The cookie of a login is the browser's and no script sees it; what changes something also shows
 * the session's token. Who may do nothing is never asked for anything but its session, so that the
 * console stays clean.
 */

const TIMEOUT_MS = 5000;

/** An answer that is not what was asked for: `status` is HTTP's, 0 where none came. */
export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

async function describeFailure(response) {
  try {
    const document = await response.json();
    return new ApiError(response.status, document.error, document.message);
  } catch {
    return new ApiError(response.status, 'unknown', `The server answered ${response.status}.`);
  }
}

/** Asks, and remembers who asks. */
export class Api {
  constructor() {
    this.session = { role: 'nobody', csrf: '', authentication: true };
  }

  get isOperator() {
    return this.session.role === 'operator';
  }

  get isKnown() {
    return this.session.role !== 'nobody';
  }

  /**
   * Asks, and reads the answer as `form`: 'json', 'text' or 'arrayBuffer'. What is not a whole and
   * good answer is thrown as an ApiError.
   */
  async ask(path, form, { method = 'GET', body, timeoutMs = TIMEOUT_MS, signal } = {}) {
    const headers = {};
    if (method !== 'GET') {
      headers['Content-Type'] = 'application/json';
      headers['X-Auth-Token'] = this.session.csrf;
    }
    let response;
    let answer;
    try {
      response = await fetch(path, {
        method,
        headers,
        body: method === 'GET' ? undefined : JSON.stringify(body ?? {}),
        cache: 'no-store',
        signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])]),
      });
      answer = response.ok ? await response[form]() : undefined;
    } catch {
      throw new ApiError(0, 'unreachable', 'The server does not answer.');
    }
    if (!response.ok) {
      throw await describeFailure(response);
    }
    return answer;
  }

  async json(path, options) {
    return this.ask(path, 'json', options);
  }

  async post(path, body) {
    return this.json(path, { method: 'POST', body });
  }

  /** Learns who asks. */
  async refreshSession() {
    this.session = await this.json('/v1/session');
    return this.session;
  }

  async logIn(key) {
    this.session = await this.post('/v1/login', { key });
    return this.session;
  }

  async logOut() {
    await this.post('/v1/logout', {});
    return this.refreshSession();
  }
}
