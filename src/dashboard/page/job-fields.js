/** The fields of the form that starts a job. */
/** @import { Status } from '../api-types.ts' */
/** @import { Api } from './api.js' */
/** @import { Store } from './store.js' */
import { dataSources } from './data-sources.js';
import { element, setText } from './dom.js';
import { field, numberField, optionalGroup, selectField } from './form-fields.js';
import { segments } from './parts.js';

const DEFAULT_DROP_DB = { compress: 0.5, finetune: 0, train: 10 };
const EXPLAINED = {
  compress:
    'A smaller network of the same family that meets the target: its channels are chosen by dual regression on your photographs, removed, and what is left is trained on.',
  finetune: 'The same network, trained on with your photographs.',
  train: 'A new network from a recipe. This takes longest.',
};
const BUDGETS = [
  { value: 'quick', text: 'Quick, 5 min' },
  { value: 'standard', text: 'Standard, 1 h' },
  { value: 'thorough', text: 'Thorough, 8 h' },
  { value: 'minutes', text: 'Minutes' },
  { value: 'steps', text: 'Steps' },
];

/** @param {Store} store @param {string | null} asked */
function modelField(store, asked) {
  const models = [...(store.models()?.models ?? [])].sort(
    (a, b) => Number(b.active) - Number(a.active) || b.scale - a.scale,
  );
  const options = models.map(({ id, scale, active }) => ({
    value: id,
    text: `${id}, ${scale}×${active ? ', active' : ''}`,
  }));
  const value = [asked, models.find(({ active, scale }) => active && scale === 4)?.id].find((id) =>
    options.some((option) => option.value === id),
  );
  return selectField({ name: 'model', label: 'Model', options, value: value || undefined });
}

function targetGroup() {
  const ratio = optionalGroup(
    numberField({
      name: 'ratio',
      label: 'Share of the model’s own latency',
      value: 0.6,
      min: 0.05,
      max: 0.95,
      step: 0.01,
      unit: '×',
      hint: 'Both are measured on this machine.',
    }),
  );
  const latency = optionalGroup(
    numberField({ name: 'latencyMs', label: 'Milliseconds for one picture', value: 50, min: 0.001, unit: 'ms' }),
    numberField({
      name: 'width',
      label: 'Its width',
      value: 256,
      min: 8,
      max: 2048,
      step: 1,
      unit: 'px',
      class: 'third',
    }),
    numberField({
      name: 'height',
      label: 'Its height',
      value: 256,
      min: 8,
      max: 2048,
      step: 1,
      unit: 'px',
      class: 'third',
    }),
    numberField({ name: 'percentile', label: 'Percentile', value: 50, min: 1, max: 99, step: 1, class: 'third' }),
  );
  const macs = optionalGroup(
    numberField({
      name: 'macs',
      label: 'Multiply-accumulates for a 1280 × 720 result',
      value: 10,
      min: 0.001,
      unit: 'GMAC',
    }),
  );
  const groups = { ratio, latency, macs };
  const onChange = (/** @type {string} */ chosen) => {
    for (const [name, group] of Object.entries(groups)) group.show(name === chosen);
  };
  const choices = [
    { value: 'ratio', text: 'Relative' },
    { value: 'latency', text: 'Latency' },
    { value: 'macs', text: 'Compute' },
  ];
  onChange('ratio');
  return optionalGroup(
    segments({ name: 'target', legend: 'Target', choices, value: 'ratio', onChange }),
    ...Object.values(groups).map(({ root }) => root),
  );
}

function budgetGroup() {
  const amount = optionalGroup(numberField({ name: 'budgetAmount', label: 'How many', value: 30, min: 0.01 }));
  const onChange = (/** @type {string} */ chosen) => amount.show(chosen === 'minutes' || chosen === 'steps');
  onChange('quick');
  return [
    segments({ name: 'budget', legend: 'Training budget', choices: BUDGETS, value: 'quick', onChange }),
    amount.root,
  ];
}

const TYPES = [
  { value: 'compress', text: 'Compress' },
  { value: 'finetune', text: 'Fine-tune' },
  { value: 'train', text: 'Train' },
];
const PUBLISH = [
  { value: 'manual', text: 'Wait for me' },
  { value: 'auto', text: 'Go into service' },
];

/** @param {Status} status */
function presetField({ presets }) {
  const options = presets.map(({ id, description, scale }) => ({
    value: id,
    text: `${id}, ${scale}×: ${description}`,
  }));
  return selectField({ name: 'preset', label: 'Recipe', options });
}

function nameField() {
  const hint = 'Left empty: the model’s id and six characters of the job.';
  const pattern = '[a-z0-9]+(-[a-z0-9]+)*';
  const input = element('input', { type: 'text', pattern, maxLength: 64, autocomplete: 'off', spellcheck: false });
  return field({ name: 'name', label: 'Name of the new model', hint }, input);
}

function dropField() {
  const root = numberField({
    name: 'maxPsnrDropDb',
    label: 'Largest loss of PSNR',
    min: 0,
    max: 100,
    step: 0.01,
    unit: 'dB',
    hint: 'Against the active model, on held-out pictures. A model that loses more is refused.',
  });
  return { root, input: /** @type {HTMLInputElement} */ (root.querySelector('input')) };
}

/** @param {{ api: Api, store: Store, status: Status, model: string | null }} parts @returns {HTMLElement[]} */
export function jobFields({ api, store, status, model: asked }) {
  const explained = element('p', { class: 'hint' });
  const model = optionalGroup(modelField(store, asked));
  const preset = optionalGroup(presetField(status));
  const target = targetGroup();
  const drop = dropField();
  const onType = (/** @type {string} */ value) => {
    const type = /** @type {keyof typeof EXPLAINED} */ (value);
    setText(explained, EXPLAINED[type]);
    drop.input.value = String(DEFAULT_DROP_DB[type]);
    model.show(type !== 'train');
    preset.show(type === 'train');
    target.show(type === 'compress');
  };
  onType('compress');
  return [
    segments({ name: 'type', legend: 'What', choices: TYPES, value: 'compress', onChange: onType }),
    ...[explained, model.root, preset.root, target.root],
    dataSources({ api, status }),
    ...budgetGroup(),
    segments({ name: 'publish', legend: 'When it passes', choices: PUBLISH, value: 'manual' }),
    element('details', {}, element('summary', {}, 'More'), drop.root, nameField()),
  ];
}
