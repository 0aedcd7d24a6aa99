/** IEEE 754 half precision, as 16-bit patterns. Node has no Float16Array before version 24. */

const SUBNORMAL_STEP = 2 ** -24;
const SMALLEST_NORMAL = 2 ** -14;
/**
 * Half way between the largest finite half (65504) and the next step: from here on rounding gives
 * infinity.
 */
const OVERFLOW = 65520;

const scratch = new DataView(new ArrayBuffer(4));

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Rounds a float32 value to the nearest half, ties to even; beyond 65520 to infinity. */
export function toFloat16Bits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= OVERFLOW) return sign | 0x7c00;
  // The largest subnormal rounds up to 0x400, which is the pattern of the smallest normal number.
  if (magnitude < SMALLEST_NORMAL) return sign | roundHalfToEven(magnitude / SUBNORMAL_STEP);
  scratch.setFloat32(0, magnitude);
  const bits = scratch.getUint32(0);
  const exponent = (bits >>> 23) - 127 + 15;
  const dropped = bits & 0x1fff;
  const half = (exponent << 10) | ((bits >>> 13) & 0x3ff);
  const roundUp = dropped > 0x1000 || (dropped === 0x1000 && (half & 1) === 1);
  // A carry out of the fraction lands in the exponent, which is the next power of two.
  return sign | (roundUp ? half + 1 : half);
}

/** Exact: every half is a float32. */
export function fromFloat16Bits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * SUBNORMAL_STEP;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
