/** Drawings of a blur kernel. */
import type { BlurKernel } from '../core/degradation/kernel.ts';
import { escapeXml } from '../core/measure/plot.ts';
import type { PixelImage } from '../core/pixels/image.ts';

/** From nothing to the kernel's largest value. */
const SHADES = ' .:-=+*#%@';

function largest({ data }: BlurKernel): number {
  return data.reduce((most, value) => Math.max(most, value), 0);
}

/** Rows of text, two characters per sample so that circles look round. Empty borders are cut off evenly. */
export function kernelText(kernel: BlurKernel): string {
  const { size, data } = trimKernel(kernel);
  const most = largest(kernel);
  const rows = Array.from({ length: size }, (_, y) =>
    Array.from({ length: size }, (__, x) => {
      const level = Math.max(
        0,
        Math.min(SHADES.length - 1, Math.round((data[y * size + x] / most) * (SHADES.length - 1))),
      );
      return (SHADES[level] as string).repeat(2);
    }).join(''),
  );
  return rows.map((row) => row.trimEnd()).join('\n');
}

/** Cuts off outer samples below a hundredth of the largest. */
function trimKernel(kernel: BlurKernel): BlurKernel {
  const { size, data } = kernel;
  const least = largest(kernel) / 100;
  const radius = (size - 1) / 2;
  const reach = data.reduce((most, value, i) => {
    if (value < least) return most;
    return Math.max(most, Math.abs((i % size) - radius), Math.abs(Math.floor(i / size) - radius));
  }, 1);
  const side = 2 * Math.min(radius, reach) + 1;
  const cut = radius - (side - 1) / 2;
  const kept = Float64Array.from(
    { length: side * side },
    (_, i) => data[(Math.floor(i / side) + cut) * size + (i % side) + cut],
  );
  return { size: side, data: kept };
}

/** Gray, `cell` pixels per sample; the largest value is white. */
export function kernelImage(kernel: BlurKernel, cell = 16): PixelImage {
  const { size } = kernel;
  const most = largest(kernel);
  const side = size * cell;
  const data = new Uint8Array(side * side * 3);
  for (let i = 0; i < side * side; i++) {
    const sample = Math.floor(Math.floor(i / side) / cell) * size + Math.floor((i % side) / cell);
    // The square root makes the tails visible, which matter most for the look of a picture.
    data.fill(Math.round(255 * Math.sqrt(Math.max(0, kernel.data[sample] as number) / most)), i * 3, i * 3 + 3);
  }
  return { width: side, height: side, channels: 3, data };
}

/** As SVG with a title. */
export function kernelSvg(kernel: BlurKernel, title: string): string {
  const { size, data } = kernel;
  const most = largest(kernel);
  const cells = Array.from(data, (value, i) => {
    const shade = Math.round(255 * Math.sqrt(Math.max(0, value) / most));
    return `<rect x="${i % size}" y="${Math.floor(i / size)}" width="1.02" height="1.02" fill="rgb(${shade},${shade},${shade})"/>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" width="${size * 12}" height="${size * 12}" role="img">`,
    `<title>${escapeXml(title)}</title><rect width="${size}" height="${size}"/>`,
    ...cells,
    '</svg>\n',
  ].join('\n');
}
