/** The command line's grammar. Commands are imported when they run, so that help and mistakes are answered at once. */
import { Command, Option } from 'commander';
import { VERSION } from '../core/version.ts';
import { addJobs, addServerModels } from './jobs-commands.ts';
import { integerFrom, milliseconds, numberBetween, numberFrom, pixelSize, shareOfAll } from './option-values.ts';
import { addProxy, addServe } from './server-commands.ts';
import { degradation, engine, models, ONNX_PROVIDERS, provider, workers } from './shared-options.ts';

const weights = (what: string) => new Option('--weights <type>', what).choices(['float32', 'float16']);
const json = () => new Option('--json', 'print JSON');

function addUpscale(program: Command): void {
  program
    .command('upscale')
    .description('enlarge a picture, or all pictures of a folder and its subfolders')
    .argument('<in>', 'a PNG, JPEG, WebP or AVIF file, or a folder')
    .argument('<out>', 'a file, whose ending says the format, or a folder; what is there is replaced')
    .option('--scale <n>', 'how many times wider and higher; default: the scale of --model, else 4', integerFrom(2, 8))
    .option('--model <id>', 'which model; default: the best for the scale')
    .option(
      '--quality <n>',
      'quality of JPEG, WebP and AVIF; default: 90, 85, 65, less above 4 megapixels',
      integerFrom(1, 100),
    )
    .addOption(degradation('how the pictures were made small; auto: the blind model says, if there is one'))
    .option('--sigma <n>', 'known blur: standard deviation in pixels of the enlarged picture, 0 to 8', numberFrom(0, 8))
    .option('--noise <n>', 'known noise: standard deviation of 255, 0 to 50', numberFrom(0, 50))
    .addOption(models())
    .addOption(engine())
    .addOption(provider('auto'))
    .addOption(workers('worker threads; default: one per core, one on a GPU'))
    .action(async (from, to, flags) => (await import('./commands/upscale.ts')).runUpscale(from, to, flags));
}

function addTrain(program: Command): void {
  program
    .command('train')
    .description('train a network by dual regression; publishes a model in OUT/<preset>')
    .option('--preset <id>', 'what to train; `dualscale train --list-presets` lists them')
    .addOption(new Option('--spec <file>', 'JSON file with { id, description, recipe } instead').conflicts('preset'))
    .option('--list-presets', 'list the presets and exit')
    .option('--data <dir...>', 'folders of photographs, searched with their subfolders')
    .option('--out <dir>', 'folder of the run: checkpoint, log.jsonl, loss.svg and the model')
    .option('--steps <n>', "steps of the whole run; default: the preset's", integerFrom(1, 1e9))
    .option('--resume', "go on from OUT's checkpoint; starts at step 0 where there is none yet")
    .option('--seed <n>', "seed of all random numbers; default: the preset's", integerFrom(0, 2 ** 32 - 1))
    .addOption(workers('worker threads; default: one per core, one on a GPU'))
    .option('--start-from <dir>', 'folder of a model whose weights are taken over where name and shape agree')
    .option('--unpaired <dir...>', 'folders of small pictures without ground truth; the dual loss learns from them too')
    .option('--unpaired-share <n>', 'their share of every batch; default: 0.3', numberBetween(0, 1))
    .option('--teacher <dir>', 'folder of a model of the same scale whose images are learnt too')
    .option('--distill-weight <n>', 'weight of the L1 distance to them; default: 1', numberBetween(0, 1000))
    .option(
      '--taught-by <dir...>',
      'folders of models of the same scale whose images, the mean over eight symmetries, are the ground truth',
    )
    .option('--taught-share <n>', 'how much of it they are, the rest is the photograph; default: 1', shareOfAll)
    .addOption(engine())
    .addOption(
      new Option('--provider <name>', 'where networks run with --engine onnx').choices(ONNX_PROVIDERS).default('cpu'),
    )
    .addOption(weights('how the weights of the model are stored').default('float32'))
    .option('--data-note <text>', 'where the photographs come from, for the manifest')
    .option('--license <text>', 'license of the model, for the manifest', 'UNLICENSED')
    .action(async (flags) => (await import('./commands/train.ts')).runTrain(flags));
}

function addBudget(command: Command): Command {
  const kinds = ['ratio', 'latency', 'params', 'macs'];
  const only = (option: Option, name: string) => option.conflicts(kinds.filter((kind) => kind !== name));
  return command
    .addOption(
      only(new Option('--ratio <n>', 'share of the channels that is removed, above 0 and below 1'), 'ratio').argParser(
        numberBetween(0, 1),
      ),
    )
    .addOption(
      only(new Option('--latency <time>', 'what a picture may take on this machine, e.g. 20ms'), 'latency').argParser(
        milliseconds,
      ),
    )
    .addOption(only(new Option('--params <n>', 'how many parameters it may have'), 'params').argParser(integerFrom(1)))
    .addOption(
      only(new Option('--macs <n>', 'multiply-accumulates it may cost for a 1280x720 output'), 'macs').argParser(
        integerFrom(1),
      ),
    )
    .option('--at <WxH>', 'input size whose latency counts, and is reported', pixelSize, pixelSize('320x180'))
    .option('--percentile <n>', 'which of the measured runs counts, with --latency; default: 50', integerFrom(1, 99))
    .option('--threads <n>', 'threads of a measured run, with --latency; default: 1', integerFrom(1, 1024));
}

function addCompress(program: Command): void {
  const command = program
    .command('compress')
    .description('make a smaller model of a trained one by dual regression compression, and publish it in OUT/<id>')
    .requiredOption('--model <id>', 'which model')
    .requiredOption('--data <dir...>', 'folders of photographs, searched with their subfolders')
    .requiredOption('--out <dir>', 'folder of the run: stages, checkpoints, report.md and the model');
  addBudget(command)
    .addOption(new Option('--multiple <n>', 'widths are multiples of it').choices(['4', '8', '16']).default('4'))
    .addOption(
      new Option('--method <name>', 'drc, or for comparison: uniform widths, or the widths from random weights')
        .choices(['drc', 'l1', 'scratch'])
        .default('drc'),
    )
    .addOption(new Option('--budget <name>', 'how long it takes').choices(['quick', 'default']).default('default'))
    .option(
      '--max-psnr-drop <dB>',
      'a model that loses more on held-out photographs is rejected',
      numberBetween(0),
      0.5,
    )
    .option('--id <id>', "id of the result; default: the model's and what was asked for, e.g. edge-x4-p50")
    .option('--publish <dir>', 'folder of models to publish it in; default: OUT')
    .option('--seed <n>', 'seed of all random numbers', integerFrom(0, 2 ** 32 - 1), 1)
    .option('--resume', 'go on where the run in OUT stopped; begins where there is none yet')
    .addOption(workers('worker threads; default: one per core, one on a GPU'))
    .addOption(models())
    .addOption(engine())
    .addOption(
      new Option('--provider <name>', 'where networks run with --engine onnx').choices(ONNX_PROVIDERS).default('cpu'),
    )
    .addOption(weights('how the weights of the model are stored').default('float32'))
    .option('--data-note <text>', 'where the photographs come from, for the manifest')
    .option('--license <text>', "license of the result, for the manifest; default: the model's")
    .action(async (flags) => (await import('./commands/compress.ts')).runCompress(flags));
}

function addEval(program: Command): void {
  program
    .command('eval')
    .description('PSNR and SSIM on a benchmark folder (Y channel, border = scale, as papers do)')
    .option('--model <id>', 'which model')
    .addOption(
      new Option('--method <name>', 'plain interpolation instead').choices(['bicubic', 'lanczos3']).conflicts('model'),
    )
    .requiredOption('--data <dir>', 'folder with HR/ and, where given, LR_bicubic/X<scale>/')
    .option('--scale <n>', 'enlargement; default: that of --model', integerFrom(2, 8))
    .option('--set <name>', "name of the set; default: the folder's")
    .option('--record', "write the result into the model's manifest")
    .addOption(weights('measure what storing the weights so would change').conflicts('record'))
    .addOption(
      new Option(
        '--degradation <text...>',
        'make the LR images so, e.g. gaussian:2.4,noise:10,jpeg:60; several give a table, --data is any folder of pictures',
      ).conflicts('weights'),
    )
    .option('--told', 'tell the model the degradation; without it a blind model guesses')
    .addOption(json())
    .addOption(models())
    .addOption(engine())
    .addOption(provider('auto'))
    .addOption(workers('worker threads; default: one per core, one on a GPU'))
    .action(async (flags) => (await import('./commands/eval.ts')).runEval(flags));
}

function addInspect(program: Command): void {
  program
    .command('inspect')
    .description('say how a picture was blurred, what noise and compression it has, and draw the blur')
    .argument('<picture>', 'a PNG, JPEG, WebP or AVIF file')
    .option('--model <id>', 'which blind model; default: the one of the largest scale')
    .option('--scale <n>', 'the enlargement that blur is told for; default: that of the model', integerFrom(2, 8))
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

function addMetrics(program: Command): void {
  program
    .command('metrics')
    .description('print the page docs/metrics.md: every Prometheus metric')
    .addOption(json())
    .action(async (flags) => (await import('./commands/metrics.ts')).runMetrics(flags));
}

function addCommands(program: Command): void {
  program
    .command('commands')
    .description('print the page docs/commands.md: every command and option')
    .action(async () => (await import('./commands/commands.ts')).runCommands(program));
}

function addExport(program: Command): void {
  program
    .command('export')
    .description('write a model as ONNX: input `image` [1, H, W, 3] in 0..1, output `enlarged` [1, s*H, s*W, 3]')
    .requiredOption('--model <id>', 'which model')
    .requiredOption('--out <file>', 'the .onnx file; what is there is replaced')
    .option('--size <WxH>', 'fix the input size; default: any size', pixelSize)
    .option('--told', 'a blind model: with an input `code` [1, 1, 1, 5] in place of its own estimate')
    .addOption(models())
    .action(async (flags) => (await import('./commands/export.ts')).runExport(flags));
}

function addConvert(program: Command): void {
  program
    .command('convert')
    .description("store a model's weights in another way, as its next version")
    .requiredOption('--model <id>', 'which model')
    .addOption(weights('how the weights are stored').makeOptionMandatory())
    .addOption(models())
    .action(async (flags) => (await import('./commands/convert.ts')).runConvert(flags));
}

function addBench(program: Command): void {
  program
    .command('bench')
    .description('latency of models on this machine: median of several runs of one whole picture')
    .option('--model <id>', 'which model; default: all')
    .option('--size <WxH>', 'input size', pixelSize, pixelSize('128x128'))
    .option('--threads <n>', 'threads of one run', integerFrom(1, 1024), 1)
    .option('--runs <n>', 'runs that count', integerFrom(1, 10_000), 20)
    .addOption(engine())
    .addOption(provider('cpu'))
    .option('--record', "write the result into the models' manifests")
    .addOption(json())
    .addOption(models())
    .action(async (flags) => (await import('./commands/bench.ts')).runBench(flags));
}

/** Throws CommanderError for help, version and bad usage instead of ending the process. */
export function createProgram(): Command {
  const program = new Command('dualscale')
    .description('Super-resolution for images: enlarge, serve, train, measure.')
    .version(VERSION)
    .showHelpAfterError('(--help lists the options)')
    .exitOverride();
  for (const add of [
    addUpscale,
    addServe,
    addProxy,
    addTrain,
    addCompress,
    addEval,
    addInspect,
    addModels,
    addJobs,
    addMetrics,
    addConvert,
    addExport,
    addBench,
    addCommands,
  ])
    add(program);
  return program;
}
