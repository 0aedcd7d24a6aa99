/**
 * Seeded random numbers. A run draws each step's numbers from (seed, step) alone, so a resumed run
 * repeats them exactly.
 */

/**
 * sfc32 (Chris Doty-Humphrey's small fast chaotic generator), uniform in [0, 1). The same parts
 * give the same sequence.
 */
export function createRandom(...parts: readonly number[]): () => number {
  const state = new Uint32Array(4);
  state.set([0x9e3779b9, 0x243f6a88, 0xb7e15162, 1]);
  const next = (): number => {
    const [a, b, c, counter] = state;
    const result = (a + b + counter) >>> 0;
    state[0] = b ^ (b >>> 9);
    state[1] = c + (c << 3);
    state[2] = ((c << 21) | (c >>> 11)) + result;
    state[3] = counter + 1;
    return result / 2 ** 32;
  };
  for (const part of parts) {
    state[0] ^= part;
    state[1] ^= Math.floor(part / 2 ** 32);
    for (let i = 0; i < 12; i++) next();
  }
  return next;
}
