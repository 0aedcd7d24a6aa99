/** Two pictures over each other with a dividing line; zoom and pan move both. */
/** @import { Magnifier } from './magnifier.js' */
import { element, setText } from './dom.js';
import { clamp, createMagnifier } from './magnifier.js';

const STEPS = /** @type {Record<string, [number, number]>} */ ({
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
});
/** Pixels beside the line that still take it. */
const GRIP = 28;

/** @typedef {'left' | 'right'} Side */

/**
 * @typedef {object} SplitStage
 * @property {HTMLElement} root
 * @property {HTMLElement} controls
 * @property {(side: Side, url: string, name: string) => Promise<void>} show
 * @property {(ratio: number) => void} setRatio Width by height.
 * @property {(text: string) => void} say
 */

/** @typedef {{ set: (share: number) => void, at: () => number }} Line */

/** @param {HTMLElement} stage @param {Line} line @param {Magnifier} magnifier */
function listenForPointer(stage, line, magnifier) {
  /** @type {{ isLine: boolean, x: number, y: number } | null} */
  let held = null;
  const release = () => {
    held = null;
    stage.removeAttribute('data-held');
  };
  /** @param {PointerEvent | MouseEvent} event */
  const place = ({ clientX, clientY }) => {
    const box = stage.getBoundingClientRect();
    return { x: (clientX - box.left) / box.width, y: (clientY - box.top) / box.height, width: box.width };
  };
  stage.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    const { x, y, width } = place(event);
    const isLine = !magnifier.isZoomed() || Math.abs(x - line.at()) * width < GRIP;
    held = { isLine, x, y };
    stage.setPointerCapture(event.pointerId);
    stage.toggleAttribute('data-held', !isLine);
    if (isLine) line.set(x);
    event.preventDefault();
  });
  stage.addEventListener('pointermove', (event) => {
    if (!held) return;
    const { x, y } = place(event);
    if (held.isLine) return line.set(x);
    magnifier.pan(held.x - x, held.y - y);
    held = { ...held, x, y };
  });
  stage.addEventListener('pointerup', release);
  stage.addEventListener('pointercancel', release);
  stage.addEventListener('dblclick', (event) => {
    const { x, y } = place(event);
    magnifier.toggle(x, y);
  });
}

/** @param {HTMLInputElement} split @param {Line} line @param {Magnifier} magnifier */
function listenForKeys(split, line, magnifier) {
  split.addEventListener('input', () => line.set(Number(split.value) / 100));
  split.addEventListener('keydown', (event) => {
    const step = STEPS[event.key];
    if (step && event.shiftKey) magnifier.pan(step[0] * 0.1, step[1] * 0.1);
    else if (event.key === '+' || event.key === '=') magnifier.zoomBy(1);
    else if (event.key === '-') magnifier.zoomBy(-1);
    else return;
    event.preventDefault();
  });
}

/** @returns {SplitStage} */
export function createSplitStage() {
  const picture = () => element('img', { alt: '', draggable: false });
  const pictures = { left: picture(), right: picture() };
  const tags = { left: element('span', { class: 'tag left' }), right: element('span', { class: 'tag right' }) };
  const split = element('input', {
    type: 'range',
    class: 'split',
    min: 0,
    max: 100,
    step: 1,
    value: '50',
    'aria-label': 'Dividing line between the pictures',
  });
  const status = element('p', { class: 'status', role: 'status' });
  const mark = element('div', { class: 'line' }, element('span', { class: 'knob' }, '⇔'));
  const below = element('div', { class: 'layer' }, pictures.left);
  const above = element('div', { class: 'layer right-layer' }, pictures.right);
  const stage = element('div', { class: 'stage' }, below, above, mark, tags.left, tags.right, split, status);
  const magnifier = createMagnifier(stage, [pictures.left, pictures.right]);
  /** @type {Line} */
  const line = {
    at: () => Number(split.value) / 100,
    set(share) {
      split.value = String(clamp(share, 0, 1) * 100);
      stage.style.setProperty('--split', `${split.value}%`);
    },
  };
  listenForPointer(stage, line, magnifier);
  listenForKeys(split, line, magnifier);
  return {
    root: stage,
    controls: magnifier.controls,
    async show(side, url, name) {
      pictures[side].src = url;
      pictures[side].alt = name;
      setText(tags[side], name);
      await pictures[side].decode();
    },
    setRatio: (ratio) => stage.style.setProperty('--ratio', String(ratio)),
    say: (text) => setText(status, text),
  };
}
