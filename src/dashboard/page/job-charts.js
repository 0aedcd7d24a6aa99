/** The three charts of a job: losses, PSNR, latency. */
/** @import { Curves } from './curves.js' */
import { createChart } from './chart.js';
import { clock, decibels, milliseconds, plain } from './format.js';
import { panel } from './parts.js';

const COMMON = { formatX: clock, height: 210 };

/** @param {() => Curves} current @returns {{ roots: HTMLElement[], draw: () => void, dispose: () => void }} */
export function jobCharts(current) {
  const marks = () => current().stages;
  const loss = createChart({
    ...COMMON,
    marks,
    label: 'Loss',
    formatY: plain,
    isLogarithmic: true,
    series: [
      { label: 'loss', color: '--line-1' },
      { label: 'dual loss', color: '--line-2' },
    ],
  });
  const psnr = createChart({
    ...COMMON,
    marks,
    label: 'PSNR on held-out pictures',
    formatY: decibels,
    formatAxis: (value) => value.toFixed(2),
    series: [{ label: 'PSNR', color: '--line-3', hasPoints: true }],
  });
  const latency = createChart({
    ...COMMON,
    marks,
    label: 'Latency',
    formatY: milliseconds,
    formatAxis: plain,
    series: [
      { label: 'before', color: '--quiet', dash: [2, 4] },
      { label: 'target', color: '--line-4', dash: [6, 5] },
      { label: 'predicted', color: '--line-2', hasPoints: true, isStepped: true },
      { label: 'measured', color: '--line-1', hasPoints: true },
    ],
  });
  const charts = [loss, psnr, latency];
  let isWaiting = false;
  const drawNow = () => {
    isWaiting = false;
    const { tracks } = current();
    loss.draw([tracks.loss, tracks.dualLoss]);
    psnr.draw([tracks.psnr]);
    latency.draw([tracks.original, tracks.target, tracks.predicted, tracks.measured]);
  };
  return {
    roots: [
      panel({ title: 'Loss', class: 'chart-panel' }, loss.root),
      panel({ title: 'PSNR on held-out pictures, dB', class: 'chart-panel' }, psnr.root),
      panel({ title: 'Latency, ms', class: 'chart-panel' }, latency.root),
    ],
    draw() {
      // Many events a second, one drawing a frame.
      if (isWaiting) return;
      isWaiting = true;
      requestAnimationFrame(drawNow);
    },
    dispose() {
      for (const chart of charts) chart.dispose();
    },
  };
}
