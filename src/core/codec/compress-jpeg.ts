import sharp from 'sharp';
import type { PixelImage } from '../pixels/image.ts';

/** An RGB picture after JPEG compression at `quality` (1 to 100, 4:2:0) and decompression, as measured degradations need it. */
export async function compressJpeg({ width, height, data }: PixelImage, quality: number): Promise<PixelImage> {
  const bytes = await sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false })
    .jpeg({ quality, chromaSubsampling: '4:2:0' })
    .toBuffer();
  const decoded = await sharp(bytes, { limitInputPixels: false }).raw({ depth: 'uchar' }).toBuffer();
  return { width, height, channels: 3, data: new Uint8Array(decoded.buffer, decoded.byteOffset, decoded.byteLength) };
}
