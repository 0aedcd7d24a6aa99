/** The grammar of the commands that serve. */
import { type Command, Option } from 'commander';
import { integerFrom, namedFolder, numberBetween, patterns } from './option-values.ts';
import { degradation, engine, latencyObjective, models, provider, workers } from './shared-options.ts';

const unasked = () =>
  degradation(
    'how pictures were made small whose URL does not say; default: auto, the blind model says, if there is one',
  );

export function addServe(program: Command): void {
  program
    .command('serve')
    .description('serve a folder of photographs, enlarged on demand, and a page to look at them')
    .addOption(
      new Option('--images <dir>', 'folder of photographs; default: six that ship with the package').env(
        'DUALSCALE_IMAGES',
      ),
    )
    .addOption(
      new Option('--port <n>', '0 takes any free one').env('PORT').argParser(integerFrom(0, 65_535)).default(8080),
    )
    .addOption(new Option('--host <address>', 'address to listen on; 0.0.0.0 for all').env('HOST').default('127.0.0.1'))
    .addOption(models())
    .addOption(engine())
    .addOption(provider('auto'))
    .addOption(workers('worker threads; default: one per core, one on a GPU'))
    .addOption(unasked())
    .addOption(latencyObjective())
    .option(
      '--jobs <dir>',
      'take jobs that train and compress, kept in this folder; DUALSCALE_TOKEN is their token, else one is made and printed',
    )
    .option('--no-token', 'take jobs from everyone on this machine, without a token; not behind a proxy')
    .option(
      '--data-root <name=dir...>',
      'folders of photographs that jobs may read; default: photos=IMAGES',
      namedFolder,
    )
    .option('--sample-traffic', 'keep a sample of the pictures that pass through, for jobs')
    .option('--sample-allow <regexp...>', 'of these only; compared with `<host> <path and query>`', patterns)
    .option('--sample-deny <regexp...>', 'of these never', patterns)
    .option('--sample-days <n>', 'for so long; default: 30', numberBetween(0))
    .option('--pause-above <n>', 'jobs stand still while more pictures than this are made at a time', numberBetween(0))
    .action(async (flags) => (await import('./commands/serve.ts')).runServe(flags));
}

export function addProxy(program: Command): void {
  program
    .command('proxy')
    .description('stand in front of an HTTP image server and enlarge its pictures on demand')
    .requiredOption('--upstream <url>', 'the image server, e.g. http://127.0.0.1:8081/images')
    .option('--allow-private', 'its name may lead to a private address; an address that is written out always may')
    .option('--timeout <ms>', 'how long it may take to answer', integerFrom(100, 600_000), 15_000)
    .addOption(
      new Option('--port <n>', '0 takes any free one').env('PORT').argParser(integerFrom(0, 65_535)).default(8080),
    )
    .option('--metrics-port <n>', 'where /metrics is answered; default: nowhere', integerFrom(0, 65_535))
    .addOption(new Option('--host <address>', 'address to listen on; 0.0.0.0 for all').env('HOST').default('127.0.0.1'))
    .addOption(
      new Option('--on-limit <policy>', 'a picture beyond the limits')
        .choices(['reject', 'passthrough', 'clamp'])
        .default('passthrough'),
    )
    .addOption(
      new Option('--on-error <policy>', 'a picture that cannot be enlarged')
        .choices(['fail', 'passthrough'])
        .default('fail'),
    )
    .addOption(models())
    .addOption(engine())
    .addOption(provider('auto'))
    .addOption(workers('worker threads; default: one per core, one on a GPU'))
    .addOption(unasked())
    .addOption(latencyObjective())
    .addHelpText(
      'after',
      '\nDUALSCALE_SIGNING_KEYS: secrets, separated by commas; only URLs signed with one of them are enlarged.',
    )
    .action(async (flags) => (await import('./commands/proxy.ts')).runProxy(flags));
}
