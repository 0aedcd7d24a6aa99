/** The grammar of the commands that talk to a running server. */
import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { BUDGET_NAMES, type Budget, JOB_TYPES } from '../jobs/queue/job.ts';
import { integerFrom, numberBetween, pixelSize } from './option-values.ts';

const server = () =>
  new Option('--server <url>', 'the server; DUALSCALE_TOKEN holds its token')
    .env('DUALSCALE_SERVER')
    .default('http://127.0.0.1:8080');
const json = () => new Option('--json', 'print JSON');

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
    .description('ask for a job')
    .addArgument(new Argument('<type>', 'what to do').choices(JOB_TYPES))
    .requiredOption('--model <id>', 'model to compress or fine-tune; preset to train')
    .option('--latency <ms>', 'compress: milliseconds for one picture', numberBetween(0))
    .option('--size <WxH>', 'of that picture; default: 256x256', pixelSize)
    .option('--percentile <n>', 'of the runs that are measured; default: 50', integerFrom(1, 99))
    .option('--ratio <n>', "compress: share of the model's own latency, e.g. 0.6", numberBetween(0, 1))
    .option('--macs <n>', 'compress: multiply-accumulates for a 1280x720 result', integerFrom(1))
    .option('--folder <name...>', 'folders of photographs on the server: a root it allows, or a path below one')
    .option('--upload <file...>', 'archives of photographs on this machine: .zip, .tar, .tar.gz')
    .option('--traffic', 'pictures that the server has kept of its traffic')
    .option('--budget <text>', 'quick, standard, thorough, 20min, 500steps', jobBudget, 'standard')
    .option('--max-psnr-drop <dB>', 'how far it may lie below the model that serves', numberBetween(-1e-9, 100))
    .addOption(
      new Option('--publish <how>', 'auto: into service when it passes').choices(['auto', 'manual']).default('manual'),
    )
    .option('--name <id>', 'id of the model that comes out')
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
    .description('show the progress of a job until it ends; exit code 1 when it fails or its model is refused')
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
    .description('list the models of a running server, and which ones serve')
    .addOption(json())
    .addOption(server())
    .action(async (flags) => (await import('./commands/jobs.ts')).runModelsList(flags));
  models
    .command('activate')
    .description('let a model serve its scale on a running server')
    .argument('<id>')
    .addOption(server())
    .action(async (id, flags) => (await import('./commands/jobs.ts')).runModelsActivate(id, flags));
  models
    .command('rollback')
    .description('put back the model that served a scale before')
    .argument('<scale>', 'e.g. 4', integerFrom(2, 8))
    .addOption(server())
    .action(async (scale, flags) => (await import('./commands/jobs.ts')).runModelsRollback(scale, flags));
}
