// SPDX-License-Identifier: Apache-2.0

// WebSockets (RFC 6455) for tests: a client as a browser has it, for ws: and wss:, and a server
// for worlds made of paper. No extensions. Both can also do what nobody should: frames of any kind,
// a connection that breaks, a reader that stops.

import {createHash, randomBytes} from 'node:crypto';
import {createServer} from 'node:http';
import {connect as connectTcp, isIP} from 'node:net';
import {connect as connectTls} from 'node:tls';

const KEY_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const HEAD_BYTES_MAX = 16384;
const MESSAGE_BYTES_MAX = 1 << 20;
const CLOSE_WAIT_MS = 2000;

export const Opcode = Object.freeze({
  continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10,
});

export const ReadyState = Object.freeze({connecting: 0, open: 1, closing: 2, closed: 3});

function acceptOf(key) {
  return createHash('sha1').update(key + KEY_SUFFIX).digest('base64');
}

/**
 * A frame as bytes.
 * @param {{opcode: number, bytes?: Uint8Array, isFinal?: boolean, reserved?: number,
 *   isMasked?: boolean}} frame
 */
export function encodeFrame({opcode, bytes = [], isFinal = true, reserved = 0, isMasked = false}) {
  const payload = Buffer.from(bytes);
  const head = [(isFinal ? 0x80 : 0) | (reserved << 4) | opcode];
  const maskBit = isMasked ? 0x80 : 0;
  if (payload.length < 126) {
    head.push(maskBit | payload.length);
  } else if (payload.length < 65536) {
    head.push(maskBit | 126, payload.length >> 8, payload.length & 0xff);
  } else {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(payload.length));
    head.push(maskBit | 127, ...length);
  }
  if (!isMasked) {
    return Buffer.concat([Buffer.from(head), payload]);
  }
  const mask = randomBytes(4);
  for (let i = 0; i < payload.length; i++) {
    payload[i] ^= mask[i & 3];
  }
  return Buffer.concat([Buffer.from(head), mask, payload]);
}

// Takes frames from a stream of bytes. What is wrong is thrown as the close code that says so.
class FrameReader {
  constructor(isMasked) {
    this.isMasked = isMasked;
    this.bytes = Buffer.alloc(0);
  }

  push(bytes) {
    this.bytes = Buffer.concat([this.bytes, bytes]);
  }

  pop() {
    const bytes = this.bytes;
    if (bytes.length < 2) {
      return undefined;
    }
    const frame = {opcode: bytes[0] & 0x0f, isFinal: bytes[0] >= 0x80, bytes: undefined};
    const short = bytes[1] & 0x7f;
    if ((bytes[0] & 0x70) !== 0 || (bytes[1] >= 0x80) !== this.isMasked ||
        (frame.opcode >= 8 && (short > 125 || !frame.isFinal))) {
      throw 1002;
    }
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    const headBytes = 2 + lengthBytes + (this.isMasked ? 4 : 0);
    if (bytes.length < headBytes) {
      return undefined;
    }
    let length = short;
    if (short === 126) {
      length = bytes.readUInt16BE(2);
    } else if (short === 127) {
      length = Number(bytes.readBigUInt64BE(2));
    }
    if (length > MESSAGE_BYTES_MAX) {
      throw 1009;
    }
    if (bytes.length < headBytes + length) {
      return undefined;
    }
    frame.bytes = Buffer.from(bytes.subarray(headBytes, headBytes + length));
    for (let i = 0; this.isMasked && i < length; i++) {
      frame.bytes[i] ^= bytes[headBytes - 4 + (i & 3)];
    }
    this.bytes = bytes.subarray(headBytes + length);
    return frame;
  }
}

// What both ends do once the handshake is done.
class Connection {
  constructor(isClient) {
    this.isClient = isClient;
    this.readyState = ReadyState.connecting;
    this.binaryType = 'arraybuffer';
    this.protocol = '';
    this.fragmentBytes = Infinity; // longer messages are cut into frames of so many
    this.pongs = []; // payloads of pongs
    this.onopen = null;
    this.onmessage = null;
    this.onclose = null;
    this.onerror = null;
    this.stream = undefined;
    this.reader = new FrameReader(!isClient);
    this.message = undefined; // a message that goes on: {opcode, parts}
    this.closeEvent = {code: 1006, reason: '', wasClean: false};
    this.hasSentClose = false;
  }

  get bufferedAmount() {
    return this.stream?.writableLength ?? 0;
  }

  begin(stream, head) {
    this.stream = stream;
    this.readyState = ReadyState.open;
    stream.on('data', (bytes) => this.take(bytes));
    stream.on('end', () => stream.end());
    if (head.length > 0) {
      this.take(head);
    }
  }

  // Once only, when the stream is gone.
  finish() {
    if (this.readyState !== ReadyState.closed) {
      this.readyState = ReadyState.closed;
      if (!this.closeEvent.wasClean) {
        this.onerror?.({type: 'error'});
      }
      this.onclose?.(this.closeEvent);
    }
  }

  take(bytes) {
    this.reader.push(bytes);
    try {
      for (let frame = this.reader.pop(); frame; frame = this.reader.pop()) {
        this.takeFrame(frame);
      }
    } catch (code) {
      if (typeof code !== 'number') {
        throw code;
      }
      this.close(code);
      this.stream.destroySoon?.();
    }
  }

  takeFrame({opcode, isFinal, bytes}) {
    if (opcode === Opcode.ping) {
      this.sendFrame({opcode: Opcode.pong, bytes});
    } else if (opcode === Opcode.pong) {
      this.pongs.push(bytes);
    } else if (opcode === Opcode.close) {
      this.takeClose(bytes);
    } else if (opcode === Opcode.continuation ? !this.message : this.message || opcode > 2) {
      throw 1002;
    } else {
      this.message ??= {opcode, parts: []};
      this.message.parts.push(bytes);
      if (isFinal) {
        const {opcode: kind, parts} = this.message;
        this.message = undefined;
        this.takeMessage(kind, Buffer.concat(parts));
      }
    }
  }

  takeMessage(opcode, bytes) {
    if (this.readyState === ReadyState.open) {
      const data = opcode === Opcode.text
        ? bytes.toString()
        : bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
      this.onmessage?.({data});
    }
  }

  takeClose(bytes) {
    this.closeEvent = {
      code: bytes.length >= 2 ? bytes.readUInt16BE(0) : 1005,
      reason: bytes.subarray(2).toString(),
      wasClean: true,
    };
    this.sendClose(bytes.subarray(0, 2));
    this.readyState = ReadyState.closing;
    if (!this.isClient) {
      this.stream.end(); // the server ends the stream first
    }
  }

  sendClose(bytes) {
    if (!this.hasSentClose) {
      this.sendFrame({opcode: Opcode.close, bytes});
      this.hasSentClose = true;
      setTimeout(() => this.stream.destroy(), CLOSE_WAIT_MS).unref();
    }
  }

  /** Sends a message. */
  send(data) {
    if (this.readyState === ReadyState.connecting) {
      throw new Error('the connection is not open yet');
    }
    if (this.readyState !== ReadyState.open) {
      return;
    }
    const isText = typeof data === 'string';
    const bytes = isText ? Buffer.from(data) : new Uint8Array(data);
    let opcode = isText ? Opcode.text : Opcode.binary;
    let offset = 0;
    do {
      const end = Math.min(offset + this.fragmentBytes, bytes.length);
      const isFinal = end === bytes.length;
      this.sendFrame({opcode, isFinal, bytes: bytes.subarray(offset, end)});
      opcode = Opcode.continuation;
      offset = end;
    } while (offset < bytes.length);
  }

  /** Sends one frame of any kind. */
  sendFrame(frame) {
    if (!this.hasSentClose && this.stream.writable) {
      this.stream.write(encodeFrame({isMasked: this.isClient, ...frame}));
    }
  }

  close(code = 1000, reason = '') {
    if (this.readyState === ReadyState.connecting) {
      this.destroy();
    } else if (this.readyState === ReadyState.open) {
      this.readyState = ReadyState.closing;
      this.sendClose(Buffer.concat([Buffer.of(code >> 8, code & 0xff), Buffer.from(reason)]));
    }
  }

  /** Breaks the connection, as a network would. */
  destroy() {
    this.stream?.destroy();
  }

  /** Reads nothing any more. */
  pause() {
    this.stream.pause();
  }

  /** Reads again. */
  resume() {
    this.stream.resume();
  }
}

/** A client; its interface is that of a browser. */
export class WebSocket extends Connection {
  /**
   * @param {string} url
   * @param {string | string[]} [protocols]
   * @param {{headers?: object, tls?: import('node:tls').ConnectionOptions}} [options]
   */
  constructor(url, protocols = [], {headers = {}, tls = {}} = {}) {
    super(true);
    this.url = url;
    this.response = ''; // the head of the answer to the handshake
    const {protocol, hostname, port, host, pathname, search} = new URL(url);
    const isSecure = protocol === 'wss:';
    const address = {
      host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (isSecure ? 443 : 80),
    };
    const stream = isSecure
      ? connectTls({...address, servername: isIP(address.host) ? '' : hostname, ...tls})
      : connectTcp(address);
    const key = randomBytes(16).toString('base64');
    const request = {
      Host: host,
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Key': key,
      'Sec-WebSocket-Version': '13',
      ...([protocols].flat().length > 0 && {
        'Sec-WebSocket-Protocol': [protocols].flat().join(', '),
      }),
      ...headers,
    };
    this.stream = stream;
    stream.setNoDelay(true);
    stream.on('error', () => {});
    stream.on('close', () => this.finish());
    stream.once(isSecure ? 'secureConnect' : 'connect', () => {
      const lines = Object.entries(request).map(([name, value]) => `${name}: ${value}\r\n`);
      stream.write(`GET ${pathname}${search} HTTP/1.1\r\n${lines.join('')}\r\n`);
    });
    this.awaitAnswer(stream, key, [protocols].flat());
  }

  awaitAnswer(stream, key, protocols) {
    let bytes = Buffer.alloc(0);
    const onData = (more) => {
      bytes = Buffer.concat([bytes, more]);
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0 && bytes.length <= HEAD_BYTES_MAX) {
        return;
      }
      stream.off('data', onData);
      this.response = bytes.subarray(0, Math.max(end, 0)).toString('latin1');
      if (!this.isAnswerRight(key, protocols)) {
        stream.destroy();
        return;
      }
      this.begin(stream, bytes.subarray(end + 4));
      this.onopen?.({type: 'open'});
    };
    stream.on('data', onData);
  }

  isAnswerRight(key, protocols) {
    const [status, ...lines] = this.response.split('\r\n');
    const headers = new Map(lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }));
    this.protocol = headers.get('sec-websocket-protocol') ?? '';
    const isOfOurs = protocols.length === 0 ? this.protocol === '' :
      protocols.includes(this.protocol);
    return /^HTTP\/1\.1 101 /.test(status) && isOfOurs &&
      headers.get('sec-websocket-accept') === acceptOf(key);
  }
}

/** The server's end of a connection. */
export class ServerSocket extends Connection {
  constructor(stream, head, protocol) {
    super(false);
    this.protocol = protocol;
    stream.setNoDelay(true);
    stream.on('error', () => {});
    stream.on('close', () => this.finish());
    this.begin(stream, head);
  }
}

/**
 * A server on a free port of loopback. It takes the first protocol that a client offers.
 * @param {{onsocket: (socket: ServerSocket) => void,
 *   onrequest?: import('node:http').RequestListener}} handlers
 * @returns {Promise<{port: number, close: () => void}>}
 */
export async function serveWebSockets({onsocket, onrequest}) {
  const sockets = new Set();
  const server = createServer(onrequest);
  server.on('upgrade', (request, stream, head) => {
    const protocol = (request.headers['sec-websocket-protocol'] ?? '').split(',')[0].trim();
    stream.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n' +
      'Connection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${acceptOf(request.headers['sec-websocket-key'])}\r\n` +
      (protocol && `Sec-WebSocket-Protocol: ${protocol}\r\n`) + '\r\n');
    const socket = new ServerSocket(stream, head, protocol);
    sockets.add(socket);
    onsocket(socket);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: server.address().port,
    close() {
      server.close();
      server.closeAllConnections?.();
      sockets.forEach((socket) => socket.destroy());
    },
  };
}
