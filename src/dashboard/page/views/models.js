/** Models: what serves, quality against cost, activate and roll back. */
/** @import { App, View } from '../main.js' */
/** @import { Measure } from '../measures.js' */
import { element, fill } from '../dom.js';
import { bestPair, costMeasures, qualityMeasures } from '../measures.js';
import { createModelPlot } from '../model-plot.js';
import { historyList, modelTable, serviceRow } from '../model-table.js';
import { empty, pageHead, panel, segments } from '../parts.js';

/** @param {string} label @param {() => void} onChange */
function measureSelect(label, onChange) {
  const select = element('select', { on: { change: onChange } });
  return {
    root: element('label', { class: 'field' }, element('span', {}, label), select),
    /** @param {readonly Measure[]} measures @param {Measure | undefined} preferred @returns {Measure} */
    choose(measures, preferred) {
      const chosen = measures.find(({ key }) => key === select.value) ?? preferred ?? measures[0];
      fill(select, ...measures.map(({ key, text }) => element('option', { value: key }, text)));
      select.value = chosen?.key ?? '';
      return chosen;
    },
  };
}

/** @param {(scale: number) => void} onChange */
function scaleChoice(onChange) {
  const root = element('div');
  let offered = '';
  return {
    root,
    /** @param {readonly number[]} scales @param {number} chosen */
    offer(scales, chosen) {
      if (offered === scales.join()) return;
      offered = scales.join();
      const choices = scales.map((value) => ({ value: String(value), text: `${value}×` }));
      const value = String(chosen);
      fill(
        root,
        segments({ name: 'scale', legend: 'Factor', choices, value, onChange: (text) => onChange(Number(text)) }),
      );
    },
  };
}

/** Quality against cost, as a plot and as a table. @param {App} app @param {number} asked scale */
function comparisonPanel(app, asked) {
  const plot = createModelPlot();
  const table = element('div');
  const nothing = empty('No two of these numbers are known of the same model.');
  const cost = measureSelect('Cost', () => update());
  const quality = measureSelect('Quality', () => update());
  let scale = asked;
  const factors = scaleChoice((chosen) => {
    scale = chosen;
    update();
  });
  function update() {
    const all = app.store.models()?.models ?? [];
    const scales = [...new Set(all.map((model) => model.scale))].sort((a, b) => a - b);
    if (!scales.includes(scale)) scale = scales.includes(4) ? 4 : scales[0];
    factors.offer(scales, scale);
    const models = all.filter((model) => model.scale === scale);
    const best = bestPair(models);
    const x = cost.choose(costMeasures(models), best.cost);
    const y = quality.choose(qualityMeasures(models), best.quality);
    const count = y ? plot.draw(models, x, y) : 0;
    plot.root.hidden = count === 0;
    nothing.hidden = count > 0;
    fill(table, modelTable(app, models, x, y));
  }
  const choices = element('div', { class: 'choices' }, factors.root, cost.root, quality.root);
  const root = panel({ title: 'Quality against cost', class: 'wide' }, choices, nothing, plot.root, table);
  return { root, update, dispose: plot.dispose };
}

/** What was focused is written anew; its like takes the focus, else the heading. @param {HTMLElement} root @param {() => void} write */
function keepFocus(root, write) {
  const label = root.contains(document.activeElement) ? document.activeElement?.ariaLabel : null;
  write();
  if (!label || document.activeElement !== document.body) return;
  const again = [...root.querySelectorAll('button')].find((button) => button.ariaLabel === label);
  (again ?? root.querySelector('h1'))?.focus();
}

/** @param {App} app @param {URLSearchParams} parameters @returns {View} */
export function createModelsView(app, parameters) {
  const { store } = app;
  const service = element('ul', { class: 'rows' });
  const history = element('div');
  const comparison = comparisonPanel(app, Number(parameters.get('scale')));
  const update = () => {
    const list = store.models();
    if (!list) return;
    comparison.update();
    fill(service, ...Object.keys(list.active).map((scale) => serviceRow(app, list, Number(scale))));
    fill(history, list.history.length > 0 ? historyList(list.history) : empty('Nothing was switched yet.'));
  };
  const start = element('a', { class: 'button main', href: '#/jobs/new' }, 'Make a model faster');
  const grid = element(
    'div',
    { class: 'grid' },
    panel({ title: 'In service', class: 'wide' }, service),
    comparison.root,
    panel({ title: 'History', class: 'wide' }, history),
  );
  const root = element('div', {}, pageHead('Models', start), grid);
  root.querySelector('h1')?.setAttribute('tabindex', '-1');
  update();
  const stop = store.changes.add((what) => what === 'models' && keepFocus(root, update));
  return {
    title: 'Models',
    root,
    dispose() {
      stop();
      comparison.dispose();
    },
  };
}
