/** The grammar of the commands that serve, and of those that talk to a running server. */
import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { BUDGET_NAMES, type Budget, JOB_TYPES } from '../jobs/queue/job.ts';
import {
  degradation,
  engine,
  integerFrom,
  json,
  milliseconds,
  models,
  namedFolder,
  numberBetween,
  patterns,
  pixelSize,
  provider,
  workers,
} from './options.ts';

const port = () =>
  new Option('--port <n>', 'port; 0 takes a free one').env('PORT').argParser(integerFrom(0, 65_535)).default(8080);
const host = () =>
  new Option('--host <address>', 'address to listen on; 0.0.0.0 for all').env('HOST').default('127.0.0.1');
const defaultDegradation = () =>
  degradation('for URLs without the parameter; default: auto, estimated by the blind model if there is one');
const latencyObjective = () =>
  new Option(
    '--latency-objective <time>',
    'time within which answers should be ready, e.g. 300ms: a faster model answers when the usual one would be late',
  ).argParser(milliseconds);

export function addServe(program: Command): void {
  program
    .command('serve')
    .description('serve a folder of photographs, enlarged on demand, with a page to view them')
    .addOption(
      new Option('--images <dir>', 'folder of photographs; default: the six in the package').env('DUALSCALE_IMAGES'),
    )
    .addOption(port())
    .addOption(host())
    .addOption(models())
    .addOption(engine())
    .addOption(provider('auto'))
    .addOption(workers())
    .addOption(defaultDegradation())
    .addOption(latencyObjective())
    .option(
      '--jobs <dir>',
      'run training and compression jobs, kept in this folder; DUALSCALE_TOKEN is their token, otherwise one is made and printed',
    )
    .option('--no-token', 'accept jobs from everyone on this machine without a token; not for use behind a proxy')
    .option(
      '--data-root <name=dir...>',
      'folders of photographs that jobs may read; default: photos=IMAGES',
      namedFolder,
    )
    .option('--sample-traffic', 'keep a sample of the served pictures, for jobs')
    .option('--sample-allow <regexp...>', 'sample only pictures whose `<host> <path and query>` matches', patterns)
    .option('--sample-deny <regexp...>', 'never sample pictures that match', patterns)
    .option('--sample-days <n>', 'days a sampled picture is kept; default: 30', numberBetween(0))
    .option('--pause-above <n>', 'pause jobs while more pictures than this are enlarged at a time', numberBetween(0))
    .action(async (flags) => (await import('./commands/serve.ts')).runServe(flags));
}

export function addProxy(program: Command): void {
  program
    .command('proxy')
    .description('stand in front of an HTTP image server and enlarge its pictures on demand')
    .requiredOption('--upstream <url>', 'the image server, e.g. http://127.0.0.1:8081/images')
    .option('--allow-private', 'allow its name to resolve to a private address; a literal address is always allowed')
    .option('--timeout <ms>', 'time limit of its answer', integerFrom(100, 600_000), 15_000)
    .addOption(port())
    .option('--metrics-port <n>', 'port of /metrics; default: none', integerFrom(0, 65_535))
    .addOption(host())
    .addOption(
      new Option('--on-limit <policy>', 'for pictures beyond the limits')
        .choices(['reject', 'passthrough', 'clamp'])
        .default('passthrough'),
    )
    .addOption(
      new Option('--on-error <policy>', 'for pictures that cannot be enlarged')
        .choices(['fail', 'passthrough'])
        .default('fail'),
    )
    .addOption(models())
    .addOption(engine())
    .addOption(provider('auto'))
    .addOption(workers())
    .addOption(defaultDegradation())
    .addOption(latencyObjective())
    .addHelpText(
      'after',
      '\nDUALSCALE_SIGNING_KEYS: secrets, separated by commas. When set, only URLs signed with one of them are enlarged.',
    )
    .action(async (flags) => (await import('./commands/proxy.ts')).runProxy(flags));
}

const server = () =>
  new Option('--server <url>', 'address of the server; its token is read from DUALSCALE_TOKEN')
    .env('DUALSCALE_SERVER')
    .default('http://127.0.0.1:8080');

/** `quick`, `20min`, `500steps`. */
function jobBudget(text: string): Budget {
  const name = BUDGET_NAMES.find((known) => known === text);
  if (name !== undefined) return name;
  const [, digits, unit] = /^(\d{1,9}(?:\.\d+)?)(min|steps)$/.exec(text) ?? [];
  const value = Number(digits);
  if (unit === 'min' && value > 0) return { minutes: value };
  if (unit === 'steps' && Number.isInteger(value) && value > 0) return { steps: value };
  throw new InvalidArgumentError(
    `Expected ${BUDGET_NAMES.join(', ')}, minutes such as 20min, or steps such as 500steps.`,
  );
}

function addStart(jobs: Command): void {
  jobs
    .command('start')
    .description('start a job')
    .addArgument(new Argument('<type>', 'kind of job').choices(JOB_TYPES))
    .requiredOption('--model <id>', 'model to compress or fine-tune; preset to train')
    .option('--latency <ms>', 'compress: milliseconds for one picture', numberBetween(0))
    .option('--size <WxH>', 'size of that picture; default: 256x256', pixelSize)
    .option('--percentile <n>', 'percentile of the measured runs; default: 50', integerFrom(1, 99))
    .option('--ratio <n>', "compress: share of the model's own latency, e.g. 0.6", numberBetween(0, 1))
    .option('--macs <n>', 'compress: multiply-accumulates for a 1280x720 result', integerFrom(1))
    .option('--folder <name...>', 'folders of photographs on the server: an allowed root, or a path below one')
    .option('--upload <file...>', 'archives of photographs on this machine: .zip, .tar, .tar.gz')
    .option('--traffic', 'pictures that the server has sampled from its traffic')
    .option('--budget <text>', 'quick, standard, thorough, 20min, 500steps', jobBudget, 'standard')
    .option('--max-psnr-drop <dB>', 'largest accepted loss against the active model', numberBetween(-1e-9, 100))
    .addOption(
      new Option('--publish <how>', 'auto: activate the model when it passes')
        .choices(['auto', 'manual'])
        .default('manual'),
    )
    .option('--name <id>', 'id of the new model')
    .option('--watch', 'show its progress until it ends')
    .addOption(json())
    .addOption(server())
    .action(async (type, flags) => (await import('./commands/jobs.ts')).runJobsStart(type, flags));
}

export function addJobs(program: Command): void {
  const jobs = program.command('jobs').description('train, fine-tune and compress on a running server');
  addStart(jobs);
  jobs
    .command('list')
    .description('list the jobs, latest first')
    .addOption(json())
    .addOption(server())
    .action(async (flags) => (await import('./commands/jobs.ts')).runJobsList(flags));
  jobs
    .command('watch')
    .description('show the progress of a job until it ends; exit code 1 when it fails or its model is rejected')
    .argument('<id>')
    .addOption(server())
    .action(async (id, flags) => (await import('./commands/jobs.ts')).runJobsWatch(id, flags));
  jobs
    .command('cancel')
    .description('stop a job and remove its files')
    .argument('<id>')
    .addOption(server())
    .action(async (id, flags) => (await import('./commands/jobs.ts')).runJobsCancel(id, flags));
}

/** Below `dualscale models`, which lists the models of a folder. */
export function addServerModels(models: Command): void {
  models
    .command('list')
    .description('list the models of a running server, and which of them are active')
    .addOption(json())
    .addOption(server())
    .action(async (flags) => (await import('./commands/models.ts')).runModelsList(flags));
  models
    .command('activate')
    .description('activate a model for its scale on a running server')
    .argument('<id>')
    .addOption(server())
    .action(async (id, flags) => (await import('./commands/models.ts')).runModelsActivate(id, flags));
  models
    .command('rollback')
    .description('activate the previous model of a scale again')
    .argument('<scale>', 'e.g. 4', integerFrom(2, 8))
    .addOption(server())
    .action(async (scale, flags) => (await import('./commands/models.ts')).runModelsRollback(scale, flags));
}
