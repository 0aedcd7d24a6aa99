import { createRequire } from 'node:module';
import fc from 'fast-check';
import type * as OnnxRuntime from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { compileProgram } from '../../../src/core/graph/compile.ts';
import { serializeOnnx } from '../../../src/core/graph/onnx-model.ts';
import type { Program } from '../../../src/core/graph/program.ts';
import { ProtobufWriter } from '../../../src/core/graph/protobuf.ts';
import { type Tensor, type Tensor4D, tf } from '../../../src/core/tf.ts';

const ort = createRequire(import.meta.url)('onnxruntime-node') as typeof OnnxRuntime;

interface Field {
  readonly field: number;
  readonly value: bigint | Uint8Array;
}

/** An independent reader of protobuf's wire format, by its public description. */
function readFields(bytes: Uint8Array): Field[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = view.getUint8(at++);
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const take = (length: number) => {
    if (at + length > bytes.length) throw new Error('a field reaches beyond the end of its message');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const [field, wire] = [tag >> 3, tag & 7];
    if (wire === 0) fields.push({ field, value: varint() });
    else if (wire === 2) fields.push({ field, value: take(Number(varint())) });
    else if (wire === 5) fields.push({ field, value: take(4) });
    else throw new Error(`unexpected wire type ${wire}`);
  }
  return fields;
}

const all = (bytes: Uint8Array, field: number) =>
  readFields(bytes)
    .filter((entry) => entry.field === field)
    .map(({ value }) => value);
const messages = (bytes: Uint8Array, field: number) => all(bytes, field) as Uint8Array[];
const text = (bytes: Uint8Array, field: number) =>
  messages(bytes, field).map((value) => new TextDecoder().decode(value));

describe('the protobuf writer', () => {
  // From the protobuf encoding guide: 150 is 96 01, and -2 as int64 is FE FF .. FF 01, ten bytes.
  it.each([
    [0, [0x08, 0x00]],
    [127, [0x08, 0x7f]],
    [128, [0x08, 0x80, 0x01]],
    [150, [0x08, 0x96, 0x01]],
    [-1, [0x08, ...Array(9).fill(0xff), 0x01]],
    [-2, [0x08, 0xfe, ...Array(8).fill(0xff), 0x01]],
    [2 ** 32, [0x08, 0x80, 0x80, 0x80, 0x80, 0x10]],
    [9223372036854775807n, [0x08, ...Array(8).fill(0xff), 0x7f]],
    [-9223372036854775808n, [0x08, ...Array(9).fill(0x80), 0x01]],
  ] as [number | bigint, number[]][])('writes %s as the encoding guide says', (value, bytes) => {
    expect([...new ProtobufWriter().int(1, value).finish()]).toEqual(bytes);
  });

  it('writes what an independent reader reads', () => {
    const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    const fieldNumber = fc.integer({ min: 1, max: 2 ** 20 });
    fc.assert(
      fc.property(
        fieldNumber,
        int64,
        fc.string({ unit: 'grapheme' }),
        fc.uint8Array({ maxLength: 300 }),
        fc.float(),
        (field, int, string, bytes, float) => {
          const inner = new ProtobufWriter().int(field, int).string(1, string);
          const written = new ProtobufWriter().message(field, inner).bytes(2, bytes).float(3, float).finish();
          const [message, blob, number, ...rest] = readFields(written) as { field: number; value: Uint8Array }[];
          expect(rest).toEqual([]);
          expect([message?.field, blob?.field, number?.field]).toEqual([field, 2, 3]);
          expect([...(blob?.value ?? [])]).toEqual([...bytes]);
          expect(Buffer.from(number?.value ?? []).readFloatLE()).toBe(float);
          const [first, second] = readFields(message?.value as Uint8Array);
          expect(BigInt.asIntN(64, first?.value as bigint)).toBe(int);
          expect(new TextDecoder().decode(second?.value as Uint8Array)).toBe(string);
        },
      ),
    );
  });
});

const program: Program = {
  name: 'exported',
  inputs: { image: { shape: [1, 6, 6, 3], dynamicAxes: [1, 2] }, flags: { shape: [3], dtype: 'bool' } },
  constants: {
    filter: { dtype: 'float32', shape: [3, 3, 3, 8], data: new Float32Array(216).map((_, i) => Math.sin(i)) },
  },
  run: ({ image, flags, filter }) => {
    const y = tf.leakyRelu(tf.conv2d(image as Tensor4D, filter as Tensor4D, 1, 'same'), 0.25);
    return {
      enlarged: y,
      chosen: tf.where(flags as Tensor, tf.tensor1d([1, 2, 3]), tf.zeros([1])),
      whole: tf.cast(y, 'int32'),
    };
  },
};

describe('an exported model', () => {
  const bytes = serializeOnnx(compileProgram(program));

  it('is read by ONNX Runtime with the names, types and free axes of the program', async () => {
    const session = await ort.InferenceSession.create(bytes);
    const described = (list: readonly OnnxRuntime.InferenceSession.ValueMetadata[]) =>
      list.map((value) => (value.isTensor ? [value.name, value.type, value.shape] : [value.name]));
    expect(described(session.inputMetadata)).toEqual([
      ['image', 'float32', [1, 'image_1', 'image_2', 3]],
      ['flags', 'bool', [3]],
    ]);
    expect(described(session.outputMetadata)).toEqual([
      ['enlarged', 'float32', [1, 'enlarged_1', 'enlarged_2', 8]],
      ['chosen', 'float32', [3]],
      ['whole', 'int32', [1, 'whole_1', 'whole_2', 8]],
    ]);
    await session.release();
  });

  it('is laid out as onnx.proto3 says', () => {
    expect(all(bytes, 1)).toEqual([9n]);
    expect(text(bytes, 2)).toEqual(['dualscale']);
    const opsets = messages(bytes, 8).map((opset) => [text(opset, 1)[0], all(opset, 2)[0]]);
    expect(opsets).toEqual([['', 17n]]);
    const [graph] = messages(bytes, 7) as [Uint8Array];
    expect(text(graph, 2)).toEqual(['exported']);
    const operators = messages(graph, 1).map((node) => text(node, 4)[0]);
    expect(operators).toContain('Conv');
    expect(operators).toContain('Where');
    const [leaky] = messages(graph, 1).filter((node) => text(node, 4)[0] === 'LeakyRelu') as [Uint8Array];
    const [alpha] = messages(leaky, 5) as [Uint8Array];
    expect([text(alpha, 1), all(alpha, 20)]).toEqual([['alpha'], [1n]]);
    expect(Buffer.from(messages(alpha, 2)[0] as Uint8Array).readFloatLE()).toBe(0.25);
  });

  it('defines every value before it is used, and no value twice', () => {
    const [graph] = messages(bytes, 7) as [Uint8Array];
    const known = new Set([
      ...messages(graph, 5).map((tensor) => text(tensor, 8)[0]),
      ...messages(graph, 11).map((value) => text(value, 1)[0]),
    ]);
    for (const node of messages(graph, 1)) {
      for (const input of text(node, 1)) expect(known).toContain(input);
      for (const output of text(node, 2)) {
        expect(known).not.toContain(output);
        known.add(output);
      }
    }
    for (const value of messages(graph, 12)) expect(known).toContain(text(value, 1)[0]);
  });

  it('keeps the weights bit for bit', () => {
    const [graph] = messages(bytes, 7) as [Uint8Array];
    const weights = messages(graph, 5).find((tensor) => messages(tensor, 9)[0]?.length === 4 * 216) as Uint8Array;
    expect(all(weights, 1)).toEqual([3n, 3n, 3n, 8n]);
    const raw = Uint8Array.from(messages(weights, 9)[0] as Uint8Array);
    expect([...new Float32Array(raw.buffer)]).toEqual([...(program.constants?.['filter']?.data ?? [])]);
  });
});
