/** Routes of models: which there are, which serve, switching and rolling back. */
import { publicError } from '../../core/errors.ts';
import { isModelId, type ModelManifest } from '../../core/models/manifest.ts';
import type { Serving } from '../../core/upscale/serving.ts';
import { CorruptFileError, readJson } from '../json-file.ts';
import type { JobStore } from '../queue/job-store.ts';
import type { Activator } from '../rollout/activator.ts';
import type { Evaluation, JobReport } from '../rollout/evaluation.ts';
import { jobOf } from '../rollout/publish-result.ts';
import type { RollbackWatch } from '../rollout/rollback-watch.ts';
import { type Route, sendJson } from './router.ts';

export interface ModelRoutesContext {
  readonly store: JobStore;
  readonly serving: Serving;
  readonly activator: Activator;
  readonly watch: RollbackWatch;
}

const MAX_HISTORY = 100;

/** A corrupt report counts as none: it says nothing of a model. */
function readReport(path: string): Promise<JobReport | undefined> {
  return readJson<JobReport>(path).catch((error: unknown) => {
    if (error instanceof CorruptFileError) return undefined;
    throw error;
  });
}

/** The latest evaluation of each model, of those jobs that are remembered. */
class LatestEvaluations {
  readonly #store: JobStore;
  /** Reports never change: each is read once. */
  readonly #reports = new Map<string, Pick<JobReport, 'candidate' | 'active' | 'finishedAt'>>();

  constructor(store: JobStore) {
    this.#store = store;
  }

  async byModel(): Promise<Map<string, Evaluation>> {
    await this.#update();
    const evaluations = new Map<string, Evaluation>();
    const reports = [...this.#reports.values()].sort((a, b) => a.finishedAt.localeCompare(b.finishedAt));
    for (const { active, candidate } of reports) {
      if (active) evaluations.set(active.modelId, active);
      evaluations.set(candidate.modelId, candidate);
    }
    return evaluations;
  }

  async #update(): Promise<void> {
    for (const id of this.#reports.keys()) if (!this.#store.get(id)) this.#reports.delete(id);
    for (const entry of this.#store.list()) {
      const { id } = entry.record;
      if (this.#reports.has(id) || !entry.has('verdict')) continue;
      const report = await readReport(entry.folder.report);
      if (!report) continue;
      const { candidate, active, finishedAt } = report;
      this.#reports.set(id, { candidate, active, finishedAt });
    }
  }
}

export function modelRoutes({ store, serving, activator, watch }: ModelRoutesContext): Route[] {
  const latest = new LatestEvaluations(store);
  const describe = ({ id, version, scale, parameters, macs, quality, latency, ...rest }: ModelManifest) => ({
    id,
    version,
    scale,
    active: serving.servedBy(scale)?.id === id,
    parameters,
    macs: macs.for1280x720,
    quality,
    latency,
    job: jobOf(rest),
  });
  const describeModels = async () => {
    const evaluations = await latest.byModel();
    const active = serving.scales.map((scale) => [String(scale), serving.servedBy(scale)?.id ?? '']);
    return {
      models: serving.models.map((manifest) => ({
        ...describe(manifest),
        measured: evaluations.get(manifest.id) ?? null,
      })),
      active: Object.fromEntries(active),
      history: activator.history().slice(0, MAX_HISTORY),
      watching: watch.watching(),
    };
  };
  return [
    { method: 'GET', path: '/models', handle: async ({ res }) => sendJson(res, 200, await describeModels()) },
    {
      method: 'POST',
      path: '/models/{id}/activate',
      async handle({ res, params }) {
        const id = params['id'];
        await serving.reload();
        const isKnown = isModelId(id) && serving.models.some((manifest) => manifest.id === id);
        if (!isKnown) throw publicError('DS_MODEL_NOT_FOUND', 'See GET /models.');
        await activator.activate(id, { reason: 'operator', job: null, detail: '' });
        sendJson(res, 200, await describeModels());
      },
    },
    {
      method: 'POST',
      path: '/scales/{scale}/rollback',
      async handle({ res, params }) {
        const scale = serving.scales.find((known) => String(known) === params['scale']);
        if (scale === undefined) throw publicError('DS_NOT_FOUND', `Scales: ${serving.scales.join(', ')}.`);
        await activator.rollback(scale, { reason: 'rollback', job: null, detail: '' });
        sendJson(res, 200, await describeModels());
      },
    },
  ];
}
