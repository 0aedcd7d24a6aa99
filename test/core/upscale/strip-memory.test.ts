import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { compileServedModel } from '../../../src/core/engine/served/served-model.ts';
import { createNetwork, initialiseParameters } from '../../../src/core/network/create-network.ts';
import { createRandom } from '../../../src/core/random.ts';
import { enlargeEncoded } from '../../../src/core/upscale/enlarge-encoded.ts';
import { createStripMemory } from '../../../src/core/upscale/strip-memory.ts';
import { createUpscaler } from '../../../src/core/upscale/upscale.ts';

const MIB = 2 ** 20;

describe('memory that is taken in turns', () => {
  test('is the smallest that was given back and is large enough', () => {
    const memory = createStripMemory();
    const [small, large] = [memory.take(MIB), memory.take(1.5 * MIB)];
    memory.give(large);
    memory.give(small);
    expect(memory.take(MIB - 5)).toBe(small);
    expect(memory.take(MIB)).toBe(large);
    expect(memory.take(MIB)).not.toBe(large);
  });

  test('serves pictures of nearly the same size', () => {
    const memory = createStripMemory();
    const first = memory.take(1_000_000);
    expect(first.byteLength).toBeGreaterThanOrEqual(1_000_000);
    expect(first.byteLength).toBeLessThanOrEqual(1_250_000);
    memory.give(first);
    expect(memory.take(1_010_000)).toBe(first);
  });

  test('is not wasted on what is much smaller', () => {
    const memory = createStripMemory();
    const large = memory.take(16 * MIB);
    memory.give(large);
    expect(memory.take(MIB)).not.toBe(large);
    expect(memory.take(10 * MIB)).toBe(large);
  });

  test('waits in a bounded amount, the longest unused goes first', () => {
    const memory = createStripMemory(3 * MIB);
    const taken = Array.from({ length: 4 }, () => memory.take(MIB));
    for (const one of taken) memory.give(one);
    const again = Array.from({ length: 4 }, () => memory.take(MIB));
    expect(again.filter((one) => taken.includes(one))).toHaveLength(3);
    expect(again).not.toContain(taken[0]);
  });
});

describe('pictures that are enlarged one after and beside the other', () => {
  test('share it, and no picture shows in another, whoever leaves meanwhile', async () => {
    const spec = { family: 'edge', scale: 2, featureCount: 8, innerWidths: [8, 8] } as const;
    const manifest = { id: 'small', spec, macs: { perLrPixel: 1e4 } };
    const parameters = initialiseParameters(createNetwork(spec), createRandom(1));
    const model = compileServedModel({ manifest, parameters, digest: 'strip-memory' } as never);
    const upscaler = await createUpscaler({ provider: 'cpu', workers: 2, maxTilePixels: 4096 });
    const pngOf = (i: number) => {
      const background = { r: (i * 53) % 256, g: (i * 97) % 256, b: (i * 31) % 256 };
      return sharp({ create: { width: 96 + (i % 3), height: 80, channels: 3, background } })
        .png()
        .toBuffer();
    };
    const enlarge = async (i: number, signal?: AbortSignal) => {
      const options = { upscaler, model, now: () => performance.now(), signal };
      return (await enlargeEncoded(await pngOf(i), options)).data;
    };
    try {
      const alone: Buffer[] = [];
      for (let i = 0; i < 12; i++) alone.push(await enlarge(i));
      // The last one's pixels are still there for the next to take.
      const taken = upscaler.memory.take(98 * 80 * 4 * 3);
      expect(new Uint8Array(taken).some((value) => value > 0)).toBe(true);
      for (let round = 0; round < 3; round++) {
        const asked = Array.from({ length: 12 }, (_, i) => {
          const leaves = i % 4 === round;
          const signal = leaves ? AbortSignal.timeout(1 + 3 * i) : undefined;
          return enlarge(i, signal).catch((error: { code: string }) => error.code);
        });
        for (const [i, result] of (await Promise.all(asked)).entries()) {
          if (typeof result === 'string') expect(result).toBe('DS_ABORTED');
          else expect(result.equals(alone[i] as Buffer)).toBe(true);
        }
      }
    } finally {
      await upscaler.close();
    }
  });
});
