/** Who may use the jobs of `dualscale serve --jobs`, as whoever starts it sees it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { writeGeneratedPhotos } from '../helpers/generated-photos.ts';
import { publishNearestModels } from '../helpers/nearest-models.ts';
import { runCli, startCli } from '../helpers/run-cli.ts';

let folder: string;
let models: Awaited<ReturnType<typeof publishNearestModels>>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dualscale-serve-'));
  models = await publishNearestModels([2]);
  await writeGeneratedPhotos(join(folder, 'photos'), 1, { width: 32, height: 32 });
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await models.remove();
});

/** What it printed until it said where the dashboard is, and that address. */
async function startServing(jobs: string, flags: readonly string[], token?: string) {
  const paths = ['--jobs', join(folder, jobs), '--models', models.directory, '--images', join(folder, 'photos')];
  const args = ['serve', ...paths, '--port', '0', '--workers', '1', '--provider', 'cpu', ...flags];
  const { child, result } = startCli(args, { DUALSCALE_TOKEN: token });
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await result;
  });
  let printed = '';
  const page = await new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', (chunk) => {
      printed += chunk;
      const found = /the dashboard is at (http:\/\/\S+)\n/.exec(printed);
      if (found) resolve(found[1] as string);
    });
    result.then(({ stderr }) => reject(new Error(stderr)), reject);
  });
  const ask = async (given?: string) => {
    const headers: Record<string, string> = given === undefined ? {} : { Authorization: `Bearer ${given}` };
    return (await fetch(new URL('api/status', page), { headers })).status;
  };
  return { page: new URL(page), ask, text: () => printed };
}

describe('serve --jobs', () => {
  test('without a token makes one of its own and prints it once, within the address of the dashboard', async () => {
    const { page, ask, text } = await startServing('made', []);
    const token = /^#token=([0-9a-f]{48})$/.exec(page.hash)?.[1] as string;
    expect(token).toBeDefined();
    expect([await ask(), await ask(`${token}0`), await ask(token)]).toEqual([401, 401, 200]);
    expect(text().split(token)).toHaveLength(2);
    expect(text()).toContain('DUALSCALE_TOKEN');
  });

  test('with DUALSCALE_TOKEN takes that one and does not print it', async () => {
    const token = 'a-token-for-tests-only';
    const { page, ask, text } = await startServing('given', [], token);
    expect(page.hash).toBe('');
    expect([await ask(), await ask(token)]).toEqual([401, 200]);
    expect(text()).not.toContain(token);
  });

  test('with --no-token serves this machine without one', async () => {
    const { page, ask } = await startServing('none', ['--no-token']);
    expect(page.hash).toBe('');
    expect(await ask()).toBe(200);
  });

  test('with --no-token and DUALSCALE_TOKEN does not guess which was meant', async () => {
    const args = ['serve', '--jobs', join(folder, 'both'), '--no-token'];
    const { code, stderr } = await runCli(args, { DUALSCALE_TOKEN: 'a-token-for-tests-only' });
    expect([code, stderr]).toEqual([
      2,
      'error: expected `--no-token` to be used without DUALSCALE_TOKEN, got `both`\n',
    ]);
  });
});
