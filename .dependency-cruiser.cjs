// Imports go one way (docs/decisions/0004-imports-one-way.md). `npm run check` refuses the rest.
const only = (name, comment, from, to) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: to },
});
const library = (name, path, homes) => ({
  name: `${name} stays in one place`,
  severity: 'error',
  from: { path: '^src', pathNot: homes },
  to: { path },
});

module.exports = {
  forbidden: [
    { name: 'no circles', severity: 'error', from: {}, to: { circular: true } },

    // Between the wings: core < trainer, core < jobs, core < server; the command line sees everything.
    only('core needs no other wing', '', '^src/core', '^src/(trainer|jobs|server|dashboard|cli|index)'),
    only('trainer needs core only', '', '^src/trainer', '^src/(jobs|server|dashboard|cli|index)'),
    only('jobs need core and trainer', '', '^src/jobs', '^src/(server|dashboard|cli|index)'),
    only('dashboard shows what jobs and core give', '', '^src/dashboard', '^src/(trainer|server|cli|index)'),
    only(
      'server knows no trainer',
      'It loads jobs only when asked for.',
      '^src/server',
      '^src/(trainer|dashboard|cli|index)',
    ),
    only('cli is not public', '', '^src/cli', '^src/index'),

    // Inside core: numbers first, then what computes with them, then what reads and writes.
    only(
      'numbers stand alone',
      '',
      '^src/core/(pixels|network)',
      '^src/core/(degradation|graph|engine|codec|models|upscale|measure)',
    ),
    only(
      'degradation is numbers',
      '',
      '^src/core/degradation',
      '^src/core/(network|graph|engine|codec|models|upscale|measure)',
    ),
    only(
      'the compiler stands alone',
      '',
      '^src/core/graph',
      '^src/core/(degradation|engine|codec|models|upscale|measure)',
    ),
    only('codec knows no networks', '', '^src/core/codec', '^src/core/(network|graph|engine|models|upscale|measure)'),
    only('the store runs nothing', '', '^src/core/models', '^src/core/(graph|engine|codec|upscale|measure)'),
    only('engines read no files', '', '^src/core/engine', '^src/core/(codec|models|upscale|measure)'),
    only('training knows no compression', '', '^src/trainer/(train|presets)', '^src/trainer/compress'),
    only(
      'request parts know no hosts',
      '',
      '^src/server/(http|service|models|metrics|inspect)',
      '^src/server/(hosts|plugin)',
    ),
    only('the service knows no HTTP', '', '^src/server/service', '^src/server/http'),

    // Inside jobs: data and events, then rollout, then the queue, then the API. `job.ts` holds the types all of them share.
    only('data of jobs stand alone', '', '^src/jobs/data', '^src/jobs/(api|events|rollout|worker|queue/(?!job\\.ts))'),
    only(
      'events only name what happens',
      '',
      '^src/jobs/events',
      '^src/jobs/(api|data|worker|queue/(?!job\\.ts)|rollout/(?!activation|evaluation))',
    ),
    only('rollout knows no queue', '', '^src/jobs/rollout', '^src/jobs/(api|worker|queue/(?!job\\.ts))'),
    only('the queue starts workers and imports none', '', '^src/jobs/queue', '^src/jobs/(api|worker)'),
    only('workers know no API', '', '^src/jobs/worker', '^src/jobs/(api|queue/(queue|attempt|stages|job-store))'),
    only('the API imports no worker', '', '^src/jobs/api', '^src/jobs/worker'),

    // A library that could be replaced is imported in one folder.
    library('sharp', 'node_modules/sharp/', '^src/core/codec'),
    library('ONNX Runtime', 'node_modules/onnxruntime-node/', '^src/core/engine'),
    library('prom-client', 'node_modules/prom-client/', '^src/server/metrics'),
    library('ws', 'node_modules/ws/', '^src/jobs/api'),
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^src/dashboard/page' },
  },
};
