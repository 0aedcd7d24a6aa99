/** Real networks whose answer is known: an `edge` network without weights repeats each pixel `scale` x `scale` times. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publishModel } from '../../src/core/models/publish.ts';
import { createNetwork, initialiseParameters } from '../../src/core/network/create-network.ts';
import type { EdgeSpec } from '../../src/core/network/spec.ts';
import type { PixelImage } from '../../src/core/pixels/image.ts';

export interface ModelsFolder {
  readonly directory: string;
  remove(): Promise<void>;
}

/** Publishes `nearest-x2` and `nearest-x4`, or those of `scales`; more features and blocks make them slower, not different. */
export async function publishNearestModels(
  scales: readonly (2 | 3 | 4)[] = [2, 4],
  { featureCount = 4, blocks = 1 } = {},
): Promise<ModelsFolder> {
  const directory = await mkdtemp(join(tmpdir(), 'dualscale-models-'));
  for (const scale of scales) {
    const innerWidths = Array.from({ length: blocks }, () => featureCount);
    const spec: EdgeSpec = { family: 'edge', scale, featureCount, innerWidths };
    // `random` of one half is the middle of the range: zero.
    const parameters = initialiseParameters(createNetwork(spec), () => 0.5);
    const provenance = {
      trainer: '0.0.0',
      data: 'none',
      seeds: [],
      steps: 0,
      recipe: {},
      date: '2026-01-01',
      machine: 'none',
    };
    const draft = { id: `nearest-x${scale}`, version: '1.0.0', license: 'MIT', degradation: 'bicubic' as const };
    await publishModel(directory, { ...draft, spec, provenance, quality: [], latency: [] }, parameters);
  }
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}

/** What these networks make of `image`: the independent answer. */
export function repeatPixels(image: PixelImage, scale: number): PixelImage {
  const { channels, data } = image;
  const [width, height] = [image.width * scale, image.height * scale];
  const repeated = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (Math.floor(y / scale) * image.width + Math.floor(x / scale)) * channels;
      repeated.set(data.subarray(from, from + channels), (y * width + x) * channels);
    }
  }
  return { width, height, channels, data: repeated };
}
