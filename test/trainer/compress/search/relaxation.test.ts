import { describe, expect, test } from 'vitest';
import {
  alphaGradient,
  candidateGradient,
  channelWeights,
  probabilityFrom,
  rankChannels,
  softmax,
} from '../../../../src/trainer/compress/search/relaxation.ts';

describe('rankChannels', () => {
  test('orders input channels by the sum of absolute weights', () => {
    // 1x2 kernel, 3 input and 2 output channels: norms 4, 13, 6.
    const weight = Float32Array.of(1, -1, 6, 0, 0, 3, 1, 1, -3, 4, 3, 0);
    expect([...rankChannels(weight, [1, 2, 3, 2])]).toEqual([2, 0, 1]);
  });

  test('leaves equal channels in their order', () => {
    expect([...rankChannels(new Float32Array(4).fill(1), [1, 1, 4, 1])]).toEqual([0, 1, 2, 3]);
  });
});

describe('channelWeights', () => {
  const candidates = [20, 24, 32, 36, 40, 44];
  const ranks = Int32Array.from({ length: 64 }, (_, c) => 63 - c);

  test('are 1 below the smallest candidate and 0 from the largest on, exactly', () => {
    const weights = channelWeights(softmax([0.3, -1, 2, 0.1, 0, -0.2]), candidates, ranks);
    for (const [channel, rank] of ranks.entries()) {
      if (rank < 20) expect(weights[channel]).toBe(1);
      else if (rank >= 44) expect(Math.abs(weights[channel])).toBeLessThan(1e-7);
      else expect(weights[channel]).toBeGreaterThan(0);
    }
  });

  test('add up to the expected width, whatever the probabilities', () => {
    const probabilities = softmax([1, 0, -2, 0.5, 3, 0.25]);
    const sum = channelWeights(probabilities, candidates, ranks).reduce((a, b) => a + b);
    const expected = candidates.reduce((total, width, i) => total + width * probabilities[i], 0);
    expect(sum).toBeCloseTo(expected, 4);
  });

  test('of a block that is dropped for sure are 0, and so is the block', () => {
    expect([...channelWeights([1, 0], [0, 3], Int32Array.of(0, 1, 2))]).toEqual([0, 0, 0]);
    expect(probabilityFrom([1, 0], [0, 3], 0)).toBe(0);
    expect(probabilityFrom([0.25, 0.75], [0, 3], 0)).toBe(0.75);
  });
});

test('the gradient of the alphas is that of finite differences', () => {
  const candidates = [0, 2, 2, 5];
  const ranks = Int32Array.of(3, 0, 4, 1, 2);
  const channelGradient = Float32Array.of(0.5, -1, 2, 0.25, -0.75);
  const blockGradient = 0.3;
  // Linear in the channels' weights, so its gradient with respect to them is channelGradient.
  const loss = (alphas: readonly number[]): number => {
    const probabilities = softmax(alphas);
    const weights = channelWeights(probabilities, candidates, ranks);
    const block = probabilityFrom(probabilities, candidates, 0) * blockGradient;
    return weights.reduce((sum, weight, i) => sum + weight * channelGradient[i], block);
  };
  const alphas = [0.2, -0.4, 0.9, 0.1];
  const byCandidate = candidateGradient(candidates, ranks, channelGradient, blockGradient);
  const gradient = alphaGradient(softmax(alphas), byCandidate);
  for (const i of alphas.keys()) {
    const step = 1e-2;
    const [up, down] = [step, -step].map((by) => loss(alphas.with(i, alphas[i] + by)));
    expect(gradient[i]).toBeCloseTo((up - down) / (2 * step), 4);
  }
});
