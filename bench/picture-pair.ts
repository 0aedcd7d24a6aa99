/**
 * The README's picture: a photograph reduced by four, then enlarged by bicubic interpolation and by the shipped model, side by side.
 * `npx tsx bench/picture-pair.ts [PHOTO] [OUT.png]` prints the PSNR of both against the photograph.
 */
import { writeFile } from 'node:fs/promises';
import { decodeRgb, readRgbFile } from '../src/core/codec/decode.ts';
import { encode } from '../src/core/codec/encode.ts';
import { crop, cropToMultiple } from '../src/core/pixels/crop.ts';
import type { PixelImage } from '../src/core/pixels/image.ts';
import { imresize } from '../src/core/pixels/imresize.ts';
import { psnrDb } from '../src/core/pixels/psnr.ts';
import { createDualscale } from '../src/server/plugin.ts';

const SCALE = 4;
/** Pixels of the photograph that each half shows. */
const SHOWN = 360;
const GAP = 8;

const [photo = 'examples/photos/coffee.png', out = 'docs/picture-pair.png'] = process.argv.slice(2);

function middle(image: PixelImage): PixelImage {
  const [width, height] = [Math.min(SHOWN, image.width), Math.min(SHOWN, image.height)];
  return crop(image, { x: (image.width - width) >> 1, y: (image.height - height) >> 1, width, height });
}

function sideBySide(left: PixelImage, right: PixelImage): PixelImage {
  const width = left.width + GAP + right.width;
  const data = new Uint8Array(width * left.height * 3).fill(255);
  for (let y = 0; y < left.height; y++) {
    data.set(left.data.subarray(y * left.width * 3, (y + 1) * left.width * 3), y * width * 3);
    data.set(right.data.subarray(y * right.width * 3, (y + 1) * right.width * 3), (y * width + left.width + GAP) * 3);
  }
  return { width, height: left.height, channels: 3, data };
}

const hrImage = cropToMultiple(await readRgbFile(photo), SCALE);
const lrImage = imresize(hrImage, { scale: 1 / SCALE });
const dualscale = await createDualscale();
const { data, modelId } = await dualscale.upscale(await encode(lrImage, undefined, { format: 'png' }), {
  scale: SCALE,
});
await dualscale.close();
const srImage = await decodeRgb(Buffer.from(data));
const bicubic = imresize(lrImage, { scale: SCALE });
for (const [name, image] of [['bicubic', bicubic] as const, [modelId, srImage] as const]) {
  process.stdout.write(`${name}: ${psnrDb(image, hrImage, { border: SCALE }).toFixed(2)} dB\n`);
}
await writeFile(out, await encode(sideBySide(middle(bicubic), middle(srImage)), undefined, { format: 'png' }));
