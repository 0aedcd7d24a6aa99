/** The numbers of one job over time, out of its events. */
/** @import { JobRequest } from '../../jobs/queue/job.ts' */
/** @import { JobEvent } from '../../jobs/events/job-event.ts' */

/** More points than pixels show nothing more. */
const MAX_POINTS = 1500;

/** @typedef {{ xs: number[], ys: number[] }} Track x: seconds since the job began. */

/**
 * @typedef {object} Curves
 * @property {Record<'loss' | 'dualLoss' | 'psnr' | 'target' | 'predicted' | 'measured' | 'original', Track>} tracks
 * @property {number[]} stages When each began.
 * @property {{ time: string, text: string, level: string }[]} notes
 * @property {number} lastSeq
 * @property {(event: JobEvent) => void} add Events at or before `lastSeq` are passed over.
 */

/** @param {Track} track @param {number} x @param {number | undefined} y */
function push(track, x, y) {
  if (y === undefined || !Number.isFinite(y)) return;
  const { xs, ys } = track;
  if (xs.at(-1) === x) ys[ys.length - 1] = y;
  else {
    xs.push(x);
    ys.push(y);
  }
  if (xs.length <= MAX_POINTS) return;
  const keep = (/** @type {number[]} */ values) => values.filter((_, i) => i % 2 === 0 || i === values.length - 1);
  track.xs = keep(xs);
  track.ys = keep(ys);
}

/** What was and what is asked for hold until the end: the line reaches the latest moment. @param {Track} track @param {number} x */
function prolong(track, x) {
  const { xs, ys } = track;
  if (xs.length === 0) return;
  if (xs.length === 1) {
    xs.push(x);
    ys.push(ys[0]);
  } else xs[xs.length - 1] = Math.max(x, xs[xs.length - 1]);
}

/** @param {JobEvent} event @returns {string | undefined} */
function noteOf(event) {
  switch (event.type) {
    case 'note':
      return event.data.message;
    case 'interrupted':
      return event.data.reason === 'child-died' ? 'The process ended before its work was done.' : 'The server stopped.';
    case 'resumed':
      return `Resumed at step ${event.data.step}${event.data.stage === null ? '' : ` of ${event.data.stage}`} (attempt ${event.data.attempt}).`;
    case 'paused':
      return 'Paused: the server is busy.';
    case 'continued':
      return 'Goes on.';
    case 'published':
      return `Stored as ${event.data.modelId}.`;
    default:
      return undefined;
  }
}

/** @param {JobRequest} request @returns {Curves} */
export function createCurves({ target }) {
  const track = () => ({ xs: /** @type {number[]} */ ([]), ys: /** @type {number[]} */ ([]) });
  const tracks = {
    loss: track(),
    dualLoss: track(),
    psnr: track(),
    target: track(),
    predicted: track(),
    measured: track(),
    original: track(),
  };
  /** @type {number | undefined} */
  let begin;
  /** @type {Curves} */
  const curves = { tracks, stages: [], notes: [], lastSeq: 0, add };

  /** @param {JobEvent} event @param {number} x */
  function addNumbers(event, x) {
    if (event.type === 'progress') {
      push(tracks.loss, x, event.data.loss);
      push(tracks.dualLoss, x, event.data.dualLoss);
    } else if (event.type === 'validation') push(tracks.psnr, x, event.data.psnrDb);
    else if (event.type === 'latency') {
      const { kind, ms } = event.data;
      push(tracks[kind], x, ms);
      // A relative target is a share of what the model itself took.
      if (kind === 'target' && target && 'ratio' in target) push(tracks.original, x, ms / target.ratio);
    }
    prolong(tracks.target, x);
    prolong(tracks.original, x);
  }

  /** @param {JobEvent} event */
  function add(event) {
    if (event.seq <= curves.lastSeq) return;
    curves.lastSeq = event.seq;
    if (event.type === 'started') begin ??= Date.parse(event.time);
    if (begin === undefined) return;
    const x = (Date.parse(event.time) - begin) / 1000;
    if (event.type === 'stage') curves.stages.push(x);
    const text = noteOf(event);
    const level =
      event.type === 'interrupted' || (event.type === 'note' && event.data.level === 'warning') ? 'warning' : 'info';
    if (text !== undefined) curves.notes.push({ time: event.time, text, level });
    addNumbers(event, x);
  }
  return curves;
}
