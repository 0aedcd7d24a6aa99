import { beforeAll, describe, expect, test } from 'vitest';
import type { Engine } from '../../../src/core/engine/engine.ts';
import { createOnnxEngine } from '../../../src/core/engine/onnx/onnx-engine.ts';
import { createTfjsEngine } from '../../../src/core/engine/tfjs/tfjs-engine.ts';
import { tf } from '../../../src/core/tf.ts';
import type { AdamOptions } from '../../../src/trainer/train/step/optimizer.ts';
import { adamProgram } from '../../../src/trainer/train/step/optimizer.ts';

interface Step {
  readonly gradient: readonly number[];
  readonly learningRate: number;
  readonly emaDecay?: number;
}

const vector = (values: readonly number[]) =>
  ({ dtype: 'float32', shape: [values.length], data: Float32Array.from(values) }) as const;
const scalar = (value: number) => ({ dtype: 'float32', shape: [], data: Float32Array.of(value) }) as const;

async function runAdam(engine: Engine, start: readonly number[], steps: readonly Step[], options: AdamOptions = {}) {
  const executable = await engine.compile(adamProgram(start.length, options));
  const zeros = start.map(() => 0);
  let [parameters, firstMoment, secondMoment, average] = [start, zeros, zeros, start].map(vector);
  let gradientNorm = 0;
  for (const [t, { gradient, learningRate, emaDecay = 0.5 }] of steps.entries()) {
    const results = await executable.run({
      parameters,
      firstMoment,
      secondMoment,
      average,
      gradient: vector(gradient),
      learningRate: scalar(learningRate),
      beta1Correction: scalar(1 - 0.9 ** (t + 1)),
      beta2Correction: scalar(1 - 0.999 ** (t + 1)),
      emaDecay: scalar(emaDecay),
    });
    [parameters, firstMoment, secondMoment, average] = [
      ...['next.parameters', 'next.firstMoment', 'next.secondMoment', 'next.average'],
    ].map((name) => results[name] as ReturnType<typeof vector>);
    gradientNorm = results['gradientNorm'].data[0];
  }
  return { parameters: [...parameters.data], average: [...average.data], gradientNorm };
}

describe.each(['onnx', 'tfjs'] as const)('Adam on the %s engine', (name) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = name === 'onnx' ? createOnnxEngine() : await createTfjsEngine({ backend: 'cpu' });
  });

  test('takes the steps that TF.js’ own Adam takes', async () => {
    const start = [0.5, -1, 2, 0];
    const steps = Array.from({ length: 6 }, (_, t) => ({
      gradient: [0.3, -0.02, 0.1 * t, -0.4].map((g, i) => g * Math.cos(t + i)),
      learningRate: 0.01 / (t + 1),
    }));
    await tf.setBackend('cpu');
    const variable = tf.variable(tf.tensor1d(start), true, `reference-${name}`);
    const reference = tf.train.adam(0.01, 0.9, 0.999, 1e-8);
    for (const { gradient, learningRate } of steps) {
      (reference as unknown as { learningRate: number }).learningRate = learningRate;
      reference.applyGradients([{ name: variable.name, tensor: tf.tensor1d(gradient) }]);
    }
    const expected = [...(await variable.data())];
    const { parameters } = await runAdam(engine, start, steps, { clipNorm: 10 });
    for (const [i, value] of parameters.entries()) expect(value).toBeCloseTo(expected[i], 6);
  });

  test('moves by the learning rate at first, whatever the gradient’s size', async () => {
    // m/(1-b1) = g and v/(1-b2) = g*g, so the first step is g/|g|.
    const { parameters } = await runAdam(engine, [1, 1, 1], [{ gradient: [0.5, -0.01, 0], learningRate: 0.1 }]);
    for (const [i, expected] of [0.9, 1.1, 1].entries()) expect(parameters[i]).toBeCloseTo(expected, 5);
  });

  test('scales a gradient beyond the clip norm down to it, and leaves a smaller one alone', async () => {
    const long = { gradient: [3, 4], learningRate: 0.1 };
    const short = { gradient: [0.6, 0.8], learningRate: 0.1 };
    // The second step shows the difference: after equal steps Adam has forgotten the gradients' size.
    const clipped = await runAdam(engine, [0, 0], [long, short]);
    const asIfShort = await runAdam(engine, [0, 0], [short, short]);
    const unclipped = await runAdam(engine, [0, 0], [long, short], { clipNorm: 100 });
    for (const i of [0, 1]) expect(clipped.parameters[i]).toBeCloseTo(asIfShort.parameters[i], 6);
    expect(Math.abs(unclipped.parameters[0] - clipped.parameters[0])).toBeGreaterThan(0.005);
    expect((await runAdam(engine, [0, 0], [long])).gradientNorm).toBeCloseTo(5, 5);
  });

  test('averages the weights with the decay it is given', async () => {
    const { parameters, average } = await runAdam(engine, [1], [{ gradient: [1], learningRate: 0.2, emaDecay: 0.75 }]);
    expect(parameters[0]).toBeCloseTo(0.8, 5);
    expect(average[0]).toBeCloseTo(0.75 * 1 + 0.25 * 0.8, 5);
  });
});
