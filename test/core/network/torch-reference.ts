/** PyTorch's operators as plain loops over one CHW image, in double precision: the oracle of the network tests. */

export interface Plane {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly data: Float64Array;
}

export function plane(
  channels: number,
  height: number,
  width: number,
  at: (c: number, y: number, x: number) => number,
): Plane {
  const data = new Float64Array(channels * height * width);
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) data[(c * height + y) * width + x] = at(c, y, x);
    }
  }
  return { channels, height, width, data };
}

export function pixel({ channels, height, width, data }: Plane, c: number, y: number, x: number): number {
  if (c < 0 || c >= channels || y < 0 || y >= height || x < 0 || x >= width) return 0;
  return data[(c * height + y) * width + x] as number;
}

export function map(x: Plane, f: (value: number, channel: number) => number): Plane {
  return plane(x.channels, x.height, x.width, (c, i, j) => f(pixel(x, c, i, j), c));
}

export function add(a: Plane, b: Plane): Plane {
  return plane(a.channels, a.height, a.width, (c, y, x) => pixel(a, c, y, x) + pixel(b, c, y, x));
}

export function concat(a: Plane, b: Plane): Plane {
  return plane(a.channels + b.channels, a.height, a.width, (c, y, x) =>
    c < a.channels ? pixel(a, c, y, x) : pixel(b, c - a.channels, y, x),
  );
}

/** Weight as `nn.Conv2d` stores it: weight[out][in][ky][kx]. */
export interface TorchConv {
  readonly weight: number[][][][];
  readonly bias: number[] | undefined;
}

export function conv2d(x: Plane, { weight, bias }: TorchConv, stride: number, padding: number): Plane {
  const kernel = weight[0]?.[0]?.length ?? 0;
  const size = (length: number) => Math.floor((length + 2 * padding - kernel) / stride) + 1;
  return plane(weight.length, size(x.height), size(x.width), (o, y, column) => {
    let sum = bias?.[o] ?? 0;
    for (let c = 0; c < x.channels; c++) {
      for (let ky = 0; ky < kernel; ky++) {
        for (let kx = 0; kx < kernel; kx++) {
          const value = pixel(x, c, y * stride + ky - padding, column * stride + kx - padding);
          sum += value * (weight[o]?.[c]?.[ky]?.[kx] as number);
        }
      }
    }
    return sum;
  });
}

/** `nn.PixelShuffle`: output channel c, offset (dy, dx) comes from input channel c*s*s + dy*s + dx. */
export function pixelShuffle(x: Plane, s: number): Plane {
  return plane(x.channels / (s * s), x.height * s, x.width * s, (c, y, column) =>
    pixel(x, c * s * s + (y % s) * s + (column % s), Math.floor(y / s), Math.floor(column / s)),
  );
}

/** `upsample_bicubic2d` as ATen states it: source coordinate, floor, four taps at clamped indices, A = -0.75. */
export function bicubic(x: Plane, scale: number): Plane {
  const A = -0.75;
  const near = (d: number) => ((A + 2) * d - (A + 3)) * d * d + 1;
  const far = (d: number) => ((A * d - 5 * A) * d + 8 * A) * d - 4 * A;
  const taps = (out: number, size: number) => {
    const source = (out + 0.5) / scale - 0.5;
    const first = Math.floor(source);
    const t = source - first;
    const weights = [far(t + 1), near(t), near(1 - t), far(2 - t)];
    return weights.map((weight, i) => ({ weight, index: Math.min(Math.max(first - 1 + i, 0), size - 1) }));
  };
  return plane(x.channels, x.height * scale, x.width * scale, (c, y, column) => {
    let sum = 0;
    for (const row of taps(y, x.height)) {
      for (const tap of taps(column, x.width)) sum += row.weight * tap.weight * pixel(x, c, row.index, tap.index);
    }
    return sum;
  });
}

/** Global average pooling, two 1x1 convolutions, sigmoid, product. */
export function channelAttention(x: Plane, squeeze: TorchConv, excite: TorchConv): Plane {
  const means = plane(x.channels, 1, 1, (c) => {
    const values = x.data.subarray(c * x.height * x.width, (c + 1) * x.height * x.width);
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  });
  const squeezed = map(conv2d(means, squeeze, 1, 0), (value) => Math.max(value, 0));
  const gates = map(conv2d(squeezed, excite, 1, 0), (value) => 1 / (1 + Math.exp(-value)));
  return map(x, (value, c) => value * pixel(gates, c, 0, 0));
}
