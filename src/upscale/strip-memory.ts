/** Shared memory that the strips of a picture take in turns. */

export interface StripMemory {
  /** At least that many bytes, with anything in them. */
  take(byteLength: number): SharedArrayBuffer;
  give(memory: SharedArrayBuffer): void;
}

/**
 * Workers know the memory of every task they had until their garbage is collected, which nothing there hurries: with memory of their
 * own, the strips of a 12000x8000 picture took 600 MB.
 */
export function createStripMemory(): StripMemory {
  const free: SharedArrayBuffer[] = [];
  return {
    take(byteLength) {
      const index = free.findIndex((memory) => memory.byteLength >= byteLength);
      return index < 0 ? new SharedArrayBuffer(byteLength) : (free.splice(index, 1)[0] as SharedArrayBuffer);
    },
    give: (memory) => {
      free.push(memory);
    },
  };
}
