/** The grammar of `train` and `compress`. */
import { type Command, Option } from 'commander';
import {
  addDeprecated,
  engine,
  integerFrom,
  milliseconds,
  models,
  numberBetween,
  pixelSize,
  shareOfAll,
  trainingProvider,
  weights,
  workers,
} from './options.ts';

export function addTrain(program: Command): void {
  const command = program
    .command('train')
    .description('train a network by dual regression; the model is published in OUT/<preset>')
    .option('--preset <id>', 'the network and its recipe; see `dualscale train --list-presets`')
    .addOption(
      new Option('--spec <file>', 'JSON file with { id, description, recipe } instead of a preset').conflicts('preset'),
    )
    .option('--list-presets', 'list the presets and exit')
    .option('--data <dir...>', 'folders of photographs, searched with their subfolders')
    .option('--out <dir>', 'folder of the run: checkpoint, log.jsonl, loss.svg and the model')
    .option('--steps <n>', "steps of the whole run; default: the preset's", integerFrom(1, 1e9))
    .option('--resume', 'continue from the checkpoint in OUT; without one the run starts at step 0')
    .option('--seed <n>', "seed of all random numbers; default: the preset's", integerFrom(0, 2 ** 32 - 1))
    .addOption(workers())
    .option('--start-from <dir>', 'folder of a model: weights with the same name and shape are copied')
    .option('--unpaired <dir...>', 'folders of small pictures without ground truth, for the dual loss')
    .option('--unpaired-share <n>', 'their share of every batch; default: 0.3', numberBetween(0, 1))
    .option('--teacher <dir>', 'folder of a model of the same scale, for distillation')
    .option(
      '--distill-weight <n>',
      "weight of the L1 distance to the teacher's images; default: 1",
      numberBetween(0, 1000),
    )
    .option(
      '--pseudo-labels-from <dir...>',
      'folders of models of the same scale: the mean of their images over eight symmetries is the ground truth',
    )
    .option(
      '--pseudo-labels-share <n>',
      'their share in the ground truth, the rest is the photograph; default: 1',
      shareOfAll,
    )
    .addOption(engine())
    .addOption(trainingProvider())
    .addOption(weights('type of the stored weights').default('float32'))
    .option('--data-note <text>', 'origin of the photographs, for the manifest')
    .option('--license <text>', 'license of the model, for the manifest', 'UNLICENSED')
    .action(async (flags) => (await import('./commands/train.ts')).runTrain(flags));
  addDeprecated(command, new Option('--taught-by <dir...>'), 'pseudo-labels-from');
  addDeprecated(command, new Option('--taught-share <n>').argParser(shareOfAll), 'pseudo-labels-share');
}

function addBudget(command: Command): Command {
  const kinds = ['ratio', 'latency', 'params', 'macs'];
  const only = (name: string, flags: string, what: string) =>
    new Option(flags, what).conflicts(kinds.filter((kind) => kind !== name));
  const latency = only('latency', '--latency <time>', 'latency of one picture on this machine, e.g. 20ms');
  const macs = only('macs', '--macs <n>', 'multiply-accumulates for a 1280x720 result');
  return command
    .addOption(
      only('ratio', '--ratio <n>', 'share of the channels to remove, above 0 and below 1').argParser(
        numberBetween(0, 1),
      ),
    )
    .addOption(latency.argParser(milliseconds))
    .addOption(only('params', '--params <n>', 'number of parameters').argParser(integerFrom(1)))
    .addOption(macs.argParser(integerFrom(1)))
    .option('--at <WxH>', 'input size at which latency is measured', pixelSize, pixelSize('320x180'))
    .option('--percentile <n>', 'percentile of the measured runs, with --latency; default: 50', integerFrom(1, 99))
    .option('--threads <n>', 'threads of a measured run, with --latency; default: 1', integerFrom(1, 1024));
}

export function addCompress(program: Command): void {
  const command = program
    .command('compress')
    .description('compress a trained model by dual regression, and publish the result in OUT/<id>')
    .requiredOption('--model <id>', 'the model to compress')
    .requiredOption('--data <dir...>', 'folders of photographs, searched with their subfolders')
    .requiredOption('--out <dir>', 'folder of the run: stages, checkpoints, report.md and the model');
  addBudget(command)
    .addOption(new Option('--multiple <n>', 'widths are multiples of this').choices(['4', '8', '16']).default('4'))
    .addOption(
      new Option('--method <name>', 'drc; for comparison: l1 (uniform widths) or scratch (widths from random weights)')
        .choices(['drc', 'l1', 'scratch'])
        .default('drc'),
    )
    .addOption(new Option('--budget <name>', 'training budget').choices(['quick', 'default']).default('default'))
    .option('--max-psnr-drop <dB>', 'largest accepted loss on held-out photographs', numberBetween(0), 0.5)
    .option('--id <id>', "id of the result; default: the model's and the target, e.g. edge-x4-p50")
    .option('--publish <dir>', 'folder of models to publish the result in; default: OUT')
    .option('--seed <n>', 'seed of all random numbers', integerFrom(0, 2 ** 32 - 1), 1)
    .option('--resume', 'continue the run in OUT; starts a new one where there is none')
    .addOption(workers())
    .addOption(models())
    .addOption(engine())
    .addOption(trainingProvider())
    .addOption(weights('type of the stored weights').default('float32'))
    .option('--data-note <text>', 'origin of the photographs, for the manifest')
    .option('--license <text>', "license of the result, for the manifest; default: the model's")
    .action(async (flags) => (await import('./commands/compress.ts')).runCompress(flags));
}
