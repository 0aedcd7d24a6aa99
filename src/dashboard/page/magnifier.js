/** Zoom and pan of two pictures at once, with the controls for it. */
import { element, setText } from './dom.js';

const MAX_ZOOM = 8;
const STEP = 0.5;

/** @param {number} value @param {number} low @param {number} high */
export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/**
 * @typedef {object} Magnifier
 * @property {HTMLElement} controls
 * @property {() => boolean} isZoomed
 * @property {(steps: number) => void} zoomBy
 * @property {(dx: number, dy: number) => void} pan In widths and heights of the stage.
 * @property {(x: number, y: number) => void} toggle In and out at a point, 0 to 1 in both directions.
 */

/** @param {(zoom: number) => void} onZoom */
function zoomControls(onZoom) {
  const range = element('input', {
    type: 'range',
    min: 1,
    max: MAX_ZOOM,
    step: 0.25,
    value: '1',
    'aria-label': 'Zoom',
  });
  const out = element('button', { type: 'button', 'aria-label': 'Zoom out' }, '−');
  const into = element('button', { type: 'button', 'aria-label': 'Zoom in' }, '+');
  const text = element('output', {}, '1×');
  range.addEventListener('input', () => onZoom(Number(range.value)));
  out.addEventListener('click', () => onZoom(Number(range.value) - STEP));
  into.addEventListener('click', () => onZoom(Number(range.value) + STEP));
  return {
    root: element('div', { class: 'zoom', role: 'group', 'aria-label': 'Zoom' }, out, range, into, text),
    /** @param {number} zoom */
    set(zoom) {
      range.value = String(zoom);
      setText(text, `${Math.round(zoom * 100) / 100}×`);
    },
  };
}

/** Styles are set by script, so that the page's policy needs no exception for them. @param {HTMLElement} stage @param {readonly HTMLElement[]} pictures @returns {Magnifier} */
export function createMagnifier(stage, pictures) {
  // x and y: the point of the picture that lies in the middle of the stage.
  const view = { zoom: 1, x: 0.5, y: 0.5 };
  const controls = zoomControls(setZoom);
  function place() {
    const { zoom } = view;
    const half = 0.5 / zoom;
    view.x = clamp(view.x, half, 1 - half);
    view.y = clamp(view.y, half, 1 - half);
    const left = (0.5 - view.x * zoom) * 100;
    const top = (0.5 - view.y * zoom) * 100;
    for (const picture of pictures) picture.style.transform = `translate(${left}%, ${top}%) scale(${zoom})`;
    stage.toggleAttribute('data-zoomed', zoom > 1);
  }
  /** @param {number} zoom */
  function setZoom(zoom) {
    view.zoom = clamp(zoom, 1, MAX_ZOOM);
    controls.set(view.zoom);
    place();
  }
  return {
    controls: controls.root,
    isZoomed: () => view.zoom > 1,
    zoomBy: (steps) => setZoom(view.zoom + steps * STEP),
    pan(dx, dy) {
      view.x += dx / view.zoom;
      view.y += dy / view.zoom;
      place();
    },
    toggle(x, y) {
      Object.assign(view, { x, y });
      setZoom(view.zoom > 1 ? 1 : 3);
    },
  };
}
