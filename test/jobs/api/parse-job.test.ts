import { describe, expect, test } from 'vitest';
import { FieldProblem } from '../../../src/jobs/api/api-problem.ts';
import { parseJobRequest } from '../../../src/jobs/api/parse-job.ts';
import { RIGHT_BODY, seededRandom, wrongBody } from '../job-bodies.ts';
import { validatorOf } from '../openapi.ts';

const isDescribed = validatorOf('/components/schemas/JobRequest');

function toJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Undefined for a body that is taken. Anything but a problem with fields is a mistake of ours. */
function problemOf(body: unknown): FieldProblem | undefined {
  try {
    parseJobRequest(body);
    return undefined;
  } catch (error) {
    if (error instanceof FieldProblem) return error;
    throw error;
  }
}

describe('the body of a job', () => {
  test('that is right is taken as it is', () => {
    expect(parseJobRequest(RIGHT_BODY)).toEqual(RIGHT_BODY);
  });

  test('gets its defaults', () => {
    const body = { type: 'finetune', model: 'edge-x4', data: { traffic: true } };
    expect(parseJobRequest(body)).toEqual({ ...body, budget: 'standard', maxPsnrDropDb: 0, publish: 'manual' });
    const compress = parseJobRequest({ ...body, type: 'compress', target: { latencyMs: 7 } });
    expect(compress).toMatchObject({
      maxPsnrDropDb: 0.5,
      target: { latencyMs: 7, width: 256, height: 256, percentile: 50, engine: 'onnx' },
    });
  });

  test('is taken only where the OpenAPI document describes it, and refused with the fields that are wrong', () => {
    const random = seededRandom(1);
    const bodies = Array.from({ length: 3000 }, () => toJson(wrongBody(random))).filter((body) => body !== undefined);
    const problems = bodies.map(problemOf);
    const taken = bodies.filter((_, i) => problems[i] === undefined);
    for (const body of taken) expect(isDescribed(body), JSON.stringify([body, isDescribed.errors])).toBe(true);
    expect(taken.length).toBeGreaterThan(10);
    const refused = problems.filter((problem) => problem !== undefined);
    expect(refused.length).toBeGreaterThan(1000);
    for (const { status, errors } of refused) {
      expect(status).toBe(422);
      expect(errors.length).toBeGreaterThan(0);
      for (const { pointer, detail } of errors) {
        expect(pointer).toMatch(/^#/);
        expect(detail).toMatch(/^expected .{1,400}$/);
      }
    }
  });
});
