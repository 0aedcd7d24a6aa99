import type { JobType } from './job.ts';

const TRAINING = { data: 0.02, plan: 0.02, train: 0.91, judge: 0.04, publish: 0.01 };

/** Stages of each type of job in order, with the share of the time each takes: for progress and time left. */
export const STAGES: Readonly<Record<JobType, Readonly<Record<string, number>>>> = {
  train: TRAINING,
  finetune: TRAINING,
  compress: {
    data: 0.01,
    plan: 0.04,
    duals: 0.03,
    search: 0.2,
    fit: 0.04,
    prune: 0.06,
    'fine-tune': 0.54,
    measure: 0.03,
    judge: 0.04,
    publish: 0.01,
  },
};
