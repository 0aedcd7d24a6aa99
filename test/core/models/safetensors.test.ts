import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readSafetensors, writeSafetensors } from '../../../src/core/models/safetensors.ts';

/** A file put together by hand from the format's description, independent of the writer. */
function file(header: unknown, data: Uint8Array | readonly number[], headerBytes?: bigint): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(headerBytes ?? BigInt(json.length));
  return Buffer.concat([prefix, json, Uint8Array.from(data)]);
}

const one = { dtype: 'F32', shape: [1], data_offsets: [0, 4] };

describe('readSafetensors', () => {
  test('reads little-endian F32 and F16 and the metadata', () => {
    const header = {
      __metadata__: { by: 'hand' },
      b: { dtype: 'F16', shape: [2], data_offsets: [8, 12] },
      a: { dtype: 'F32', shape: [1, 2], data_offsets: [0, 8] },
    };
    // 1.0 = 0x3f800000, -2.0 = 0xc0000000; as halves 1.0 = 0x3c00, 2^-24 = 0x0001.
    const { tensors, metadata } = readSafetensors(
      file(header, [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0x00, 0x3c, 0x01, 0x00]),
    );
    expect(metadata).toEqual({ by: 'hand' });
    expect(tensors['a']).toEqual({ shape: [1, 2], data: Float32Array.of(1, -2) });
    expect(tensors['b']).toEqual({ shape: [2], data: Float32Array.of(1, 2 ** -24) });
  });

  test('reads from a view that starts at an odd byte', () => {
    const bytes = file({ a: one }, [0, 0, 0x80, 0x3f]);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(readSafetensors(shifted.subarray(1)).tensors['a']?.data).toEqual(Float32Array.of(1));
  });

  test('a scalar has one value and an axis of length 0 none', () => {
    const header = { a: { ...one, shape: [] }, b: { dtype: 'F32', shape: [0, 3], data_offsets: [4, 4] } };
    const { tensors } = readSafetensors(file(header, [0, 0, 0x80, 0x3f]));
    expect(tensors['a']?.data).toEqual(Float32Array.of(1));
    expect(tensors['b']?.data.length).toBe(0);
  });

  test.each([
    ['a file shorter than its prefix', Uint8Array.of(1, 2, 3), /at least 8 bytes, got 3/],
    ['a header longer than the file', file({ a: one }, [0, 0, 0, 0], 10_000n), /header of at most/],
    ['a header length near 2^64', file({ a: one }, [0, 0, 0, 0], 2n ** 64n - 1n), /got 18446744073709551615/],
    ['a header that is not JSON', file('{"a":', []), /not JSON/],
    ['a header that is not UTF-8', file('{"a":1}', []).fill(0xff, 9, 10), /not JSON/],
    ['a header that is a list', file('[]', []), /header to be an object/],
    ['a tensor that is no object', file({ a: null }, []), /`a` to be an object/],
    ['an unknown dtype', file({ a: { ...one, dtype: 'BF16' } }, [0, 0, 0, 0]), /F32 or F16, got `BF16`/],
    ['a negative size', file({ a: { ...one, shape: [-1] } }, [0, 0, 0, 0]), /a.shape/],
    ['a size that is not whole', file({ a: { ...one, shape: [1.5] } }, [0, 0, 0, 0]), /a.shape/],
    ['too many axes', file({ a: { ...one, shape: Array(9).fill(1) } }, [0, 0, 0, 0]), /at most 8 sizes/],
    ['sizes whose product overflows', file({ a: { ...one, shape: [2 ** 52, 2 ** 52] } }, [0, 0, 0, 0]), /to take/],
    ['a shape that does not fit', file({ a: { ...one, shape: [2] } }, [0, 0, 0, 0]), /to take 8 bytes, got 4/],
    ['one offset', file({ a: { ...one, data_offsets: [0] } }, [0, 0, 0, 0]), /two offsets/],
    ['offsets in the wrong order', file({ a: { ...one, data_offsets: [4, 0] } }, [0, 0, 0, 0]), /got -4/],
    ['a tensor beyond the end', file({ a: one }, [0, 0]), /4 bytes of tensors, got 2/],
    ['bytes that belong to no tensor', file({ a: one }, [0, 0, 0, 0, 9]), /4 bytes of tensors, got 5/],
    ['a gap', file({ a: { ...one, data_offsets: [4, 8] } }, [0, 0, 0, 0, 0, 0, 0, 0]), /begin at byte 0, got 4/],
    ['an overlap', file({ a: one, b: one }, [0, 0, 0, 0]), /`b` to begin at byte 4, got 0/],
    ['metadata that is not text', file({ __metadata__: { a: 1 } }, []), /texts only/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => readSafetensors(bytes)).toThrow(expect.objectContaining({ code: 'DS_BAD_MODEL' }));
    expect(() => readSafetensors(bytes)).toThrow(message);
  });

  test('any damage to the head gives an error or a file of the same size, never a crash', () => {
    const bytes = writeSafetensors({ a: { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) } });
    const head = bytes.length - 16;
    fc.assert(
      fc.property(fc.nat(head - 1), fc.integer({ min: 0, max: 255 }), (position, value) => {
        const damaged = bytes.slice();
        damaged[position] = value;
        try {
          const values = Object.values(readSafetensors(damaged).tensors).map(({ data }) => data.length);
          // Four floats, or the same bytes read as eight halves: never more than the file holds.
          expect(values.reduce((sum, length) => sum + length, 0)).toBeLessThanOrEqual(8);
        } catch (error) {
          expect(error).toMatchObject({ code: 'DS_BAD_MODEL' });
        }
      }),
      { numRuns: 500 },
    );
  });
});

const tensor = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }).chain((shape) => {
  const length = shape.reduce((size, axis) => size * axis, 1);
  return fc.float32Array({ minLength: length, maxLength: length }).map((data) => ({ shape, data }));
});
const names = fc.string().filter((name) => name !== '__metadata__');

describe('writeSafetensors', () => {
  test('what is written is read back, bit by bit', () => {
    fc.assert(
      fc.property(fc.dictionary(names, tensor), fc.dictionary(fc.string(), fc.string()), (tensors, metadata) => {
        const read = readSafetensors(writeSafetensors(tensors, { metadata }));
        expect({ ...read.metadata }).toEqual({ ...metadata });
        expect(Object.keys(read.tensors).sort()).toEqual(Object.keys(tensors).sort());
        for (const [name, { shape, data }] of Object.entries(tensors)) {
          expect(read.tensors[name]?.shape).toEqual(shape);
          expect(read.tensors[name]?.data).toEqual(data);
        }
      }),
    );
  });

  test('the layout is the one of the format: aligned data, offsets from the end of the header', () => {
    const bytes = writeSafetensors({
      b: { shape: [1], data: Float32Array.of(1) },
      a: { shape: [], data: Float32Array.of(2) },
    });
    const headerBytes = Number(Buffer.from(bytes).readBigUInt64LE());
    expect(headerBytes % 8).toBe(0);
    expect(JSON.parse(Buffer.from(bytes.subarray(8, 8 + headerBytes)).toString())).toEqual({
      a: { dtype: 'F32', shape: [], data_offsets: [0, 4] },
      b: { dtype: 'F32', shape: [1], data_offsets: [4, 8] },
    });
    expect([...bytes.subarray(8 + headerBytes)]).toEqual([0, 0, 0, 0x40, 0, 0, 0x80, 0x3f]);
  });

  test('float16 takes half the bytes and rounds to 11 bits', () => {
    const bytes = writeSafetensors({ a: { shape: [2], data: Float32Array.of(1 / 3, 0.5) } }, { dtype: 'float16' });
    // 0x3555 is the half nearest to one third.
    expect(readSafetensors(bytes).tensors['a']?.data).toEqual(Float32Array.of(0x555 / 4096, 0.5));
    expect([...bytes.subarray(-4)]).toEqual([0x55, 0x35, 0x00, 0x38]);
  });

  test('the order of the tensors does not change the bytes', () => {
    const a = { shape: [1], data: Float32Array.of(1) };
    const b = { shape: [1], data: Float32Array.of(2) };
    expect(writeSafetensors({ a, b })).toEqual(writeSafetensors({ b, a }));
  });

  test('refuses a shape that does not fit its values', () => {
    expect(() => writeSafetensors({ a: { shape: [2], data: Float32Array.of(1) } })).toThrow(/to take 8 bytes, got 4/);
  });
});
