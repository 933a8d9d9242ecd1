// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {
  BitReader, BitWriter, ByteReader, ByteWriter, bitsFor, decodeText, encodeText,
} from '../../sdk/js/bits.js';
import {Random, seedOf} from './harness/random.mjs';

test('bytes come back as they were written', () => {
  const writer = new ByteWriter(128);
  writer.u8(0xfe);
  writer.u16(0x1234);
  writer.u32(0xfedcba98);
  writer.u64(2 ** 40 + 7);
  writer.f32(0.5);
  writer.text('Zoë');
  writer.space(Uint8Array.of(1, 2, 3));
  assert.equal(writer.isFailed, false);

  const reader = new ByteReader(writer.finish());
  assert.equal(reader.i8(), -2);
  assert.equal(reader.u16(), 0x1234);
  assert.equal(reader.u32(), 0xfedcba98);
  assert.equal(reader.u64(), 2 ** 40 + 7);
  assert.equal(reader.f32(), 0.5);
  assert.equal(reader.text(31), 'Zoë');
  assert.deepEqual([...reader.rest()], [1, 2, 3]);
  assert.ok(reader.isRead);
});

test('a reader fails at the end and stays failed', () => {
  const reader = new ByteReader(Uint8Array.of(1, 2));
  assert.equal(reader.u32(), 0);
  assert.ok(reader.isFailed);
  assert.equal(reader.u8(), 0);
  assert.equal(reader.left, 0);
  assert.equal(reader.space(1).length, 0);
});

test('a writer fails when it is full and writes nothing more', () => {
  const writer = new ByteWriter(3);
  writer.u16(7);
  writer.u16(8);
  writer.u8(9);
  assert.ok(writer.isFailed);
  assert.deepEqual([...writer.finish()], [7, 0]);
});

test('varints have one form each', () => {
  for (const value of [0, 1, 127, 128, 300, 2 ** 31, 2 ** 32, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
    const writer = new ByteWriter(10);
    writer.varint(value);
    const bytes = writer.finish();
    assert.equal(new ByteReader(bytes).varint(), value);
    assert.equal(new BitReader(bytes).varint(), value);
    for (let length = 0; length < bytes.length; length++) {
      const reader = new ByteReader(bytes.subarray(0, length));
      assert.equal(reader.varint(), 0);
      assert.ok(reader.isFailed);
    }
  }
  for (const bytes of [[0x80, 0], [0xff, 0x80, 0], Array(10).fill(0xff), [0x81, 1]]) {
    const byteReader = new ByteReader(Uint8Array.from(bytes));
    byteReader.varint(128);
    assert.ok(byteReader.isFailed, String(bytes));
    const bitReader = new BitReader(Uint8Array.from(bytes));
    bitReader.varint(128);
    assert.ok(bitReader.isFailed, String(bytes));
  }
});

test('texts are UTF-8 without control characters', () => {
  assert.equal(decodeText(encodeText('Ünï ✓')), 'Ünï ✓');
  for (const bytes of [[10], [0x7f], [0xc2, 0x85], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xff]]) {
    assert.equal(decodeText(Uint8Array.from(bytes)), undefined, String(bytes));
  }
  const reader = new ByteReader(Uint8Array.of(3, 97, 98, 99));
  assert.equal(reader.text(2), '');
  assert.ok(reader.isFailed);
});

test('bits of any width come back as they were written', (context) => {
  const random = new Random(seedOf(context));
  const writer = new BitWriter(4096);
  const written = [];
  for (let i = 0; i < 1000; i++) {
    const bitCount = random.below(33);
    const value = Math.floor(random.share() * 2 ** bitCount);
    writer.put(value, bitCount);
    written.push([value, bitCount]);
  }
  writer.put(0xfedcba9876543210n, 64);
  const reader = new BitReader(writer.finish());
  for (const [value, bitCount] of written) {
    assert.equal(reader.get(bitCount), value);
  }
  assert.equal(reader.big(64), 0xfedcba9876543210n);
  reader.align();
  assert.equal(reader.isFailed, false);
  assert.equal(reader.left, 0);
  assert.equal(reader.get(1), 0);
  assert.ok(reader.isFailed);
});

test('ones are counted up to a zero or a limit', () => {
  const reader = new BitReader(Uint8Array.of(0b01110111, 0b1));
  assert.equal(reader.ones(6), 3);
  assert.equal(reader.ones(2), 2);
  assert.equal(reader.ones(6), 1);
  assert.equal(reader.bitIndex, 8);
  reader.get(1);
  reader.align();
  assert.equal(reader.isFailed, false);
});

test('a bit that is set before the next byte fails', () => {
  const reader = new BitReader(Uint8Array.of(0b1001));
  reader.get(2);
  reader.align();
  assert.ok(reader.isFailed);
});

test('a bit writer fails when it is full', () => {
  const writer = new BitWriter(1);
  writer.put(1, 5);
  writer.put(1, 4);
  assert.ok(writer.isFailed);
  assert.deepEqual([...writer.finish()], [1]);
});

test('bits for a range are as many as needed', () => {
  assert.deepEqual([0, 1, 2, 255, 256, 2 ** 32 - 1].map(bitsFor), [0, 1, 2, 8, 9, 32]);
});
