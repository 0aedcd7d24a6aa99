/** What archives of every kind have in common: what is wanted of them, and how much they may unfold to. */

import type { Readable } from 'node:stream';
import { publicError } from '../../core/errors.ts';

export interface UnpackLimits {
  /** Bytes of one file when unpacked; larger ones are passed over. */
  readonly maxFileBytes: number;
  /** Bytes of everything when unpacked, passed over or not. */
  readonly maxTotalBytes: number;
  readonly maxEntries: number;
}

/** Takes the bytes of each file in turn. */
export type TakeFile = (bytes: Buffer) => Promise<void>;

const PICTURE = /\.(jpe?g|png|webp|avif)$/i;

export const isPicture = (name: string): boolean => PICTURE.test(name);

/** Counts what an archive unfolds to. Both functions throw DS_BODY_TOO_LARGE. */
export function createBudget({ maxTotalBytes, maxEntries }: UnpackLimits) {
  let [total, entries] = [0, 0];
  return {
    count(): void {
      entries += 1;
      if (entries > maxEntries) throw publicError('DS_BODY_TOO_LARGE', `An archive may have ${maxEntries} entries.`);
    },
    unfold(bytes: number): void {
      total += bytes;
      if (total > maxTotalBytes)
        throw publicError('DS_BODY_TOO_LARGE', `An archive may unfold to ${maxTotalBytes} bytes.`);
    },
  };
}

export async function collect(stream: Readable | AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    // What the archive says about sizes is a claim.
    if (size > maxBytes) throw publicError('DS_BODY_TOO_LARGE', `A file of the archive is larger than it says.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
