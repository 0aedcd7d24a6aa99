import { beforeAll, describe, expect, test } from 'vitest';
import type { Engine } from '../../../src/core/engine/engine.ts';
import { createOnnxEngine } from '../../../src/core/engine/onnx/onnx-engine.ts';
import { createTfjsEngine } from '../../../src/core/engine/tfjs/tfjs-engine.ts';
import type { Program, TensorData } from '../../../src/core/graph/program.ts';
import { createNetwork } from '../../../src/core/network/create-network.ts';
import { createRandom } from '../../../src/core/random.ts';
import { tf } from '../../../src/core/tf.ts';
import { muonStep, orthogonalize } from '../../../src/trainer/train/step/optimizer.ts';
import { layOutParameters } from '../../../src/trainer/train/step/parameter-layout.ts';

const tensor = (shape: number[], data: ArrayLike<number>): TensorData => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from(data),
});

function randomMatrix(rows: number, columns: number, seed = 3): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length: rows * columns }, () => random() - 0.5);
}

/** Singular values by Jacobi rotations of pairs of columns (Hestenes 1958), in doubles. */
function singularValues(matrix: ArrayLike<number>, rows: number, columns: number): number[] {
  const column = (k: number) => Array.from({ length: rows }, (_, i) => matrix[i * columns + k]);
  const vectors = Array.from({ length: columns }, (_, k) => column(k));
  const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  for (let sweep = 0; sweep < 30; sweep++) {
    for (let p = 0; p < columns; p++) {
      for (let q = p + 1; q < columns; q++) {
        const [a, b] = [vectors[p], vectors[q]];
        const angle = 0.5 * Math.atan2(2 * dot(a, b), dot(a, a) - dot(b, b));
        const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
        vectors[p] = a.map((value, i) => cos * value + sin * b[i]);
        vectors[q] = b.map((value, i) => cos * value - sin * a[i]);
      }
    }
  }
  return vectors.map((vector) => Math.sqrt(dot(vector, vector)));
}

describe.each(['onnx', 'tfjs'] as const)('Muon on the %s engine', (name) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = name === 'onnx' ? createOnnxEngine() : await createTfjsEngine({ backend: 'cpu' });
  });

  async function run(program: Program, inputs: Record<string, TensorData>): Promise<ArrayLike<number>> {
    const executable = await engine.compile(program);
    const { result } = await executable.run(inputs);
    await executable.release();
    return (result as TensorData).data;
  }

  const orthogonalized = (rows: number, columns: number, data: ArrayLike<number>) =>
    run(
      {
        name: 'orthogonalize',
        inputs: { matrix: { shape: [rows, columns] } },
        run: ({ matrix }) => ({ result: orthogonalize(matrix as never) }),
      },
      { matrix: tensor([rows, columns], data) },
    );

  test.each([
    [72, 8],
    [8, 72],
    [27, 32],
    [6, 6],
  ])('makes the singular values of a %i x %i matrix nearly equal', async (rows, columns) => {
    const data = randomMatrix(rows, columns);
    // Directions of very different lengths, as momentum has.
    for (let i = 0; i < data.length; i++) data[i] *= 10 ** -((i % columns) / columns);
    const result = await orthogonalized(rows, columns, data);
    const isWide = columns > rows;
    const turned = isWide
      ? Array.from({ length: rows * columns }, (_, i) => result[(i % rows) * columns + Math.floor(i / rows)])
      : result;
    for (const value of singularValues(turned, Math.max(rows, columns), Math.min(rows, columns))) {
      expect(value).toBeGreaterThan(0.5);
      expect(value).toBeLessThan(1.3);
    }
  });

  test('keeps the singular vectors: of a diagonal matrix remains the sign', async () => {
    const result = await orthogonalized(3, 3, [0.9, 0, 0, 0, -0.4, 0, 0, 0, 0.2]);
    for (const [i, value] of Array.from(result).entries()) {
      const expected = [1, 0, 0, 0, -1, 0, 0, 0, 1][i];
      expect(Math.abs(value - expected)).toBeLessThan(expected === 0 ? 1e-6 : 0.35);
    }
  });

  test('does not depend on the scale, and leaves zeros as they are', async () => {
    const data = randomMatrix(9, 4);
    const [once, tiny] = [
      await orthogonalized(9, 4, data),
      await orthogonalized(
        9,
        4,
        data.map((v) => v * 1e-6),
      ),
    ];
    for (const [i, value] of Array.from(once).entries()) expect(tiny[i]).toBeCloseTo(value, 4);
    expect(Array.from(await orthogonalized(9, 4, new Float32Array(36)))).toEqual(Array(36).fill(0));
  });

  test('replaces the step of the large convolutions of the primal network and no other', async () => {
    const [primal, dual] = [
      createNetwork({ family: 'edge', scale: 2, featureCount: 8, innerWidths: [4, 0] }),
      createNetwork({ family: 'dual', scale: 2, featureCount: 4 } as never),
    ];
    const layout = layOutParameters([primal, dual]);
    const step = muonStep(primal, layout);
    const [adamStep, momentum] = [randomMatrix(layout.size, 1, 5), randomMatrix(layout.size, 1, 7)];
    const shape = [layout.size];
    const result = await run(
      {
        name: 'muon',
        inputs: { adamStep: { shape }, momentum: { shape } },
        run: (inputs) => ({ result: step(inputs['adamStep'], inputs['momentum']) }),
      },
      { adamStep: tensor(shape, adamStep), momentum: tensor(shape, momentum) },
    );
    expect(result).toHaveLength(layout.size);
    const replaced: string[] = [];
    for (const { name, offset, size, shape } of layout.slots) {
      const own = Array.from(result).slice(offset, offset + size);
      if (own.every((value, i) => value === adamStep[offset + i])) continue;
      replaced.push(name);
      const columns = shape.at(-1) as number;
      const direction = await orthogonalized(size / columns, columns, momentum.slice(offset, offset + size));
      const scale = 0.2 * Math.sqrt(Math.max(size / columns, columns));
      for (const [i, value] of own.entries()) expect(value).toBeCloseTo(scale * direction[i], 4);
      const rms = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0) / size);
      expect(rms).toBeGreaterThan(0.1);
      expect(rms).toBeLessThan(0.3);
    }
    expect(replaced).toEqual(['head.weight', 'body.0.conv1.weight', 'body.0.conv2.weight', 'tail.weight']);
  });
});

test('weights that rest stay where they are', () => {
  const rest = tf.tidy(() => orthogonalize(tf.zeros([18, 2])).arraySync());
  expect(rest.flat().every((value) => value === 0)).toBe(true);
});
