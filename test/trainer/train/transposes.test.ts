/** What ONNX Runtime really runs of a training step, read back from the model it writes after its optimisations. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as OnnxRuntime from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nchwcBlockSize } from '../../../src/core/engine/onnx/nchwc-block.ts';
import { compileProgram } from '../../../src/core/graph/compile.ts';
import { blockConvolutions } from '../../../src/core/graph/nchwc.ts';
import { type OnnxGraph, serializeOnnx } from '../../../src/core/graph/onnx-model.ts';
import { createObjective, gradientProgram } from '../../../src/trainer/train/step/objective.ts';

const ort = createRequire(import.meta.url)('onnxruntime-node') as typeof OnnxRuntime;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dualscale-transposes-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Field 4 of an ONNX node is its operator's name: tag 0x22, length, text. */
function countNodes(model: Buffer, operator: string): number {
  const pattern = Buffer.concat([Buffer.from([0x22, operator.length]), Buffer.from(operator)]);
  let count = 0;
  for (let at = model.indexOf(pattern); at >= 0; at = model.indexOf(pattern, at + 1)) count += 1;
  return count;
}

function compiled(blocks: number, block: number): OnnxGraph {
  const spec = { family: 'edge', scale: 4, featureCount: 16, innerWidths: Array<number>(blocks).fill(16) } as const;
  const graph = compileProgram(gradientProgram(createObjective(spec, 0.1), { batchSize: 1, lrPatchSize: 16 }));
  return block === 0 ? graph : blockConvolutions(graph, block);
}

/** Transposes of anything that was computed from pictures, as against those of weights. */
function countOfImages({ nodes, inputs }: OnnxGraph): number {
  const fromImages = new Set(inputs.map(({ name }) => name).filter((name) => name.startsWith('image')));
  let count = 0;
  for (const node of nodes) {
    if (!node.inputs.some((name) => fromImages.has(name))) continue;
    for (const name of node.outputs) fromImages.add(name);
    if (node.op === 'Transpose') count += 1;
  }
  return count;
}

async function optimised(graph: OnnxGraph): Promise<Buffer> {
  const optimizedModelFilePath = join(folder, 'optimised.onnx');
  const options = { optimizedModelFilePath, graphOptimizationLevel: 'all', logSeverityLevel: 3 } as const;
  const session = await ort.InferenceSession.create(serializeOnnx(graph), options);
  await session.release();
  return readFile(optimizedModelFilePath);
}

describe.each([
  ['the ordinary layout', async () => 0],
  ["this machine's blocked layout", nchwcBlockSize],
])('in %s', (_name, findBlock) => {
  test('no image is transposed for the depth of the network, and ONNX Runtime adds no transposes of its own', async () => {
    const block = await findBlock();
    const graphs = [2, 4, 8].map((blocks) => compiled(blocks, block));
    const ofImages = graphs.map(countOfImages);
    // Pictures come and go as NHWC.
    expect(ofImages[0]).toBeGreaterThan(0);
    expect(ofImages[1]).toBe(ofImages[0]);
    expect(ofImages[2]).toBe(ofImages[0]);
    const counts: number[] = [];
    for (const graph of graphs) counts.push(countNodes(await optimised(graph), 'Transpose'));
    // Two convolutions a block, whose 3x3 weights are turned once to read and once for the gradient of their input.
    expect(counts[1] - counts[0]).toBe(4 * (4 - 2));
    expect(counts[2] - counts[1]).toBe(4 * (8 - 4));
    expect(counts[0]).toBeGreaterThan(0);
  });
});
