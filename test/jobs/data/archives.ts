/** Parts of tar archives, written by hand so that they may say what no program would. */

export interface TarHeader {
  readonly name: string;
  readonly size: number;
  /** One character; `0` is a file. */
  readonly type?: string;
}

/** The block before the bytes of a file. */
export function tarHeader({ name, size, type = '0' }: TarHeader): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  header.write(`        ${type}`, 148);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

/** Header and bytes, filled up to whole blocks. */
export function tarFile(name: string, data: Buffer, type = '0'): Buffer {
  const padding = Buffer.alloc((512 - (data.length % 512)) % 512);
  return Buffer.concat([tarHeader({ name, size: data.length, type }), data, padding]);
}

export const TAR_END: Buffer = Buffer.alloc(1024);
