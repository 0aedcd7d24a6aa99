/** Routes of models: what there is, what serves, switching and going back. */
import { isModelId, type ModelManifest } from '../../core/models/manifest.ts';
import { readJson } from '../queue/job-folder.ts';
import type { JobReport, Judgement } from '../rollout/judgement.ts';
import { jobOf } from '../rollout/publish-result.ts';
import type { ApiParts } from './api-parts.ts';
import { problem } from './api-problem.ts';
import { type Route, sendJson } from './router.ts';

/** The latest judgement of each model, of those jobs that are remembered. */
function latestJudgements({ store }: ApiParts): Map<string, Judgement> {
  const judgements = new Map<string, Judgement>();
  for (const { folder, has } of store.list().toReversed()) {
    const report = has('verdict') ? readJson<JobReport>(folder.report) : undefined;
    for (const judgement of [report?.active, report?.candidate]) {
      if (judgement) judgements.set(judgement.modelId, judgement);
    }
  }
  return judgements;
}

const MAX_HISTORY = 100;

function describeModels(parts: ApiParts) {
  const { serving, activator, watch } = parts;
  const judgements = latestJudgements(parts);
  const describe = (manifest: ModelManifest) => {
    const { id, version, scale, parameters, macs, quality, latency } = manifest;
    const active = serving.servedBy(scale)?.id === id;
    const measured = judgements.get(id) ?? null;
    return {
      id,
      version,
      scale,
      active,
      parameters,
      macs: macs.for1280x720,
      quality,
      latency,
      job: jobOf(manifest),
      measured,
    };
  };
  const active = serving.scales.map((scale) => [String(scale), serving.servedBy(scale)?.id ?? '']);
  return {
    models: serving.models.map(describe),
    active: Object.fromEntries(active),
    history: activator.history().slice(0, MAX_HISTORY),
    watching: watch.watching(),
  };
}

export function modelRoutes(parts: ApiParts): Route[] {
  const { activator, serving } = parts;
  const why = { job: null, detail: '' };
  return [
    { method: 'GET', path: '/models', handle: ({ res }) => sendJson(res, 200, describeModels(parts)) },
    {
      method: 'POST',
      path: '/models/{id}/activate',
      async handle({ res, params }) {
        const id = params['id'];
        await serving.reload();
        const isKnown = isModelId(id) && serving.models.some((manifest) => manifest.id === id);
        if (!isKnown) throw problem('DS_MODEL_NOT_FOUND', 'See GET /models.');
        await activator.activate(id, { reason: 'operator', ...why });
        sendJson(res, 200, describeModels(parts));
      },
    },
    {
      method: 'POST',
      path: '/scales/{scale}/rollback',
      async handle({ res, params }) {
        const scale = serving.scales.find((known) => String(known) === params['scale']);
        if (scale === undefined) throw problem('DS_NOT_FOUND', `Scales: ${serving.scales.join(', ')}.`);
        await activator.rollback(scale, { reason: 'rollback', ...why });
        sendJson(res, 200, describeModels(parts));
      },
    },
  ];
}
