import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Changes one bit of a model's weights: they no longer have the digest that its manifest names. */
export async function damageModel(modelsDir: string, id: string): Promise<void> {
  const [name] = (await readdir(join(modelsDir, id))).filter((file) => file.endsWith('.safetensors'));
  const path = join(modelsDir, id, name as string);
  const bytes = await readFile(path);
  bytes[bytes.length - 1] ^= 1;
  await writeFile(path, bytes);
}
