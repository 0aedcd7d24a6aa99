import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createProgram, reportError } from '../../src/cli/program.ts';
import { type ModelsFolder, publishNearestModels } from '../helpers/nearest-models.ts';
import { runCli } from '../helpers/run-cli.ts';

let folder: string;
let models: ModelsFolder;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dualscale-usage-'));
  await writeFile(join(folder, 'file.txt'), 'no picture');
  await writeFile(join(folder, 'bad.json'), '{"id":"x"');
  models = await publishNearestModels([2]);
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await models.remove();
});

/** Each line: what was typed, and what the message must name. `@` is a folder, `%` the models' folder. */
const mistakes: readonly (readonly [typed: string, ...named: string[]])[] = [
  ['enlarge', 'enlarge'],
  ['upscale in.png', 'out'],
  ['upscale in.png out.png --scale four', '--scale', 'four', 'integer from 2 to 8'],
  ['upscale in.png out.png --sclae 4', '--sclae'],
  ['upscale @/nowhere.png out.png', '<in>', 'nowhere.png'],
  ['upscale @/file.txt @/out.gif', '<out>', '.png', 'out.gif'],
  ['upscale @/file.txt @/file.txt', '<out>', 'file.txt'],
  ['upscale @ @', '<out>', 'another folder'],
  ['upscale @ @/out --models %', '--scale', '2', '4'],
  ['upscale @ @/out --models % --model edge-x9', '--model', 'nearest-x2', 'edge-x9'],
  ['upscale @ @/out --models % --model nearest-x2 --scale 4', '--scale', '2', '4'],
  ['upscale @ @/out --models @/nowhere', '--models', 'nowhere'],
  ['upscale @ @/out --provider abacus', '--provider', 'cpu', 'abacus'],
  ['upscale @ @/out --engine abacus', '--engine', 'onnx, tfjs', 'abacus'],
  ['train --preset edge-x4 --out @/run', '--data'],
  ['train --preset edge-x4 --data @', '--out'],
  ['train --data @ --out @/run', '--preset', '--spec'],
  ['train --preset edge-x5 --data @ --out @/run', '--preset', 'edge-x4', 'edge-x5'],
  ['train --preset edge-x4 --data @/nowhere --out @/run', '--data', 'nowhere'],
  ['train --preset edge-x4 --data @ --out @/run --steps 0', '--steps', 'from 1'],
  ['train --preset edge-x4 --data @ --out @/run --start-from @/nowhere', '--start-from', 'nowhere'],
  ['train --preset edge-x4 --data @ --out @/run --unpaired @/nowhere', '--unpaired', 'nowhere'],
  ['train --preset edge-x4 --data @ --out @/run --unpaired @ --unpaired-share 1', '--unpaired-share', 'below 1', '1'],
  ['train --preset edge-x4 --data @ --out @/run --unpaired-share 0.5', '--unpaired-share', '--unpaired', '0.5'],
  ['train --preset edge-x4 --data @ --out @/run --teacher @/nowhere', '--teacher', 'nowhere'],
  ['train --preset edge-x4 --data @ --out @/run --teacher %/nearest-x2', '--teacher', 'scale 4', 'scale 2'],
  ['train --preset edge-x2 --data @ --out @/run --distill-weight 2', '--distill-weight', '--teacher', '2'],
  ['train --preset edge-x4 --data @ --out @/run --pseudo-labels-from @/nowhere', '--pseudo-labels-from', 'nowhere'],
  [
    'train --preset edge-x4 --data @ --out @/run --pseudo-labels-from %/nearest-x2',
    '--pseudo-labels-from',
    'scale 4',
    'scale 2',
  ],
  [
    'train --preset edge-x2 --data @ --out @/run --pseudo-labels-share 0.5',
    '--pseudo-labels-share',
    '--pseudo-labels-from',
    '0.5',
  ],
  [
    'train --preset edge-x2 --data @ --out @/run --pseudo-labels-from @ --pseudo-labels-share 1.5',
    '--pseudo-labels-share',
    'at most 1',
  ],
  [
    'train --preset edge-blind-x2 --data @ --out @/run --pseudo-labels-from %/nearest-x2',
    '--pseudo-labels-from',
    'photograph',
  ],
  [`train --preset edge-x4 --data @ --out @/run --license ${'x'.repeat(201)}`, '--license', '1 to 200'],
  ['train --spec @/bad.json --data @ --out @/run', '--spec', 'JSON', 'bad.json'],
  ['train --spec @/none.json --data @ --out @/run', '--spec', 'none.json'],
  ['compress --models % --model nearest-x2 --data @', '--out'],
  ['compress --models % --model nearest-x9 --data @ --out @/run --ratio 0.5', '--model', 'nearest-x2', 'nearest-x9'],
  ['compress --models % --model nearest-x2 --data @ --out @/run', '--ratio', '--latency', '--params', '--macs'],
  ['compress --models % --model nearest-x2 --data @ --out @/run --ratio 0.5 --params 9', '--ratio', '--params'],
  ['compress --models % --model nearest-x2 --data @ --out @/run --ratio 1', '--ratio', 'below 1', '1'],
  ['compress --models % --model nearest-x2 --data @ --out @/run --latency 20', '--latency', '20ms'],
  [
    'compress --models % --model nearest-x2 --data @ --out @/run --ratio 0.5 --threads 2',
    '--threads',
    '--latency',
    '2',
  ],
  ['compress --models % --model nearest-x2 --data @ --out @/run --params 999999', '--params', '999999'],
  ['compress --models % --model nearest-x2 --data @/none --out @/run --ratio 0.5', '--data', 'none'],
  ['compress --models % --model nearest-x2 --data @ --out @/run --ratio 0.5 --id Big', '--id', 'lower-case', 'Big'],
  ['compress --models % --model nearest-x2 --data @ --out @/run --ratio 0.5 --multiple 5', '--multiple', '4, 8, 16'],
  ['eval --data @ --scale 2', '--model', '--method'],
  ['eval --data @ --method bicubic', '--scale'],
  ['eval --data @ --method nearest --scale 2', '--method', 'bicubic', 'nearest'],
  ['eval --data @ --method bicubic --scale 2 --record', '--record', '--model'],
  ['eval --data @ --method bicubic --scale 2 --weights float16', '--weights', '--model'],
  ['eval --data @ --model nearest-x2 --record --weights float16', '--weights', '--record'],
  ['convert --models % --model nearest-x2', '--weights'],
  ['convert --models % --model nearest-x2 --weights int8', '--weights', 'float16', 'int8'],
  ['convert --models % --model nearest-x9 --weights float16', '--model', 'nearest-x2', 'nearest-x9'],
  ['models --models % --json --markdown', '--markdown', '--json'],
  ['eval --scale 2 --method bicubic', '--data'],
  ['export --model nearest-x2 --models %', '--out'],
  ['bench --models % --engine tfjs --threads 2', '--threads', '1 with --engine tfjs', '2'],
  ['bench --models % --engine tfjs --provider cuda', 'provider', 'tensorflow, wasm, cpu', 'cuda'],
  [
    'export --model nearest-x2 --models % --out x.onnx --given-degradation',
    '--given-degradation',
    'blind model',
    'nearest-x2',
  ],
  ['export --model nearest-x2 --models % --out x.onnx --size 12', '--size', 'WIDTHxHEIGHT', '12'],
  ['bench --models % --runs -1', '--runs', 'integer from 1'],
  ['serve --port 99999', '--port', '0 to 65535', '99999'],
  ['serve --latency-objective 300', '--latency-objective', '20ms', '300'],
  ['serve --latency-objective 3000s', 'latencyObjectiveMs', '600000'],
  ['proxy --upstream http://127.0.0.1:9 --latency-objective soon', '--latency-objective', 'soon'],
  ['serve --degradation none', '--degradation', 'auto, bicubic, blind', 'none'],
  ['proxy --upstream http://127.0.0.1:9 --degradation none', '--degradation', 'auto, bicubic, blind', 'none'],
  ['serve --sample-traffic', '--sample-traffic', '--jobs'],
  ['serve --no-token', '--no-token', '--jobs'],
  ['serve --jobs @/jobs --no-token --host 0.0.0.0 --models %', 'token', '0.0.0.0'],
  ['serve --jobs @/jobs --sample-deny a', '--sample-deny', '--sample-traffic'],
  ['serve --jobs @/jobs --sample-traffic --sample-deny (', '--sample-deny', 'regular expression', '('],
  ['serve --jobs @/jobs --sample-traffic --sample-days 0', '--sample-days', 'above 0'],
];

const expand = (typed: string) =>
  typed.split(' ').map((word) => word.replace('@', folder).replace('%', models.directory));

/** The command line without a process around it: most of a process's time would be its start. */
async function runHere(args: readonly string[]) {
  let stderr = '';
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    stderr += chunk;
    return true;
  });
  const log = vi.spyOn(console, 'error').mockImplementation((line) => {
    stderr += `${line}\n`;
  });
  try {
    await createProgram().parseAsync(args, { from: 'user' });
    return { code: 0, stderr };
  } catch (error) {
    return { code: reportError(error), stderr };
  } finally {
    write.mockRestore();
    log.mockRestore();
  }
}

describe('a mistake', () => {
  test.each(mistakes.map(([typed, ...named]) => ({ typed, named })))('in `$typed`', async ({ typed, named }) => {
    const { code, stderr } = await runHere(expand(typed));
    expect(code).toBe(2);
    for (const name of named) expect(stderr).toContain(name);
    expect(stderr).toMatch(/^error: /m);
  });

  test('is answered on stderr with exit code 2 and no stack', async () => {
    const { code, stdout, stderr } = await runCli(expand('upscale @ @/out --models % --model edge-x9'));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toBe(
      `error: expected \`--model\` to be one of nearest-x2 (in ${models.directory}), got \`edge-x9\`\n`,
    );
  });

  test('of the data is a failure, not bad usage', async () => {
    const { code, stderr } = await runCli(expand('train --preset edge-x4 --data @ --out @/run'));
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: expected `data` to hold photographs of at least 128 pixels a side, got 0 files/m);
  });
});

describe('an old name of an option', () => {
  test.each([
    ['eval --data @ --told', '--told', '--given-degradation', 'used with --degradation'],
    [
      'train --preset edge-x4 --data @ --out @/run --taught-by @/nowhere',
      '--taught-by',
      '--pseudo-labels-from',
      'nowhere',
    ],
    [
      'train --preset edge-x4 --data @ --out @/run --taught-share 1',
      '--taught-share',
      '--pseudo-labels-share',
      'used with',
    ],
  ])('works and says the new one: `%s`', async (typed, old, name, error) => {
    const { code, stderr } = await runHere(expand(typed));
    expect(code).toBe(2);
    expect(stderr).toContain(`${old} is deprecated: use ${name}\n`);
    expect(stderr).toContain(`error: expected \`${name}\` to be`);
    expect(stderr).toContain(error);
  });

  test('is not in the help', async () => {
    const { stdout } = await runCli(['help', 'eval']);
    expect(stdout).toContain('--given-degradation');
    expect(stdout).not.toContain('--told');
  });
});

describe('help and version', () => {
  test('are answered on stdout', async () => {
    const [help, version, ofTrain] = await Promise.all([
      runCli(['--help']),
      runCli(['--version']),
      runCli(['help', 'train']),
    ]);
    expect([help.code, version.code, ofTrain.code]).toEqual([0, 0, 0]);
    for (const name of ['upscale', 'train', 'eval', 'models', 'export', 'bench', 'serve']) {
      expect(help.stdout).toContain(`  ${name} `);
    }
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(ofTrain.stdout).toContain('--resume');
  });

  test('list the presets', async () => {
    const { code, stdout } = await runCli(['train', '--list-presets']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^edge-x4\s+14000\s/m);
  });
});

describe('DUALSCALE_DEBUG', () => {
  test('shows where an error came from', async () => {
    const { code, stderr } = await runCli(['models', '--models', join(folder, 'nowhere')], { DUALSCALE_DEBUG: '1' });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^\s+at /m);
  });
});
