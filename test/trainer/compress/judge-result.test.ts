import { expect, test } from 'vitest';
import type { EdgeSpec } from '../../../src/core/network/spec.ts';
import { checkGate } from '../../../src/trainer/compress/result/measure.ts';

/** 8 -> 12 outputs: 3*9*8+8 + 8*9*12+12 = 1100 parameters, as many multiply-accumulates per LR pixel. */
const SPEC: EdgeSpec = { family: 'edge', scale: 2, featureCount: 8, innerWidths: [0] };
const MACS = 1100 * 640 * 360;
const ratio = { kind: 'ratio', ratio: 0.5 } as const;
const latency = { kind: 'latency', latencyMs: 10, width: 320, height: 180 } as const;
const good = { basePsnrDb: 30, psnrDb: 29.75, baseMs: 20, ms: 10 };

test.each([
  { name: 'what it asks for', budget: ratio, measured: good, reasons: [] },
  { name: 'exactly the time', budget: latency, measured: good, reasons: [] },
  {
    name: 'more time',
    budget: latency,
    measured: { ...good, ms: 10.01 },
    reasons: ['takes 10.01 ms, the target is 10 ms'],
  },
  { name: 'a time that is none', budget: latency, measured: { ...good, ms: Number.NaN }, reasons: [/takes NaN ms/] },
  {
    name: 'a loss beyond the limit',
    budget: ratio,
    measured: { ...good, psnrDb: 29.74 },
    reasons: [/^lost 0.260 dB.*0.25 dB/],
  },
  {
    name: 'a quality that is none',
    budget: ratio,
    measured: { ...good, psnrDb: Number.NaN },
    reasons: [/^lost NaN dB/],
  },
  { name: 'as many parameters', budget: { kind: 'params', parameters: 1100 } as const, measured: good, reasons: [] },
  {
    name: 'a parameter too many',
    budget: { kind: 'params', parameters: 1099 } as const,
    measured: good,
    reasons: [/has 1100/],
  },
  { name: 'as many operations', budget: { kind: 'macs', macs: MACS } as const, measured: good, reasons: [] },
  {
    name: 'an operation too many',
    budget: { kind: 'macs', macs: MACS - 1 } as const,
    measured: good,
    reasons: [/costs/],
  },
  {
    name: 'two failures',
    budget: latency,
    measured: { ...good, ms: 11, psnrDb: 20 },
    reasons: [/^lost 10.000 dB/, /^takes 11.00 ms/],
  },
])('the gate answers $name', ({ budget, measured, reasons }) => {
  const found = checkGate({ budget, maxPsnrDropDb: 0.25 }, SPEC, measured);
  expect(found).toEqual(reasons.map((reason) => (typeof reason === 'string' ? reason : expect.stringMatching(reason))));
});
