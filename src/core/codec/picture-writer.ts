/**
 * Rows of pixels to encoded bytes; a picture that comes in several pieces is never in memory as a
 * whole.
 */
import sharp, { type Sharp } from 'sharp';
import type { Raster, Samples } from '../pixels/image.ts';
import { type EncodeOptions, type EncodeTarget, keptMetadata, withFormat } from './encode-format.ts';
import { createPngEncoder } from './png-encoder.ts';
import { createSpoolFile, noRoom, type SpoolFile } from './spool-file.ts';

export interface PictureWriter {
  /**
   * Whole rows from top to bottom, in one piece or in several. Throws DS_NO_ROOM when they cannot
   * be spooled.
   */
  write(rows: Samples): Promise<void>;
  /** Encodes what was written. */
  finish(): Promise<Buffer>;
  /** Gives up; harmless after `finish`. */
  discard(): Promise<void>;
}

type Shape = Omit<Raster, 'data'> & { readonly depth: 8 | 16 };

/** What the encoder reads, and how it is freed. */
interface Held {
  readonly image: Sharp;
  readonly spool?: SpoolFile;
}

function sharpOptions({ width, height }: Shape) {
  return { limitInputPixels: width * height, unlimited: false, sequentialRead: true, failOn: 'error' } as const;
}

function fromMemory(rows: Samples, shape: Shape): Sharp {
  const { width, height, channels } = shape;
  return sharp(rows, { ...sharpOptions(shape), raw: { width, height, channels } });
}

// libvips says so in words only.
const isDiskFull = (cause: unknown): boolean => /no space left/i.test(String(cause));

async function encodeToFile(image: Sharp, folder: string | undefined): Promise<Buffer> {
  // Into a file rather than memory, where the growing result is copied again and again.
  const out = await createSpoolFile(folder);
  try {
    await out.close();
    await image.toFile(out.path).catch((cause: unknown) => {
      throw isDiskFull(cause) ? noRoom(cause) : cause;
    });
    return await out.read();
  } finally {
    await out.remove();
  }
}

/**
 * @param shape of the whole picture.
 * @param options checked by `checkEncodeOptions`.
 */
export function createPictureWriter(shape: Shape, target: EncodeTarget, options: EncodeOptions = {}): PictureWriter {
  const { spoolFolder } = options;
  const kept = keptMetadata(target, options.metadata);
  const length = shape.width * shape.height * shape.channels;
  let whole: Samples | undefined;
  let spool: SpoolFile | undefined;
  let png: ReturnType<typeof createPngEncoder> | undefined;
  const parts: Uint8Array[] = [];

  const startPng = async (inMemory: boolean) => {
    spool = inMemory ? undefined : await createSpoolFile(spoolFolder);
    const append = async (bytes: readonly Uint8Array[]) => {
      if (spool) await spool.append(bytes);
      else parts.push(...bytes);
    };
    return createPngEncoder({ ...shape, ...kept }, append);
  };

  const hold = async (): Promise<Held> => {
    if (whole) return { image: fromMemory(whole, shape) };
    await png?.end();
    await spool?.close();
    const image = sharp(spool ? spool.path : Buffer.concat(parts.splice(0)), sharpOptions(shape));
    return spool ? { image, spool } : { image };
  };

  return {
    async write(rows) {
      if (rows.length === length && Object.values(kept).every((value) => value === undefined)) {
        whole = rows;
        return;
      }
      png ??= await startPng(rows.length === length);
      await png.write(rows);
    },
    async finish() {
      try {
        const held = await hold();
        const image = withFormat(held.image, shape, target, options);
        return held.spool ? await encodeToFile(image, spoolFolder) : await image.toBuffer();
      } finally {
        await this.discard();
      }
    },
    async discard() {
      whole = undefined;
      parts.length = 0;
      await spool?.remove();
    },
  };
}
