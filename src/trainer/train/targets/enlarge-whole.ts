/** A teacher, and what it makes of a whole picture. */
import type { Engine } from '../../../core/engine/engine.ts';
import { createNetwork } from '../../../core/network/create-network.ts';
import type { NetworkSpec, ParameterValues } from '../../../core/network/spec.ts';
import { createEnlarger, type Enlarger, type FloatPicture } from '../run/primal-program.ts';
import { flattenParameters, layOutParameters } from '../step/parameter-layout.ts';
import { stripsOf } from './strips.ts';

/** A network whose images are learnt. */
export interface TargetTeacher {
  readonly spec: NetworkSpec;
  readonly parameters: Readonly<Record<string, ParameterValues>>;
}

export interface OpenTeacher extends Enlarger {
  readonly parameters: Float32Array;
  readonly halo: number | undefined;
}

export async function openTeacher(engine: Engine, { spec, parameters }: TargetTeacher): Promise<OpenTeacher> {
  const network = createNetwork(spec);
  const layout = layOutParameters([network]);
  const enlarger = await createEnlarger(engine, network, layout);
  return { ...enlarger, parameters: flattenParameters(layout, parameters), halo: network.halo };
}

function concat(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * [scale * height * scale * width * 3] in 0..1, a strip at a time.
 * @param maxPixels of a strip, in LR pixels. @default as `stripsOf`
 */
export async function enlargeWhole(
  { enlarge, parameters, halo }: OpenTeacher,
  picture: FloatPicture,
  maxPixels?: number,
): Promise<Float32Array> {
  const strips = stripsOf(picture, halo, maxPixels);
  if (strips.length === 1) return enlarge(parameters, picture);
  const { width, data } = picture;
  const parts: Float32Array[] = [];
  for (const { top, bottom, readTop, readBottom } of strips) {
    const read = data.subarray(readTop * width * 3, readBottom * width * 3);
    const height = readBottom - readTop;
    const enlarged = await enlarge(parameters, { width, height, data: read });
    const row = enlarged.length / height;
    parts.push(enlarged.subarray((top - readTop) * row, (bottom - readTop) * row));
  }
  return concat(parts);
}
