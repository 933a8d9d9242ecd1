// SPDX-License-Identifier: Apache-2.0

// Carries out docs/protocol/vectors/session.txt; the commands are described there.

import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {test} from 'node:test';

import {encodeText} from '../../sdk/js/bits.js';
import {writeClose} from '../../sdk/js/packet.js';
import {Session} from '../../sdk/js/session.js';

const vectors = new URL('../../docs/protocol/vectors/session.txt', import.meta.url);

function bytesOf(hex) {
  return Uint8Array.from(hex === '-' ? [] : hex.match(/../g), (digits) => parseInt(digits, 16));
}

function hexOf(bytes) {
  return Buffer.from(bytes).toString('hex') || '-';
}

const statusNames = {
  malformed: 'MUSTER_ERR_MALFORMED',
  version: 'MUSTER_ERR_VERSION',
  full: 'MUSTER_ERR_FULL',
  denied: 'MUSTER_ERR_DENIED',
};

class Script {
  constructor() {
    this.session = new Session();
    this.nowUs = 0;
    this.blobs = [];
    this.received = undefined;
  }

  at(us) {
    this.nowUs = Number(us);
  }

  push(kind, hex) {
    assert.equal(this.session.push(Number(kind), bytesOf(hex)), 'ok');
  }

  blob(kind, hex) {
    this.blobs.push([Number(kind), bytesOf(hex), false]);
  }

  last(kind, hex) {
    this.blobs.push([Number(kind), bytesOf(hex), true]);
  }

  write(token, hex) {
    assert.ok(this.session.begin(this.nowUs));
    for (const blob of this.blobs) {
      assert.ok(this.session.blob(...blob));
    }
    this.blobs = [];
    assert.equal(hexOf(this.session.end(Number(token))), hex);
  }

  read(result, hex) {
    this.received = this.session.read(this.nowUs, bytesOf(hex));
    const {status, isFresh} = this.received;
    assert.equal(statusNames[status] ?? (isFresh ? 'OK' : 'STALE'), result);
  }

  got(kind, hex) {
    const blob = this.received.blobs.shift();
    if (kind === 'none') {
      assert.equal(blob, undefined);
      return;
    }
    assert.equal(blob.kind, Number(kind));
    assert.equal(hexOf(blob.bytes), hex.toLowerCase());
  }

  message(kind, hex) {
    const message = this.session.pop();
    assert.equal(message === undefined ? 'none' : String(message.kind), kind);
    if (message !== undefined) {
      assert.equal(hexOf(message.bytes), hex);
    }
  }

  fate(token, what) {
    const fate = this.session.popFate();
    assert.equal(fate === undefined ? 'none' : String(fate.token), token);
    if (fate !== undefined) {
      assert.equal(fate.isAcked ? 'acked' : 'lost', what);
    }
  }

  close(reason, text, hex) {
    assert.equal(hexOf(writeClose(Number(reason), text)), hex);
  }

  closed(reason, text) {
    assert.equal(this.received.closeReason, Number(reason));
    assert.deepEqual(encodeText(this.received.closeText), encodeText(text === '-' ? '' : text));
  }
}

const cases = readFileSync(vectors, 'utf8').split(/^case /m).slice(1);

test('there are as many cases as ever', () => {
  assert.ok(cases.length >= 20);
});

for (const text of cases) {
  const [name, ...lines] = text.split('\n').filter((line) => line !== '' && line[0] !== '#');
  test(name, () => {
    const script = new Script();
    for (const line of lines) {
      const [command, ...words] = line.split(' ');
      script[command](...words);
    }
  });
}
