/** What the tables measure under: one case is one way of making the pictures small. */

import type { Degradation } from '../../src/core/degradation/degrade.ts';
import { disturbKernel, gaussianKernel } from '../../src/core/degradation/kernel.ts';
import { parseDegradation } from '../../src/core/degradation/parse.ts';
import { encodeDegradation } from '../../src/core/degradation/vector.ts';
import { createRandom } from '../../src/core/random.ts';
import { readKernels } from './kernel-file.ts';

export interface Case {
  /** Column of the table; cases of the same name are averaged. */
  readonly name: string;
  readonly degradation: Degradation;
  readonly code: Float32Array;
  readonly wrongCode: Float32Array;
}

export interface Table {
  readonly id: string;
  readonly title: string;
  readonly set: 'Set5' | 'Set14';
  readonly cases: readonly Case[];
}

/** DASR's test widths. */
const WIDTHS: Readonly<Record<number, readonly number[]>> = { 2: [0, 0.6, 1.2, 1.8], 4: [0, 1.2, 2.4, 3.6] };

function widthCases(scale: number): Case[] {
  const widths = WIDTHS[scale] as readonly number[];
  const code = (sigma: number) => encodeDegradation({ blur: { sigmaX: sigma, size: 21 } }, scale);
  return widths.map((sigmaX, i) => ({
    name: String(sigmaX),
    degradation: sigmaX === 0 ? {} : { blur: { sigmaX, size: 21 } },
    code: code(sigmaX),
    // The other end of the range: blurred told sharp, sharp told blurred.
    wrongCode: code(widths[widths.length - 1 - i] as number),
  }));
}

const KERNELS = 40;

/** DCLS: 31x31, sigma 0.6 to 5, disturbed by up to 0.25; at x2 11x11 and half the widths. */
function anisotropicCases(scale: number): Case[] {
  return Array.from({ length: KERNELS }, (_, i) => {
    const random = createRandom(2026, i);
    const between = () => ((0.6 + 4.4 * random()) * scale) / 4;
    const shape = {
      sigmaX: between(),
      sigmaY: between(),
      angle: Math.PI * (2 * random() - 1),
      size: scale === 4 ? 31 : 17,
    };
    const kernel = disturbKernel(gaussianKernel(shape), 0.25, random);
    const turned = { ...shape, angle: shape.angle + Math.PI / 2 };
    return {
      name: `mean of ${KERNELS} kernels`,
      degradation: { blur: kernel },
      code: encodeDegradation({ blur: kernel }, scale),
      wrongCode: encodeDegradation({ blur: turned }, scale),
    };
  });
}

function namedCases(texts: readonly string[], scale: number): Case[] {
  return texts.map((text) => {
    const degradation = parseDegradation(text);
    return { name: text, degradation, code: encodeDegradation(degradation, scale), wrongCode: new Float32Array(5) };
  });
}

async function fileCases(path: string, scale: number): Promise<Case[]> {
  const kernels = await readKernels(path);
  return kernels.map((kernel, i) => ({
    name: i < 4 ? 'isotropic' : i < 8 ? 'anisotropic' : 'motion',
    degradation: { blur: kernel },
    code: encodeDegradation({ blur: kernel }, scale),
    wrongCode: new Float32Array(5),
  }));
}

export async function listTables(scale: number, kernelFile: string): Promise<Table[]> {
  const mixed = ['noise:10', 'jpeg:40', 'gaussian:2.4,noise:10', 'gaussian:1.2,noise:10,jpeg:60'];
  return [
    { id: 'widths-Set5', title: 'isotropic Gaussian blur by its sigma, Set5', set: 'Set5', cases: widthCases(scale) },
    {
      id: 'widths-Set14',
      title: 'isotropic Gaussian blur by its sigma, Set14',
      set: 'Set14',
      cases: widthCases(scale),
    },
    { id: 'mixed-Set14', title: 'noise and compression, Set14', set: 'Set14', cases: namedCases(mixed, scale) },
    {
      id: 'anisotropic-Set14',
      title: 'disturbed anisotropic blur, Set14',
      set: 'Set14',
      cases: anisotropicCases(scale),
    },
    {
      id: 'kernels-Set5',
      title: 'the kernels of kernels_12.mat, Set5',
      set: 'Set5',
      cases: await fileCases(kernelFile, scale),
    },
  ];
}
