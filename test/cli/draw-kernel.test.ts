import { describe, expect, test } from 'vitest';
import { kernelImage, kernelSvg, kernelText } from '../../src/cli/draw-kernel.ts';
import { gaussianKernel, pointKernel } from '../../src/core/degradation/kernel.ts';

describe('a drawn kernel', () => {
  test('as text is cut to what it holds', () => {
    expect(kernelText(pointKernel(9))).toBe(['', '  @@', ''].join('\n'));
  });

  test('shows its direction: wider than high when it lies along x', () => {
    const rows = kernelText(gaussianKernel({ sigmaX: 3, sigmaY: 0.8, size: 21 })).split('\n');
    const inked = rows.filter((row) => row.trim() !== '');
    expect(inked.length).toBeLessThan(7);
    expect(Math.max(...inked.map((row) => row.trim().length / 2))).toBeGreaterThan(12);
  });

  test('as an image is white where it is largest and black where it is nothing', () => {
    const { width, data } = kernelImage(pointKernel(3), 4);
    expect(width).toBe(12);
    expect(data[(5 * 12 + 5) * 3]).toBe(255);
    expect(data[0]).toBe(0);
  });

  test('as SVG escapes its title and has one cell per sample', () => {
    const svg = kernelSvg(pointKernel(3), 'a <b> & c');
    expect(svg).toContain('<title>a &#60;b&#62; &#38; c</title>');
    expect(svg.match(/<rect /g)).toHaveLength(10);
  });
});
