/** Iterative back-projection (Irani and Peleg, "Improving resolution by image registration", 1991), one step of it. */
import type { PixelImage } from '../../../core/pixels/image.ts';
import { imresize } from '../../../core/pixels/imresize.ts';
import type { FloatPicture } from '../run/primal-program.ts';

const FULL = 65_535;

const samplesOf = (data: Float32Array): Uint16Array =>
  Uint16Array.from(data, (v) => Math.round(Math.min(1, Math.max(0, v)) * FULL));

/**
 * Adds to `enlarged`, in place, what its own bicubic reduction lacks of `lrImage`, enlarged bicubically: a picture that super-resolution
 * made should give its input back. In 16 bits, so that nothing of an eighth of a level is lost.
 */
export function backProject(enlarged: FloatPicture, lrImage: PixelImage, scale: number): void {
  const { width, height } = enlarged;
  const samples = { width, height, channels: 3, data: samplesOf(enlarged.data) };
  const reduced = imresize(samples, { scale: 1 / scale });
  // Halved and about the middle, for differences have a sign.
  const missing = reduced.data.map((value, i) => Math.round((lrImage.data[i] * 257 - value + FULL) / 2));
  const { data } = imresize({ ...lrImage, data: missing }, { scale });
  for (let i = 0; i < data.length; i++) enlarged.data[i] += (2 * data[i] - FULL) / FULL;
}
