/** The eight symmetries of the square as numbers: bit 0 mirrors x, bit 1 mirrors y, bit 2 then transposes. */
export const SYMMETRIES: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7];

export const isTransposed = (symmetry: number): boolean => (symmetry & 4) !== 0;

/** Where column `x` of a mirrored picture `width` wide was before, not yet transposed; also for columns beyond its edges. */
export const unmirrorX = (symmetry: number, x: number, width: number): number => (symmetry & 1 ? width - 1 - x : x);

export const unmirrorY = (symmetry: number, y: number, height: number): number => (symmetry & 2 ? height - 1 - y : y);
