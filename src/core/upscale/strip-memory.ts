/** Shared memory that the pictures and strips of an upscaler take in turns. */

export interface StripMemory {
  /** At least that many bytes, with anything in them. */
  take(byteLength: number): SharedArrayBuffer;
  /**
   * For another one. Nobody may still write there: what was taken for work that failed or was given
   * up is not given back.
   */
  give(memory: SharedArrayBuffer): void;
}

/** Most bytes that wait to be taken. */
const MAX_FREE_BYTES = 64 * 2 ** 20;
/**
 * A picture has no use for memory this many times larger than it needs, which a larger one would
 * miss.
 */
const MAX_WASTE = 2;
/**
 * Sizes are rounded up to quarters of a power of two, so that pictures of nearly the same size can
 * share.
 */
const STEPS_PER_OCTAVE = 4;

function roundUp(byteLength: number): number {
  const step = 2 ** Math.floor(Math.log2(Math.max(byteLength, 4096))) / STEPS_PER_OCTAVE;
  return Math.ceil(byteLength / step) * step;
}

/**
 * Workers know the memory of every task they had until their garbage is collected, which nothing
 * there hurries: with memory of their own, the strips of a 12000x8000 picture took 600 MB, and a
 * busy server's small pictures 100 MB now and then.
 */
export function createStripMemory(mostFreeBytes = MAX_FREE_BYTES): StripMemory {
  /** The one given back last comes last. */
  const free: SharedArrayBuffer[] = [];
  return {
    take(byteLength) {
      const fitting = free.filter(
        (memory) => memory.byteLength >= byteLength && memory.byteLength <= MAX_WASTE * roundUp(byteLength),
      );
      const [best] = fitting.sort((a, b) => a.byteLength - b.byteLength);
      if (!best) return new SharedArrayBuffer(roundUp(byteLength));
      free.splice(free.indexOf(best), 1);
      return best;
    },
    give(memory) {
      free.push(memory);
      let bytes = free.reduce((sum, { byteLength }) => sum + byteLength, 0);
      while (bytes > mostFreeBytes) bytes -= (free.shift() as SharedArrayBuffer).byteLength;
    },
  };
}
