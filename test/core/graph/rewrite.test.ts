import { describe, expect, it } from 'vitest';
import { compileProgram } from '../../../src/core/graph/compile.ts';
import type { OnnxGraph, OnnxNode } from '../../../src/core/graph/onnx-model.ts';
import type { Program } from '../../../src/core/graph/program.ts';
import { createNetwork } from '../../../src/core/network/create-network.ts';
import { pixelShuffle, pixelUnshuffle } from '../../../src/core/network/layers.ts';
import type { EdgeSpec } from '../../../src/core/network/spec.ts';
import { type Tensor, type Tensor4D, tf } from '../../../src/core/tf.ts';
import { expectSame, uniform } from '../../helpers/programs.ts';

type Inputs = Readonly<Record<string, Tensor>>;

function programOf(shapes: Record<string, number[]>, run: (inputs: Inputs) => Record<string, Tensor>): Program {
  return {
    name: 'rewritten',
    inputs: Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { shape }])),
    run,
  };
}

const count = (graph: OnnxGraph, op: string) => graph.nodes.filter((node) => node.op === op).length;

async function expectRight(program: Program): Promise<void> {
  const inputs = Object.entries(program.inputs).map(([name, { shape }]) => [name, uniform(shape, -0.5, 0.5)]);
  await expectSame(program, Object.fromEntries(inputs), 2e-5);
}

const LAYER = { x: [1, 5, 6, 3], filter: [3, 3, 3, 4], bias: [4] };
const conv = ({ x, filter }: Inputs) => tf.conv2d(x as Tensor4D, filter as Tensor4D, 1, 'same');

describe('a convolution and its bias', () => {
  it.each([
    ['behind', (inputs: Inputs) => tf.add(conv(inputs), inputs['bias'] as Tensor)],
    ['in front', (inputs: Inputs) => tf.add(inputs['bias'] as Tensor, conv(inputs))],
  ])('become one Conv, the bias written %s', async (_, layer) => {
    const program = programOf(LAYER, (inputs) => ({ y: tf.relu(layer(inputs)) }));
    const graph = compileProgram(program);
    expect(graph.nodes.filter(({ op }) => op === 'Conv').map(({ inputs }) => inputs.length)).toEqual([3]);
    expect(count(graph, 'Add')).toBe(0);
    await expectRight(program);
  });

  it('stay apart when something else reads the convolution', async () => {
    const program = programOf(LAYER, (inputs) => {
      const y = conv(inputs);
      return { y: tf.mul(tf.add(y, inputs['bias'] as Tensor), y) };
    });
    expect(count(compileProgram(program), 'Add')).toBe(1);
    await expectRight(program);
  });

  it('stay apart when the convolution leaves the program', async () => {
    const program = programOf(LAYER, (inputs) => {
      const y = conv(inputs);
      return { y, z: tf.add(y, inputs['bias'] as Tensor) };
    });
    expect(count(compileProgram(program), 'Add')).toBe(1);
    await expectRight(program);
  });

  it('stay apart when the addend has another shape or the operation is another', async () => {
    for (const run of [
      (inputs: Inputs) => ({ y: tf.add(conv(inputs), tf.reshape(inputs['bias'] as Tensor, [1, 1, 2, 2]).sum()) }),
      (inputs: Inputs) => ({ y: tf.sub(conv(inputs), inputs['bias'] as Tensor) }),
      (inputs: Inputs) => ({ y: tf.add(conv(inputs), conv(inputs)) }),
    ]) {
      const program = programOf(LAYER, run);
      expect(
        compileProgram(program)
          .nodes.filter(({ op }) => op === 'Conv')
          .every(({ inputs }) => inputs.length === 2),
      ).toBe(true);
      await expectRight(program);
    }
  });

  it('take two biases one after the other', async () => {
    const program = programOf(LAYER, (inputs) => ({
      y: tf.add(tf.add(conv(inputs), inputs['bias'] as Tensor), tf.tensor1d([1, 2, 3, 4])),
    }));
    expect(count(compileProgram(program), 'Add')).toBe(1);
    await expectRight(program);
  });
});

describe('a pixel unshuffle', () => {
  it('becomes one SpaceToDepth without reshapes', async () => {
    const program = programOf({ x: [2, 6, 9, 2] }, ({ x }) => ({ y: pixelUnshuffle(x as Tensor4D, 3) }));
    const graph = compileProgram(program);
    expect(count(graph, 'SpaceToDepth')).toBe(1);
    expect(count(graph, 'Reshape')).toBe(0);
    await expectRight(program);
  });

  it('is what the gradient of a pixel shuffle becomes', async () => {
    const program = programOf({ x: [1, 3, 4, 8] }, ({ x }) => ({
      dx: tf.grad((value) => tf.sum(tf.square(pixelShuffle(value as Tensor4D, 2))))(x as Tensor),
    }));
    const graph = compileProgram(program);
    expect([count(graph, 'SpaceToDepth'), count(graph, 'DepthToSpace')]).toEqual([1, 1]);
    await expectRight(program);
  });

  it.each([
    ['another order of axes', [0, 1, 3, 4, 2, 5]],
    ['no exchange at all', [0, 1, 2, 3, 4, 5]],
  ])('is not seen in %s', async (_, perm) => {
    const program = programOf({ x: [1, 4, 4, 3] }, ({ x }) => ({
      y: tf.reshape(tf.transpose(tf.reshape(x as Tensor, [1, 2, 2, 2, 2, 3]), perm), [1, 2, 2, 12]),
    }));
    expect(count(compileProgram(program), 'SpaceToDepth')).toBe(0);
    await expectRight(program);
  });

  it('is not seen when the result has another shape', async () => {
    const program = programOf({ x: [1, 4, 4, 3] }, ({ x }) => ({
      y: tf.reshape(tf.transpose(tf.reshape(x as Tensor, [1, 2, 2, 2, 2, 3]), [0, 1, 3, 2, 4, 5]), [2, 2, 12]),
    }));
    expect(count(compileProgram(program), 'SpaceToDepth')).toBe(0);
    await expectRight(program);
  });
});

describe('the mask of the ReLU gradient', () => {
  it('is taken from the ReLU, and only where the step is the plain one', async () => {
    const program = programOf({ x: [3, 4] }, ({ x }) => {
      const y = tf.relu(x as Tensor);
      return { y, plain: tf.step(x as Tensor), down: tf.step(x as Tensor, -1) };
    });
    await expectRight(program);
  });
});

/** Transposes of activations; those of weights have a constant or a program input of rank 4 that is a filter behind them. */
function activationTransposes(graph: OnnxGraph, isFilter: (name: string) => boolean): OnnxNode[] {
  const weights = new Set([
    ...graph.initializers.map(({ name }) => name),
    ...graph.inputs.map(({ name }) => name).filter(isFilter),
  ]);
  for (const { op, inputs, outputs } of graph.nodes) {
    // A filter that is cut, turned or reshaped is still a filter.
    if (['Slice', 'Reshape', 'Transpose', 'Identity'].includes(op) && weights.has(inputs[0] as string))
      weights.add(outputs[0] as string);
  }
  return graph.nodes.filter(({ op, inputs }) => op === 'Transpose' && !weights.has(inputs[0] as string));
}

describe('transposes of activations', () => {
  const edge = (blocks: number): EdgeSpec => ({
    family: 'edge',
    scale: 2,
    featureCount: 4,
    innerWidths: Array(blocks).fill(6),
  });
  const shapesOf = (spec: EdgeSpec) =>
    Object.fromEntries(createNetwork(spec).parameters.map(({ name, shape }) => [name, [...shape]]));
  const isFilter = (name: string) => name.endsWith('.weight');

  const forward = (blocks: number) => {
    const network = createNetwork(edge(blocks));
    return programOf({ image: [1, 6, 8, 3], ...shapesOf(edge(blocks)) }, ({ image, ...parameters }) => ({
      enlarged: network.forward(parameters, image as Tensor4D)[0] as Tensor,
    }));
  };

  const backward = (blocks: number) => {
    const network = createNetwork(edge(blocks));
    const names = network.parameters.map(({ name }) => name);
    return programOf(
      { image: [2, 6, 8, 3], target: [2, 12, 16, 3], ...shapesOf(edge(blocks)) },
      ({ image, target, ...parameters }) => {
        const loss = (...list: Tensor[]) => {
          const values = Object.fromEntries(names.map((name, i) => [name, list[i] as Tensor]));
          return tf.mean(
            tf.abs(tf.sub(network.forward(values, image as Tensor4D)[0] as Tensor, target as Tensor)),
          ) as never;
        };
        const gradients = tf.grads(loss)(names.map((name) => parameters[name] as Tensor));
        return Object.fromEntries(names.map((name, i) => [`d ${name}`, gradients[i] as Tensor]));
      },
    );
  };

  it('forward: where the image enters, the trunk and the skip, and where it leaves, at any depth', () => {
    for (const blocks of [1, 6])
      expect(activationTransposes(compileProgram(forward(blocks)), isFilter)).toHaveLength(3);
  });

  it('backward: their number does not grow with depth', async () => {
    const [shallow, deep] = [1, 6].map(
      (blocks) => activationTransposes(compileProgram(backward(blocks)), isFilter).length,
    );
    expect(deep).toBe(shallow);
    expect(deep).toBeLessThanOrEqual(3);
    await expectRight(backward(2));
  });
});
