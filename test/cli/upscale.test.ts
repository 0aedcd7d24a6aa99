import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { encode } from '../../src/core/codec/encode.ts';
import { publishBlindModel } from '../helpers/blind-model.ts';
import { damageModel } from '../helpers/damage-model.ts';
import { generatedPhoto } from '../helpers/generated-photos.ts';
import { publishNearestModels } from '../helpers/nearest-models.ts';
import { runCli } from '../helpers/run-cli.ts';

test('a damaged blind model is named in a warning, and the next best or the plain one enlarges', async () => {
  const folder = await publishNearestModels([2]);
  onTestFinished(() => folder.remove());
  for (const id of ['told-x2', 'site-x2']) await publishBlindModel(folder.directory, [0.6, 0, 0, 0.2, 0.25], id);
  const photo = join(folder.directory, 'photo.png');
  await writeFile(photo, await encode(generatedPhoto(64, 48, 3), undefined, { format: 'png' }));
  const upscale = () =>
    runCli(['upscale', photo, join(folder.directory, 'out.png'), '--scale', '2', '--models', folder.directory]);

  await damageModel(folder.directory, 'site-x2');
  const next = await upscale();
  expect(next.stdout).toContain('1 picture enlarged x2 by told-x2');
  expect(next.stderr).toContain('warning: the blind model site-x2 is passed over');

  await damageModel(folder.directory, 'told-x2');
  expect((await upscale()).stdout).toContain('1 picture enlarged x2 by nearest-x2');
});
