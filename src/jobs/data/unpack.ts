/** Pictures out of an archive that a stranger made: names in it are never paths here, links and what is no file are passed over. */
import { type Entry, openPromise } from 'yauzl';
import { collect, createBudget, isPicture, type TakeFile, type UnpackLimits } from './unpack-parts.ts';
import { unpackTar } from './unpack-tar.ts';

/** Unix mode in the upper half of the attributes: a regular file, or none given. */
function isPlainFile({ externalFileAttributes, fileName }: Entry): boolean {
  const type = (externalFileAttributes >>> 16) & 0o170000;
  return !fileName.endsWith('/') && (type === 0 || type === 0o100000);
}

async function unpackZip(path: string, limits: UnpackLimits, take: TakeFile): Promise<void> {
  const budget = createBudget(limits);
  const zip = await openPromise(path, { lazyEntries: true, autoClose: false, validateEntrySizes: true });
  try {
    for await (const entry of zip.eachEntry()) {
      budget.count();
      budget.unfold(entry.uncompressedSize);
      const isWanted = isPlainFile(entry) && isPicture(entry.fileName) && entry.uncompressedSize <= limits.maxFileBytes;
      if (!isWanted || entry.isEncrypted()) continue;
      await take(await collect(await zip.openReadStreamPromise(entry), limits.maxFileBytes));
    }
  } finally {
    zip.close();
  }
}

/** A tar may be plain or gzip. Throws DS_BODY_TOO_LARGE beyond the limits, and the reader's own error for a damaged archive. */
export function unpack(path: string, isZip: boolean, limits: UnpackLimits, take: TakeFile): Promise<void> {
  return isZip ? unpackZip(path, limits, take) : unpackTar(path, limits, take);
}
