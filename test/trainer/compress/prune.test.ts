import { describe, expect, test } from 'vitest';
import { createOnnxEngine } from '../../../src/core/engine/onnx/onnx-engine.ts';
import { createTfjsEngine } from '../../../src/core/engine/tfjs/tfjs-engine.ts';
import { createNetwork, initialiseParameters } from '../../../src/core/network/create-network.ts';
import { createDuals } from '../../../src/core/network/dual.ts';
import { prunableWidths } from '../../../src/core/network/prunable.ts';
import type { EdgeSpec, NetworkSpec, ParameterValues } from '../../../src/core/network/spec.ts';
import { imresize } from '../../../src/core/pixels/imresize.ts';
import { createRandom } from '../../../src/core/random.ts';
import { type PruneEvent, type PruneOptions, pruneChannels } from '../../../src/trainer/compress/prune/prune.ts';
import { bestChannels, filterNorms } from '../../../src/trainer/compress/prune/prune-layers.ts';
import { pruneNetwork } from '../../../src/trainer/compress/prune/pruned-network.ts';
import { generatedPhoto } from '../../helpers/generated-photos.ts';

const EDGE: EdgeSpec = { family: 'edge', scale: 2, featureCount: 6, innerWidths: [6, 6] };

const pyramid = (levels: readonly number[], number: number) => {
  const scale = Math.max(...levels);
  const hrImage = generatedPhoto(64, 64, number);
  return new Map(levels.map((l) => [l, l === scale ? hrImage : imresize(hrImage, { scale: l / scale })]));
};

function startOf(spec: NetworkSpec): Record<string, ParameterValues> {
  const networks = [createNetwork(spec), ...createDuals(spec)];
  return Object.assign({}, ...networks.map((network) => initialiseParameters(network, createRandom(9))));
}

function optionsOf(spec: NetworkSpec, rest: Partial<PruneOptions> & Pick<PruneOptions, 'widths'>): PruneOptions {
  const levels = spec.family === 'drn' ? [1, 2, 4].filter((level) => level <= spec.scale) : [1, spec.scale];
  return {
    spec,
    parameters: startOf(spec),
    dualWeight: 0.1,
    seed: 1,
    engine: createOnnxEngine(),
    dataset: { train: [0, 1, 2].map((number) => pyramid(levels, number)) },
    batchSize: 2,
    lrPatchSize: 10,
    batchesPerPass: 2,
    channelsPerPass: 1,
    layersPerGroup: 1,
    rate: 0.01,
    ...rest,
  };
}

/** Channels 1, 2 and 5 of the first block never fire, though their filters are the largest. */
function withDeadChannels(): Record<string, ParameterValues> {
  const parameters = startOf(EDGE);
  const { data } = parameters['body.0.conv1.weight'];
  for (const dead of [1, 2, 5]) {
    for (let i = dead; i < data.length; i += 6) data[i] *= 3;
    parameters['body.0.conv1.bias'].data[dead] = -1000;
  }
  return parameters;
}

describe('pruneChannels', () => {
  const parameters = withDeadChannels();
  test.each([1, 3])('finds the channels that fire, %s at a time', async (channelsPerPass) => {
    const { kept } = await pruneChannels(optionsOf(EDGE, { parameters, widths: [3, 6], channelsPerPass }));
    expect(kept).toEqual({ 'body.0': [0, 3, 4] });
    const [block] = prunableWidths(EDGE);
    // Which is not what their filters' size says.
    expect(bestChannels(filterNorms(block, parameters['body.0.conv1.weight']), 3)).toEqual([1, 2, 5]);
  });

  test('changes nothing but the reading convolutions of what is cut, and zeroes what is not kept', async () => {
    const given = optionsOf(EDGE, { parameters, widths: [2, 0] });
    const { kept, parameters: pruned } = await pruneChannels(given);
    expect(kept['body.1']).toEqual([]);
    const changed = Object.keys(pruned).filter((name) =>
      pruned[name].data.some((v, i) => v !== parameters[name].data[i]),
    );
    expect(changed).toEqual(['body.0.conv2.weight', 'body.0.conv2.bias', 'body.1.conv2.weight', 'body.1.conv2.bias']);
    expect(new Set(pruned['body.1.conv2.bias'].data)).toEqual(new Set([0]));
    const zeros = pruned['body.0.conv2.weight'].data.filter((value) => value === 0);
    expect(zeros).toHaveLength(9 * 4 * 6);
    expect(pruneNetwork(EDGE, pruned, kept).spec).toEqual({ ...EDGE, innerWidths: [2, 0] });
  });

  test('lowers the loss when it tunes', async () => {
    // The images of random weights are bad, so there is more to win by them than by the features.
    const lossOf = async (rate: number) => {
      const events: PruneEvent[] = [];
      const report = (event: PruneEvent) => events.push(event);
      await pruneChannels(optionsOf(EDGE, { widths: [3, 3], rate, batchesPerPass: 8, report }));
      return (events.at(-1) as PruneEvent).primalLoss;
    };
    expect(await lossOf(0.01)).toBeLessThan(0.97 * (await lossOf(0)));
  });

  test('takes as many steps as it says, and tells where it is', async () => {
    const events: PruneEvent[] = [];
    const report = (event: PruneEvent) => events.push(event);
    await pruneChannels(optionsOf(EDGE, { widths: [5, 2], channelsPerPass: 2, report }));
    // Three passes and one pass, each of two batches to score and two to tune.
    expect(events.map(({ step, layer }) => `${step} ${layer}`)).toEqual(
      Array.from({ length: 16 }, (_, i) => `${i + 1} ${i < 12 ? 'body.0' : 'body.1'}`),
    );
    expect(new Set(events.map(({ steps }) => steps))).toEqual(new Set([16]));
  });

  test('prunes neighbours together', async () => {
    const events: PruneEvent[] = [];
    const report = (event: PruneEvent) => events.push(event);
    const { kept } = await pruneChannels(optionsOf(EDGE, { widths: [2, 1], layersPerGroup: 2, report }));
    expect(events.at(-1)).toMatchObject({ steps: 8, layer: 'body.0, body.1' });
    expect([kept['body.0'].length, kept['body.1'].length]).toEqual([2, 1]);
  });

  test('goes the same way on TF.js in plain JavaScript, on drn too', async () => {
    const spec: NetworkSpec = { family: 'drn', scale: 2, featureCount: 8, blockCount: 1 };
    const widths = [4, 8, 6];
    const given = optionsOf(spec, { widths, batchSize: 1, lrPatchSize: 8, channelsPerPass: 4, batchesPerPass: 1 });
    const onnx = await pruneChannels(given);
    const tfjs = await pruneChannels({ ...given, engine: await createTfjsEngine({ backend: 'cpu' }) });
    expect(tfjs.kept).toEqual(onnx.kept);
    for (const [name, { data }] of Object.entries(onnx.parameters)) {
      for (const [i, value] of data.entries()) expect(tfjs.parameters[name].data[i]).toBeCloseTo(value, 4);
    }
    const pruned = pruneNetwork(spec, onnx.parameters, onnx.kept);
    expect(prunableWidths(pruned.spec).map(({ width }) => width)).toEqual(widths);
  });

  test('stops when it is told to', async () => {
    const controller = new AbortController();
    const report = () => controller.abort();
    const stopped = pruneChannels(optionsOf(EDGE, { widths: [3, 3], report, signal: controller.signal }));
    await expect(stopped).rejects.toMatchObject({ code: 'DS_ABORTED' });
  });
});
