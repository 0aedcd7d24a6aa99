/**
 * A contact sheet of real photographs, PNG: what a browser would show (bilinear), bicubic model, blind model, side by side.
 * `npx tsx bench/blind-sheet.ts --models DIR --out sheet.png`. To be looked at before a blind model ships.
 */
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import sharp, { type OverlayOptions } from 'sharp';
import { readRgbFile } from '../src/core/codec/decode.ts';
import { decodeDegradation } from '../src/core/degradation/vector.ts';
import { crop } from '../src/core/pixels/crop.ts';
import type { PixelImage } from '../src/core/pixels/image.ts';
import { openEnlargers } from './blind/enlargers.ts';
import { BLIND_FLAGS } from './blind/flags.ts';

const { values: flags } = parseArgs({
  options: {
    ...BLIND_FLAGS,
    data: { type: 'string', default: `${process.env['DUALSCALE_DATA'] ?? '../shared/data'}/real` },
    out: { type: 'string', default: 'blind-sheet.png' },
    /** LR pixels of each picture's middle that are shown. */
    side: { type: 'string', default: '80' },
    images: { type: 'string', default: '100' },
  },
});

const LABEL = 22;
const GAP = 6;

function middle(image: PixelImage, side: number): PixelImage {
  const [width, height] = [Math.min(image.width, side), Math.min(image.height, side)];
  return crop(image, { x: (image.width - width) >> 1, y: (image.height - height) >> 1, width, height });
}

const raw = ({ width, height, data }: PixelImage) => sharp(Buffer.from(data), { raw: { width, height, channels: 3 } });

/** Chromium enlarges bilinearly. */
async function byBrowser(image: PixelImage, scale: number): Promise<PixelImage> {
  const [width, height] = [image.width * scale, image.height * scale];
  const { data } = await raw(image)
    .affine([scale, 0, 0, scale], { interpolator: 'bilinear' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width, height, channels: 3, data: new Uint8Array(data) };
}

const escapeText = (text: string) => text.replace(/[<>&]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const label = (text: string, width: number) =>
  Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${LABEL}"><text x="4" y="16" font-family="sans-serif" font-size="13" fill="#fff">${escapeText(text)}</text></svg>`,
  );

const enlargers = await openEnlargers({
  models: flags.models,
  blind: flags.blind,
  plainModels: flags['plain-models'],
  plain: flags.plain,
});
const { scale, byName, estimate } = enlargers;
const cellWidth = Number(flags.side) * scale;
const cellHeight = cellWidth + LABEL;
const files = (await readdir(flags.data))
  .filter((file) => /\.(png|jpe?g|webp)$/i.test(file))
  .sort()
  .slice(0, Number(flags.images));
const layers: OverlayOptions[] = [];
try {
  for (const [row, file] of files.entries()) {
    const whole = await readRgbFile(join(flags.data, file));
    const code = await estimate(whole);
    const { sigmaX, sigmaY, noiseSigma, jpegQuality } = decodeDegradation(code, scale);
    const truth = { code, wrongCode: code };
    const seen = `blur ${sigmaX.toFixed(1)}x${sigmaY.toFixed(1)}, noise ${noiseSigma.toFixed(0)}, JPEG ${jpegQuality}`;
    const lrImage = middle(whole, Number(flags.side));
    const cells: [string, PixelImage][] = [
      [`${file}: browser`, await byBrowser(lrImage, scale)],
      [flags.plain, (await byName.get(flags.plain)?.(lrImage, truth)) as PixelImage],
      [`${flags.blind}: ${seen}`, (await byName.get(`${flags.blind}, told`)?.(lrImage, truth)) as PixelImage],
    ];
    for (const [column, [text, image]] of cells.entries()) {
      const [left, top] = [column * (cellWidth + GAP), row * (cellHeight + GAP)];
      layers.push({ input: label(text, cellWidth), left, top });
      layers.push({ input: await raw(image).png().toBuffer(), left, top: top + LABEL });
    }
    console.log(`${file}: ${seen}`);
  }
} finally {
  await enlargers.close();
}
const size = { width: 3 * cellWidth + 2 * GAP, height: files.length * (cellHeight + GAP) };
const sheet = sharp({ create: { ...size, channels: 3, background: '#222' } }).composite(layers);
await writeFile(flags.out, await sheet.png().toBuffer());
console.log(flags.out);
