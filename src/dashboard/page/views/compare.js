/** Before and after: one picture, two models, a dividing line. */
/** @import { Model, Sample } from '../../api-types.ts' */
/** @import { App, View } from '../main.js' */
import { messageOf } from '../api.js';
import { element, fill } from '../dom.js';
import { createInspectionPanel } from '../inspection.js';
import { empty, pageHead } from '../parts.js';
import { createPictures } from '../pictures.js';
import { createSplitStage } from '../split-stage.js';

const BROWSER = 'browser';
const MAX_SAMPLES = 24;

/** @param {string} label @param {string} name @param {readonly Model[]} models @param {string | null} extra */
function modelSelect(label, name, models, extra) {
  const options = models.map(({ id, scale, active }) =>
    element('option', { value: id }, `${id}, ${scale}×${active ? ', active' : ''}`),
  );
  const first = extra ? element('option', { value: BROWSER }, extra) : null;
  const select = element('select', { name }, first, ...options);
  return { select, root: element('label', { class: 'field' }, element('span', {}, label), select) };
}

/** @param {readonly Sample[]} samples @param {ReturnType<typeof createPictures>} pictures @param {(sample: Sample) => void} onChoose */
function sampleChoices(samples, pictures, onChoose) {
  const labels = samples.slice(0, MAX_SAMPLES).map((sample, i) => {
    const input = element('input', { type: 'radio', name: 'sample', value: sample.id, checked: i === 0 });
    input.addEventListener('change', () => onChoose(sample));
    const picture = element('img', { alt: `Picture ${i + 1}, ${sample.width} × ${sample.height}` });
    pictures.load(`samples/${encodeURIComponent(sample.id)}`).then(
      (url) => {
        picture.src = url;
      },
      () => {},
    );
    return element('label', {}, input, picture);
  });
  return element('fieldset', { class: 'samples' }, element('legend', { class: 'unseen' }, 'Picture'), ...labels);
}

/** @param {App} app @param {URLSearchParams} parameters @param {readonly Sample[]} samples @param {ReturnType<typeof createPictures>} pictures */
function comparison({ api, store }, parameters, samples, pictures) {
  const models = [...(store.models()?.models ?? [])].sort(
    (a, b) => Number(b.active) - Number(a.active) || b.scale - a.scale,
  );
  const stage = createSplitStage();
  const left = modelSelect('Left', 'left', models, 'The browser’s own enlargement');
  const right = modelSelect('Right', 'right', models, null);
  const active = models.find((model) => model.active && model.scale === 4) ?? models[0];
  const has = (/** @type {string | null} */ id) => models.some((model) => model.id === id);
  const asked = { left: parameters.get('left'), right: parameters.get('right') };
  left.select.value = has(asked.left) ? /** @type {string} */ (asked.left) : BROWSER;
  right.select.value = has(asked.right) ? /** @type {string} */ (asked.right) : (active?.id ?? '');
  const inspection = createInspectionPanel(api);
  let sample = samples[0];
  let round = 0;

  /** Each side as soon as it is there: the browser's needs no network. @param {'left' | 'right'} side @param {number} own */
  const showSide = async (side, own) => {
    const { value } = (side === 'left' ? left : right).select;
    const path = `samples/${encodeURIComponent(sample.id)}`;
    const url = await pictures.load(value === BROWSER ? path : `${path}/upscaled?model=${encodeURIComponent(value)}`);
    if (own === round) await stage.show(side, url, value);
  };
  const update = async () => {
    round += 1;
    const own = round;
    stage.say('Enlarging…');
    stage.setRatio(sample.width / sample.height);
    void inspection.show(sample.id, models.find(({ id }) => id === right.select.value)?.scale);
    try {
      await Promise.all([showSide('left', own), showSide('right', own)]);
      if (own === round) stage.say('');
    } catch (error) {
      if (own === round) stage.say(messageOf(error));
    }
  };
  const onChange = () => void update();
  left.select.addEventListener('change', onChange);
  right.select.addEventListener('change', onChange);
  const choices = sampleChoices(samples, pictures, (chosen) => {
    sample = chosen;
    onChange();
  });
  onChange();
  const hint = element(
    'p',
    { class: 'quiet' },
    'Drag the line, or focus it and use the arrow keys. Zoomed in, drag the picture, or hold Shift with the arrow keys; + and − zoom.',
  );
  return element(
    'div',
    { class: 'compare' },
    element('div', { class: 'choices' }, left.root, right.root, stage.controls),
    stage.root,
    choices,
    hint,
    inspection.root,
  );
}

/** @param {App} app @param {URLSearchParams} parameters @returns {View} */
export function createCompareView(app, parameters) {
  const pictures = createPictures(app.api);
  const place = element('div', {}, empty('Looking for pictures…'));
  const root = element('div', {}, pageHead('Compare'), place);
  app.api.get('samples').then(
    ({ samples }) =>
      fill(
        place,
        samples.length > 0
          ? comparison(app, parameters, samples, pictures)
          : empty('This server offers no sample pictures.'),
      ),
    (error) => fill(place, empty(messageOf(error))),
  );
  return { title: 'Compare', root, dispose: pictures.dispose };
}
