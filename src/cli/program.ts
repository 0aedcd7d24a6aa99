/** The command line's grammar. Commands are imported when they run, so that help and mistakes are answered at once. */
import { Command, CommanderError, Option } from 'commander';
import { DualscaleError } from '../core/errors.ts';
import { VERSION } from '../core/version.ts';
import {
  addDeprecated,
  degradation,
  engine,
  integerFrom,
  json,
  models,
  numberFrom,
  pixelSize,
  provider,
  weights,
  workers,
} from './options.ts';
import { addJobs, addProxy, addServe, addServerModels } from './server-commands.ts';
import { addCompress, addTrain } from './training-commands.ts';

function addUpscale(program: Command): void {
  program
    .command('upscale')
    .description('enlarge a picture, or all pictures of a folder and its subfolders')
    .argument('<in>', 'a PNG, JPEG, WebP or AVIF file, or a folder')
    .argument('<out>', 'a file (its extension sets the format) or a folder; existing files are replaced')
    .option('--scale <n>', 'how many times wider and higher; default: the scale of --model, else 4', integerFrom(2, 8))
    .option('--model <id>', 'the model; default: the best one for the scale')
    .option(
      '--quality <n>',
      'quality of JPEG, WebP and AVIF; default: 90, 85, 65, less above 4 megapixels',
      integerFrom(1, 100),
    )
    .addOption(degradation('how the pictures were reduced; auto: estimated by the blind model if there is one'))
    .option('--sigma <n>', 'known blur: standard deviation in pixels of the result, 0 to 8', numberFrom(0, 8))
    .option('--noise <n>', 'known noise: standard deviation on a scale of 0 to 255, 0 to 50', numberFrom(0, 50))
    .addOption(models())
    .addOption(engine())
    .addOption(provider('auto'))
    .addOption(workers())
    .action(async (from, to, flags) => (await import('./commands/upscale.ts')).runUpscale(from, to, flags));
}

function addEval(program: Command): void {
  const command = program
    .command('eval')
    .description('PSNR and SSIM on a benchmark folder (Y channel, border = scale, as in papers)')
    .option('--model <id>', 'the model')
    .addOption(
      new Option('--method <name>', 'interpolation instead of a model')
        .choices(['bicubic', 'lanczos3'])
        .conflicts('model'),
    )
    .requiredOption('--data <dir>', 'folder with HR/ and optionally LR_bicubic/X<scale>/')
    .option('--scale <n>', 'enlargement; default: that of --model', integerFrom(2, 8))
    .option('--set <name>', "name of the set; default: the folder's")
    .option('--record', "write the result into the model's manifest")
    .addOption(weights('measure the effect of storing the weights in this type').conflicts('record'))
    .addOption(
      new Option(
        '--degradation <text...>',
        'degrade the HR images, e.g. gaussian:2.4,noise:10,jpeg:60; several give a table, and --data may be any folder of pictures',
      ).conflicts('weights'),
    )
    .option('--given-degradation', 'give the model the degradation; without it a blind model estimates it')
    .addOption(json())
    .addOption(models())
    .addOption(engine())
    .addOption(provider('auto'))
    .addOption(workers())
    .action(async (flags) => (await import('./commands/eval.ts')).runEval(flags));
  addDeprecated(command, new Option('--told'), 'given-degradation');
}

function addInspect(program: Command): void {
  program
    .command('inspect')
    .description('estimate the blur, noise and compression of a picture, and draw the blur kernel')
    .argument('<picture>', 'a PNG, JPEG, WebP or AVIF file')
    .option('--model <id>', 'a blind model; default: the one with the largest scale')
    .option(
      '--scale <n>',
      'the enlargement in whose pixels blur is given; default: that of the model',
      integerFrom(2, 8),
    )
    .option('--out <file>', 'draw the blur kernel into an .svg or .png file')
    .addOption(json())
    .addOption(models())
    .addOption(engine())
    .addOption(provider('auto'))
    .action(async (picture, flags) => (await import('./commands/inspect.ts')).runInspect(picture, flags));
}

function addModels(program: Command): void {
  const command = program
    .command('models')
    .description('list the models: scale, size, cost, measured quality')
    .addOption(models())
    .addOption(json())
    .addOption(new Option('--markdown', 'print the page models/README.md').conflicts('json'))
    .action(async (flags) => (await import('./commands/models.ts')).runModels(flags));
  addServerModels(command);
}

function addExport(program: Command): void {
  const command = program
    .command('export')
    .description('write a model as ONNX: input `image` [1, H, W, 3] in 0..1, output `enlarged` [1, s*H, s*W, 3]')
    .requiredOption('--model <id>', 'the model')
    .requiredOption('--out <file>', 'the .onnx file; an existing one is replaced')
    .option('--size <WxH>', 'fixed input size; default: any size', pixelSize)
    .option('--given-degradation', 'for a blind model: an input `code` [1, 1, 1, 5] instead of its own estimate')
    .addOption(models())
    .action(async (flags) => (await import('./commands/export.ts')).runExport(flags));
  addDeprecated(command, new Option('--told'), 'given-degradation');
}

function addConvert(program: Command): void {
  program
    .command('convert')
    .description("store a model's weights in another type, as its next version")
    .requiredOption('--model <id>', 'the model')
    .addOption(weights('type of the stored weights').makeOptionMandatory())
    .addOption(models())
    .action(async (flags) => (await import('./commands/convert.ts')).runConvert(flags));
}

function addBench(program: Command): void {
  program
    .command('bench')
    .description('latency of models on this machine: median of several runs on one whole picture')
    .option('--model <id>', 'the model; default: all')
    .option('--size <WxH>', 'input size', pixelSize, pixelSize('128x128'))
    .option('--threads <n>', 'threads of one run', integerFrom(1, 1024), 1)
    .option('--runs <n>', 'timed runs', integerFrom(1, 10_000), 20)
    .addOption(engine())
    .addOption(provider('cpu'))
    .option('--record', "write the result into the models' manifests")
    .addOption(json())
    .addOption(models())
    .action(async (flags) => (await import('./commands/bench.ts')).runBench(flags));
}

/** They print pages of the documentation. */
function addPages(program: Command): void {
  program
    .command('metrics')
    .description('print docs/metrics.md: every Prometheus metric')
    .addOption(json())
    .action(async (flags) => (await import('./commands/metrics.ts')).runMetrics(flags));
  program
    .command('commands')
    .description('print docs/commands.md: every command and option')
    .action(async () => {
      const { commandsMarkdown } = await import('./commands-markdown.ts');
      process.stdout.write(commandsMarkdown(program));
    });
}

/** Throws CommanderError for help, version and bad usage instead of ending the process. */
export function createProgram(): Command {
  const program = new Command('dualscale')
    .description('Super-resolution for images: enlarge, serve, train, measure.')
    .version(VERSION)
    .showHelpAfterError('(--help lists the options)')
    .exitOverride();
  addUpscale(program);
  addServe(program);
  addProxy(program);
  addTrain(program);
  addCompress(program);
  addEval(program);
  addInspect(program);
  addModels(program);
  addJobs(program);
  addConvert(program);
  addExport(program);
  addBench(program);
  addPages(program);
  return program;
}

/** Prints an error in one line on stderr and returns the exit code. DUALSCALE_DEBUG adds the stack. */
export function reportError(error: unknown): 0 | 1 | 2 {
  // Commander has printed its message already; its errors are help and version (0) or bad usage.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  console.error(`error: ${message}`);
  if (process.env['DUALSCALE_DEBUG']) console.error(stack);
  return error instanceof DualscaleError && error.code === 'DS_BAD_OPTION' ? 2 : 1;
}
