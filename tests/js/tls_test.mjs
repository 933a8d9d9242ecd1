// SPDX-License-Identifier: Apache-2.0

// Worlds of the built program with TLS: players by https: and wss:, certificates that change while
// they play, and those that no server starts with.

import assert from 'node:assert/strict';
import {execFileSync, spawnSync} from 'node:child_process';
import {X509Certificate} from 'node:crypto';
import {copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {request} from 'node:https';
import {tmpdir} from 'node:os';
import {join as joinPath} from 'node:path';
import {after, before, test} from 'node:test';
import {connect} from 'node:tls';

import {join} from '../../sdk/js/muster.js';
import {WebSocket} from './websocket.mjs';
import {World, freePort, program, waitFor} from './harness/world.mjs';

const BOT_COUNT = 2;
const REFUSED = 'the certificate is refused, the old one stays';

let folder;
let world;
let plainPort;

function at(name) {
  return joinPath(folder, name);
}

function make(name, days) {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
    'ec_paramgen_curve:P-256', '-nodes', '-keyout', at(`${name}.key`), '-out', at(`${name}.pem`),
    '-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-days', String(days)],
  {stdio: 'ignore'});
}

function use(name, keyName = name) {
  copyFileSync(at(`${name}.pem`), at('live.pem'));
  copyFileSync(at(`${keyName}.key`), at('live.key'));
}

function fingerprintOf(name) {
  return new X509Certificate(readFileSync(at(`${name}.pem`))).fingerprint256;
}

// What a port shows, by a handshake that trusts anything.
function shown(port, options = {}) {
  return new Promise((resolve, reject) => {
    const socket = connect({host: '127.0.0.1', port, rejectUnauthorized: false, ...options});
    socket.on('secureConnect', () => {
      resolve({
        fingerprint: socket.getPeerCertificate().fingerprint256,
        protocol: socket.getProtocol(),
      });
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

// An answer to who trusts one certificate and nobody else.
function ask(port, path, {trusted}) {
  return new Promise((resolve, reject) => {
    const ca = readFileSync(at(`${trusted}.pem`));
    const sent = request({host: '127.0.0.1', port, path, ca, rejectUnauthorized: true},
      (response) => {
        response.resume();
        response.on('end', () => resolve(response));
      });
    sent.on('error', reject);
    sent.end();
  });
}

before(async () => {
  folder = mkdtempSync(joinPath(tmpdir(), 'muster-tls-'));
  make('first', 30);
  make('second', 60);
  make('short', 3);
  make('over', 30);
  execFileSync('openssl', ['x509', '-in', at('over.pem'), '-signkey', at('over.key'), '-days', '-1',
    '-out', at('over.pem')], {stdio: 'ignore'});
  writeFileSync(at('garbage.pem'), 'garbage');
  use('first');
  plainPort = await freePort();
  // Trust is looked at by ask() alone.
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  world = await World.start(['--game', 'skirmish', '--bots', String(BOT_COUNT),
    '--set', `tls.certificate=${at('live.pem')}`, '--set', `tls.key=${at('live.key')}`,
    '--set', `tls.plain_port=${plainPort}`], 'https');
  await waitFor('the bots to join', async () => (await world.players()).size === BOT_COUNT);
});

after(async () => {
  await world?.stop();
  rmSync(folder, {recursive: true, force: true});
});

async function joinHere(name) {
  const sockets = [];
  const client = await join(world.url, {name, WebSocket: class extends WebSocket {
    constructor(...given) {
      super(...given);
      sockets.push(this);
    }
  }});
  return {client, sockets};
}

test('both sides speak TLS 1.3 and nothing else', async () => {
  for (const port of [world.port, world.adminPort]) {
    const {fingerprint, protocol} = await shown(port);
    assert.equal(protocol, 'TLSv1.3');
    assert.equal(fingerprint, fingerprintOf('first'));
    await assert.rejects(shown(port, {maxVersion: 'TLSv1.2'}));
    const refused = await fetch(`http://127.0.0.1:${port}/healthz`);
    assert.equal(refused.status, 400);
    assert.equal((await refused.json()).error, 'tls_required');
    const response = await ask(port, '/healthz', {trusted: 'first'});
    assert.equal(response.statusCode, 200);
    assert.equal(response.headers['strict-transport-security'], 'max-age=2592000');
    await assert.rejects(ask(port, '/healthz', {trusted: 'second'}));
  }
});

test('the page and the pages of operators come by https', async () => {
  for (const [port, path] of [[world.port, '/play'], [world.adminPort, '/']]) {
    const response = await ask(port, path, {trusted: 'first'});
    assert.ok(response.statusCode < 400, `${path}: ${response.statusCode}`);
  }
});

test('programs of this machine have a port without TLS, with both sides', async () => {
  const plain = `http://127.0.0.1:${plainPort}`;
  const {players} = await (await fetch(`${plain}/v1/players`)).json();
  assert.ok(players.length >= BOT_COUNT);
  const response = await fetch(`${plain}/v1/sessions`, {method: 'POST', body: '{}'});
  assert.equal(response.status, 201);
  assert.equal(response.headers.get('strict-transport-security'), null);
});

test('certificates change while a player plays on', async () => {
  const {client, sockets} = await joinHere('Ada');
  const plays = async () => {
    const tick = client.newestTick;
    await waitFor('ticks to pass', () => client.newestTick > tick + 30);
    assert.equal(client.state, 'playing');
    assert.equal(client.stats.resumes, 0);
    assert.equal(sockets.length, 1);
  };
  const seconds = async () => {
    const metrics = await (await world.ask('GET', '/metrics')).text();
    return Number(/^muster_tls_certificate_remaining_seconds (\S+)/m.exec(metrics)[1]);
  };
  try {
    await plays();
    assert.ok(Math.abs(await seconds() - 30 * 86400) < 300);
    use('second');
    await waitFor('the files to be seen',
      async () => (await shown(world.port)).fingerprint === fingerprintOf('second'));
    assert.equal((await shown(world.adminPort)).fingerprint, fingerprintOf('second'));
    await waitFor('the figure', async () => Math.abs(await seconds() - 60 * 86400) < 300);
    await plays();

    for (const spoil of [() => use('over'), () => use('first', 'second'),
      () => copyFileSync(at('garbage.pem'), at('live.pem')), () => rmSync(at('live.key'))]) {
      const {length} = world.words.split(REFUSED);
      spoil();
      world.process.kill('SIGHUP');
      await waitFor('words about it', () => world.words.split(REFUSED).length > length);
      assert.equal((await shown(world.port)).fingerprint, fingerprintOf('second'));
    }
    await plays();

    use('short');
    world.process.kill('SIGHUP');
    await waitFor('the signal to count',
      async () => (await shown(world.port)).fingerprint === fingerprintOf('short'));
    await waitFor('a warning', () => world.words.includes('the certificate is about to expire'));
    await plays();
  } finally {
    client.leave();
  }
});

test('no server starts with a certificate that cannot be used', () => {
  const pair = (name, key = name) =>
    `certificate: ${at(`${name}.pem`)}\n  key: ${at(`${key}.key`)}`;
  const cases = [
    [pair('none'), /none\.pem cannot be read: No such file/],
    [pair('garbage', 'first'), /garbage\.pem: this is no certificate in PEM format/],
    [pair('first', 'second'), /second\.key: the key does not belong to the certificate/],
    [pair('over'), /over\.pem: the certificate expired on 20/],
    [`certificate: ${at('first.pem')}`, /tls\.key is empty/],
    [`key: ${at('first.key')}`, /tls\.certificate is empty/],
    [`${pair('first')}\n  self_signed: true`, /exclude each other/],
  ];
  for (const [index, [text, words]] of cases.entries()) {
    const path = at(`bad${index}.yaml`);
    writeFileSync(path, `tls:\n  ${text}\n`);
    for (const command of [['config', 'check', path], ['up', '--config', path]]) {
      const {status, stderr} = spawnSync(program, command,
        {encoding: 'utf8', env: {...process.env, XDG_STATE_HOME: folder}});
      assert.match(stderr, words);
      assert.equal(status, 2);
    }
    const {status, stdout} = spawnSync(program, ['doctor', '--config', path], {encoding: 'utf8'});
    assert.match(stdout, /fail.*certificate/);
    assert.equal(status, 3);
  }
});

test('the end of a certificate is told of before it comes', () => {
  const path = at('short.yaml');
  writeFileSync(path, `tls:\n  certificate: ${at('short.pem')}\n  key: ${at('short.key')}\n`);
  const checked = spawnSync(program, ['config', 'check', path], {encoding: 'utf8'});
  assert.equal(checked.status, 0);
  assert.match(checked.stderr, /expires in 2 days/);
  const {stdout} = spawnSync(program, ['doctor', '--config', path], {encoding: 'utf8'});
  assert.match(stdout, /warn.*certificate.*good for 2 days/);
});

test('with TLS bots and the live view want the plain port', () => {
  const {status, stderr} = spawnSync(program, ['up', '--bots', '1', '--set',
    'tls.self_signed=true'], {encoding: 'utf8', env: {...process.env, XDG_STATE_HOME: folder}});
  assert.equal(status, 2);
  assert.match(stderr, /set tls\.plain_port/);
});

function cookieOf(someWorld) {
  const key = /^admin_key = (\w+)/m.exec(
    readFileSync(joinPath(someWorld.folder, 'muster/secrets'), 'utf8'))[1];
  return someWorld.ask('POST', '/v1/login', JSON.stringify({key})).then(
    (response) => response.headers.get('set-cookie'));
}

test('cookies of operators go over TLS alone', async () => {
  assert.match(await cookieOf(world), /; Secure/);
});

test('a server for development makes its certificate; operators may stay without', async () => {
  const made = await World.start(['--game', 'hello', '--set', 'tls.self_signed=true',
    '--set', 'tls.admin=false'], 'https', 'http');
  try {
    const {fingerprint} = await shown(made.port);
    assert.ok(made.words.includes(fingerprint));
    const response = await fetch(`${made.url}/healthz`);
    assert.equal(response.headers.get('strict-transport-security'), null);
    assert.doesNotMatch(await cookieOf(made), /Secure/);
  } finally {
    await made.stop();
  }
});
