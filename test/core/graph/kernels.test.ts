import { describe, expect, it } from 'vitest';
import { EMITTED_KERNELS } from '../../../src/core/graph/compile.ts';
import { rewriteTape } from '../../../src/core/graph/rewrite.ts';
import { traceProgram } from '../../../src/core/graph/trace.ts';
import { expectSame, joined, type Situation } from '../../helpers/programs.ts';
import { CONV_CASES } from './conv-cases.ts';
import { ELEMENTWISE_CASES } from './elementwise-cases.ts';
import { REDUCE_CASES, SHAPE_CASES } from './shape-cases.ts';

const CASES: Readonly<Record<string, readonly Situation[]>> = {
  ...ELEMENTWISE_CASES,
  ...SHAPE_CASES,
  ...REDUCE_CASES,
  ...CONV_CASES,
};

describe('every kernel the compiler emits gives what the TF.js CPU backend gives', () => {
  it('has cases for every kernel in the list', () => {
    expect(Object.keys(CASES).sort()).toEqual([...EMITTED_KERNELS].sort());
  });

  it.each(Object.keys(CASES))('%s', async (kernel) => {
    const { program, inputs } = joined(kernel, CASES[kernel] as readonly Situation[]);
    const kernels = rewriteTape(traceProgram(program)).nodes.map((node) => node.kernel);
    expect(kernels, 'the cases reach the emitter').toContain(kernel);
    await expectSame(program, inputs, 2e-5);
  });
});
