import { describe, expect, test } from 'vitest';
import { chooseProvider } from '../../../src/core/engine/provider.ts';
import type { Provider } from '../../../src/core/engine/runtime.ts';

describe('chooseProvider', () => {
  test('auto says what it chose and why the others were not', async () => {
    const messages: string[] = [];
    const log = (message: string) => messages.push(message);
    const chosen = await chooseProvider('auto', { logger: { info: log, warn: log } });
    expect(['cpu', 'cuda', 'webgpu']).toContain(chosen);
    expect(messages).toEqual([expect.stringContaining(`provider ${chosen} chosen`)]);
    if (process.platform === 'linux' && process.arch === 'x64') expect(messages[0]).toMatch(/cuda: .+; webgpu: .+/);
  });

  test('a provider this build does not have is a bad option that lists those it has', async () => {
    await expect(chooseProvider('cuba' as Provider)).rejects.toMatchObject({
      code: 'DS_BAD_OPTION',
      message: expect.stringMatching(/`provider` to be one of auto, cpu.*got `cuba`/),
    });
  });

  test('a provider that does not answer in time counts as broken', async () => {
    await expect(chooseProvider('webgpu', { timeoutMs: 1 })).rejects.toThrow(
      /did not answer within 1 ms|one of auto, cpu/,
    );
  });
});
