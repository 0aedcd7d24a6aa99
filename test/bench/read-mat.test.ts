import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readKernels } from '../../bench/blind/kernel-file.ts';
import { readMat } from '../../bench/blind/read-mat.ts';
import { kernelMoments } from '../../src/core/degradation/kernel.ts';

const path = join(process.env['DUALSCALE_DATA'] ?? '../shared/data', 'kernels/kernels_12.mat');
const missing = !existsSync(path);
const why = missing ? ' (skipped: no kernels_12.mat; DUALSCALE_DATA names the data folder)' : '';

/** As SciPy's loadmat reads the same file: sum, largest value, value at row 3 and column 20, and centre of mass. */
const BY_SCIPY = [
  { index: 0, largest: 0.32472417, at: 0, mean: [0, 0] },
  { index: 4, largest: 0.04253603, at: 7.062322e-13, mean: [0, 0] },
  { index: 5, largest: 0.043316517, at: 2.1670173e-6, mean: [0, 0] },
  { index: 8, largest: 0.07468028, at: 8.195748e-6, mean: [1.0201058, -1.8187125] },
  { index: 11, largest: 0.03042368, at: 0, mean: [1.108574, -0.0749514] },
] as const;

describe.skipIf(missing)(`kernels_12.mat${why}`, () => {
  test('is read as SciPy reads it', async () => {
    const matrices = readMat(await readFile(path)).get('kernels') ?? [];
    expect(matrices).toHaveLength(12);
    for (const { index, largest, at, mean } of BY_SCIPY) {
      const { rows, columns, data } = matrices[index];
      expect([rows, columns]).toEqual([25, 25]);
      expect(Math.max(...data)).toBeCloseTo(largest, 7);
      expect(data[3 * 25 + 20]).toBeCloseTo(at, 11);
      const { meanX, meanY } = kernelMoments({ size: 25, data });
      expect(meanX).toBeCloseTo(mean[0], 5);
      expect(meanY).toBeCloseTo(mean[1], 5);
    }
  });

  test('gives kernels that sum to 1 and do not move a picture', async () => {
    for (const kernel of await readKernels(path)) {
      const { meanX, meanY } = kernelMoments(kernel);
      expect(Math.hypot(meanX, meanY)).toBeLessThan(0.002);
      expect(kernel.data.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 9);
    }
  });

  test('cut short or altered in its tags it is refused, never read wrongly into memory', async () => {
    const file = await readFile(path);
    for (const length of [10, 127, 130, 140, file.length - 5]) {
      expect(() => readMat(file.subarray(0, length))).toThrow(expect.objectContaining({ code: 'DS_BAD_DATA' }));
    }
  });
});

describe('readMat', () => {
  const header = Buffer.alloc(128);
  header.write('IM', 126, 'latin1');
  const element = (type: number, bytes: Buffer): Buffer => {
    const tag = Buffer.alloc(8);
    tag.writeUInt32LE(type, 0);
    tag.writeUInt32LE(bytes.length, 4);
    return Buffer.concat([tag, bytes, Buffer.alloc(type === 15 ? 0 : (8 - (bytes.length % 8)) % 8)]);
  };
  const int32 = (...values: number[]) => Buffer.from(Int32Array.from(values).buffer);

  test('turns columns into rows and reads small elements', () => {
    // [1 2 3; 4 5 6] as uint8, column by column: 1 4 2 5 3 6. The name `k` lies in its tag.
    const name = Buffer.from([1, 0, 1, 0, 0x6b, 0, 0, 0]);
    const array = Buffer.concat([
      element(6, Buffer.from([9, 0, 0, 0, 0, 0, 0, 0])),
      element(5, int32(2, 3)),
      name,
      element(2, Buffer.from([1, 4, 2, 5, 3, 6])),
    ]);
    for (const whole of [element(14, array), element(15, deflateSync(element(14, array)))]) {
      const [matrix] = readMat(Buffer.concat([header, whole])).get('k') ?? [];
      expect(matrix.rows).toBe(2);
      expect([...matrix.data]).toEqual([1, 2, 3, 4, 5, 6]);
    }
  });

  test('refuses a bomb', () => {
    const bomb = element(15, deflateSync(Buffer.alloc(80 * 2 ** 20)));
    expect(() => readMat(Buffer.concat([header, bomb]))).toThrow('compressed element');
  });
});

test('kernels in JSON: one matrix or a list of them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dualscale-kernels-'));
  try {
    const file = join(folder, 'kernels.json');
    await writeFile(
      file,
      JSON.stringify([
        [
          [0, 2, 0],
          [0, 2, 0],
          [0, 0, 0],
        ],
        [[1]],
      ]),
    );
    const [first, second] = await readKernels(file);
    expect(kernelMoments(first).meanY).toBeCloseTo(0, 9);
    expect([...second.data]).toEqual([1]);
    await writeFile(file, JSON.stringify({ kernel: 1 }));
    await expect(readKernels(file)).rejects.toThrow('kernels.json');
  } finally {
    await rm(folder, { recursive: true });
  }
});
