import { describe, expect, test } from 'vitest';
import type { Executable } from '../../../../src/core/engine/engine.ts';
import { createOnnxEngine } from '../../../../src/core/engine/onnx/onnx-engine.ts';
import { createTfjsEngine } from '../../../../src/core/engine/tfjs/tfjs-engine.ts';
import type { NetworkSpec } from '../../../../src/core/network/spec.ts';
import { createRandom } from '../../../../src/core/random.ts';
import { alphaGradient, softmax } from '../../../../src/trainer/compress/search/relaxation.ts';
import {
  candidateGradients,
  certain,
  createSearchObjective,
  relaxedVector,
  startWeights,
} from '../../../../src/trainer/compress/search/super-net.ts';
import { batchInputs, createObjective, gradientProgram } from '../../../../src/trainer/train/step/objective.ts';

const DUAL_WEIGHT = 0.1;
const SHAPE = { batchSize: 1, lrPatchSize: 4 };
const CASES: { spec: NetworkSpec; candidates: number[][] }[] = [
  {
    spec: { family: 'edge', scale: 2, featureCount: 4, innerWidths: [4, 3] },
    candidates: [
      [0, 2, 4],
      [0, 1, 3],
    ],
  },
  {
    spec: {
      family: 'edge',
      scale: 2,
      featureCount: 4,
      innerWidths: [4, 3],
      code: { width: 5, hidden: 3, estimator: [2, 2, 2] },
    },
    candidates: [
      [0, 2, 4],
      [0, 1, 3],
    ],
  },
  {
    spec: { family: 'drn', scale: 2, featureCount: 6, blockCount: 1 },
    candidates: [
      [4, 4, 6],
      [4, 8, 12],
      [4, 8, 12],
    ],
  },
];

function batchOf(search: ReturnType<typeof createSearchObjective>) {
  const random = createRandom(8);
  const inputs = Object.entries(batchInputs(search.objective, SHAPE)).map(([name, { shape }]) => {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, random);
    return [name, { dtype: 'float32' as const, shape, data }] as const;
  });
  return Object.fromEntries(inputs);
}

describe.each(CASES)('the relaxed objective of $spec', ({ spec, candidates }) => {
  const search = createSearchObjective(spec, DUAL_WEIGHT);
  const trained = startWeights(search, {}, 5);
  const batch = batchOf(search);
  const alphas = candidates.map((options, width) => options.map((_, i) => 0.3 * i - 0.2 * width));

  const evaluate = async (executable: Executable, vector: Float32Array) => {
    const parameters = { dtype: 'float32', shape: [vector.length], data: vector } as const;
    const { gradient, primalLoss, dualLoss } = await executable.run({ parameters, ...batch });
    const loss = primalLoss.data[0] + DUAL_WEIGHT * dualLoss.data[0];
    return { loss, gradient: gradient.data as Float32Array };
  };

  test('has the alpha gradient of finite differences, on TF.js and compiled', async () => {
    const program = gradientProgram(search.objective, SHAPE);
    const eager = await (await createTfjsEngine({ backend: 'cpu' })).compile(program);
    const compiled = await createOnnxEngine().compile(program);
    const at = (values: number[][]) => relaxedVector(search, trained, candidates, values.map(softmax));
    const { vector, ranks } = at(alphas);
    const expected = await evaluate(eager, vector);
    const found = await evaluate(compiled, vector);
    const gradients = [expected, found].map(({ gradient }) =>
      candidateGradients(search, gradient, candidates, ranks).map((g, width) =>
        alphaGradient(softmax(alphas[width]), g),
      ),
    );
    const step = 0.02;
    for (const [width, options] of candidates.entries()) {
      // One candidate of each width: the probabilities move the others as well.
      for (const i of [width % options.length]) {
        const moved = (by: number) => alphas.with(width, alphas[width].with(i, alphas[width][i] + by));
        const [up, down] = [
          await evaluate(eager, at(moved(step)).vector),
          await evaluate(eager, at(moved(-step)).vector),
        ];
        const difference = (up.loss - down.loss) / (2 * step);
        expect(gradients[0][width][i]).toBeCloseTo(difference, 4);
        expect(gradients[1][width][i]).toBeCloseTo(gradients[0][width][i], 5);
      }
    }
    await Promise.all([eager.release(), compiled.release()]);
  });

  test('is the plain objective where the full widths are certain', async () => {
    const last = candidates.map(({ length }) => length - 1);
    const { vector } = relaxedVector(search, trained, candidates, certain(candidates, last));
    expect(new Set(vector.subarray(search.trainedSize))).toEqual(new Set([1]));
    const engine = await createTfjsEngine({ backend: 'cpu' });
    const plain = await engine.compile(gradientProgram(createObjective(spec, DUAL_WEIGHT), SHAPE));
    const relaxed = await engine.compile(gradientProgram(search.objective, SHAPE));
    const expected = await evaluate(plain, vector.slice(0, search.trainedSize));
    const found = await evaluate(relaxed, vector);
    expect(found.loss).toBeCloseTo(expected.loss, 6);
    for (const [i, value] of expected.gradient.entries()) expect(found.gradient[i]).toBeCloseTo(value, 5);
    await Promise.all([plain.release(), relaxed.release()]);
  });
});
