import { describe, expect, test } from 'vitest';
import { describePlacement, readPlacement } from '../../../src/core/engine/onnx/node-placement.ts';

/** Events as ONNX Runtime 1.30 writes them, cut to what matters. */
const node = (index: number, op: string, provider: string, kind = 'kernel_time') => ({
  cat: 'Node',
  name: `${op.toLowerCase()}_${index}_${kind}`,
  args: { op_name: op, provider, node_index: String(index) },
});
const [GPU, CPU] = ['WebGpuExecutionProvider', 'CPUExecutionProvider'];
const profile = (...events: object[]) => JSON.stringify([{ cat: 'Session', name: 'model_run' }, ...events]);

describe('readPlacement', () => {
  test('counts each node once, whatever it ran, and copies apart', () => {
    const run = [
      node(0, 'Conv', GPU),
      node(0, 'Conv', GPU, 'fence_before'),
      node(1, 'Sum', CPU),
      node(2, 'MemcpyToHost', GPU),
      node(3, 'Sum', CPU),
      node(4, 'FusedMatMul', CPU),
    ];
    expect(readPlacement(profile(...run, ...run), 'webgpu')).toEqual({
      provider: 'webgpu',
      nodes: 1,
      cpuNodes: { Sum: 2, FusedMatMul: 1 },
      copies: 1,
    });
  });

  test('sees no fallback where the CPU was asked for', () => {
    expect(readPlacement(profile(node(0, 'Conv', CPU)), 'cpu')).toMatchObject({ nodes: 1, cpuNodes: {} });
  });
});

describe('describePlacement', () => {
  test('names what fell back, most frequent first', () => {
    const placement = { provider: 'webgpu', nodes: 87, cpuNodes: { Sum: 1, FusedMatMul: 12 }, copies: 30 } as const;
    expect(describePlacement(placement)).toBe(
      '87 of 100 nodes run on webgpu; on the CPU, with 30 copies: FusedMatMul 12, Sum 1',
    );
  });

  test('says when nothing did', () => {
    expect(describePlacement({ provider: 'cuda', nodes: 12, cpuNodes: {}, copies: 0 })).toBe(
      'all 12 nodes run on cuda',
    );
  });
});
