/** Whether a model may go into service: every check with its value and its limit. */
import type { JobRequest } from '../queue/job.ts';
import type { Check, Evaluation, Evaluations, Verdict } from './evaluation.ts';

/** How far the consistency may fall, in dB. */
const MAX_CONSISTENCY_DROP_DB = 1;
/** From here on nobody sees a difference between the input and the result made small again. */
const GOOD_CONSISTENCY_DB = 45;

const round = (value: number, digits = 3): number => Number(value.toFixed(digits));

function checkPsnr({ maxPsnrDropDb }: JobRequest, candidate: Evaluation, active: Evaluation | null): Check {
  const { psnrDb: value } = candidate;
  const base = { name: 'psnr', unit: 'dB' } as const;
  if (value === null) return { ...base, passed: false, value, limit: null, detail: 'there were no held-out pictures' };
  const reference = active?.psnrDb ?? null;
  if (reference === null) return { ...base, passed: true, value, limit: null, detail: 'no model served this scale' };
  const limit = round(reference - maxPsnrDropDb);
  const detail = `${active?.modelId} has ${reference.toFixed(2)} dB on the same ${candidate.pictures} pictures`;
  return { ...base, passed: value >= limit, value: round(value), limit, detail };
}

function checkConsistency(candidate: Evaluation, active: Evaluation | null): Check {
  const { consistencyDb: value } = candidate;
  const reference = active?.consistencyDb ?? null;
  const base = { name: 'consistency', unit: 'dB' } as const;
  if (value === null || reference === null) {
    return { ...base, passed: true, value, limit: null, detail: 'there is nothing to compare with' };
  }
  const limit = round(Math.min(GOOD_CONSISTENCY_DB, reference - MAX_CONSISTENCY_DROP_DB));
  const detail = 'PSNR between the input and the result made small again';
  return { ...base, passed: value >= limit, value: round(value), limit, detail };
}

function checkTarget({ target }: JobRequest, { candidate, base }: Evaluations): Check[] {
  if (!target) return [];
  if ('macs' in target) {
    const { macs: value } = candidate;
    const detail = 'multiply-accumulates for a 1280 x 720 result';
    return [{ name: 'macs', passed: value <= target.macs, value, limit: target.macs, unit: 'MAC', detail }];
  }
  const { percentile, width, height } = candidate.latency;
  const value = candidate.latency.percentileMs;
  const full = base?.latency.percentileMs;
  if ('ratio' in target && full === undefined) return [];
  const limit = 'ratio' in target ? round(target.ratio * (full as number)) : target.latencyMs;
  const of = 'ratio' in target ? `, ${target.ratio} of the ${full} ms of ${base?.modelId}` : '';
  const detail = `${percentile}th percentile of ${candidate.latency.runs} runs at ${width} x ${height} pixels${of}`;
  return [{ name: 'latency', passed: value <= limit, value, limit, unit: 'ms', detail }];
}

export function gate(request: JobRequest, evaluations: Evaluations): { verdict: Verdict; checks: Check[] } {
  const { candidate, active } = evaluations;
  const checks = [
    checkPsnr(request, candidate, active),
    checkConsistency(candidate, active),
    ...checkTarget(request, evaluations),
  ];
  return { verdict: checks.every(({ passed }) => passed) ? 'passed' : 'refused', checks };
}
