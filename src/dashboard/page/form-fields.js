/** Fields with a label, a hint and a place for what is wrong. */
/** @import { Child } from './dom.js' */
import { element, setText } from './dom.js';

/** @param {{ name: string, label: string, hint?: string, unit?: string, class?: string }} options @param {HTMLInputElement | HTMLSelectElement} input */
export function field({ name, label, hint, unit, class: className = '' }, input) {
  const id = `field-${name}`;
  input.id = id;
  input.name = name;
  const described = [hint && `${id}-hint`, `${id}-wrong`].filter(Boolean).join(' ');
  input.setAttribute('aria-describedby', described);
  const row = unit ? element('div', { class: 'with-unit' }, input, element('span', { class: 'quiet' }, unit)) : input;
  return element(
    'div',
    { class: `field ${className}`.trim() },
    element('label', { htmlFor: id }, label),
    row,
    hint ? element('p', { class: 'hint', id: `${id}-hint` }, hint) : null,
    element('p', { class: 'wrong', id: `${id}-wrong` }),
  );
}

/** @param {{ name: string, label: string, value?: number, min?: number, max?: number, step?: number | 'any', hint?: string, unit?: string, class?: string, required?: boolean }} options */
export function numberField(options) {
  const { value, min, max, step = 'any', required = true } = options;
  const input = element('input', {
    type: 'number',
    inputMode: 'decimal',
    min,
    max,
    step,
    required,
    value: value === undefined ? '' : String(value),
  });
  return field(options, input);
}

/** @param {{ name: string, label: string, hint?: string, options: readonly { value: string, text: string }[], value?: string }} options */
export function selectField(options) {
  const choices = options.options.map(({ value, text }) => element('option', { value }, text));
  const select = element('select', {}, ...choices);
  if (options.value !== undefined) select.value = options.value;
  return field(options, select);
}

/** A group that is there only sometimes: what is hidden is not sent and not checked. @param {...Child} children */
export function optionalGroup(...children) {
  const root = element('fieldset', { class: 'plain-group' }, ...children);
  return {
    root,
    /** @param {boolean} isShown */
    show(isShown) {
      root.hidden = !isShown;
      root.disabled = !isShown;
    },
  };
}

/** @param {HTMLFormElement} form */
export function clearErrors(form) {
  for (const place of form.querySelectorAll('.wrong')) setText(place, '');
  for (const input of form.querySelectorAll('[aria-invalid]')) input.removeAttribute('aria-invalid');
}

/**
 * Shows each message at its field, and returns what has none.
 * @template {{ name: string, message: string }} T
 * @param {HTMLFormElement} form
 * @param {readonly T[]} errors
 * @returns {T[]}
 */
export function showErrors(form, errors) {
  /** @type {T[]} */
  const homeless = [];
  /** @type {HTMLElement | undefined} */
  let first;
  for (const error of errors) {
    const { name, message } = error;
    const place = form.querySelector(`#field-${CSS.escape(name)}-wrong`);
    const input = form.querySelector(`#field-${CSS.escape(name)}`);
    if (!place) {
      homeless.push(error);
      continue;
    }
    setText(place, message);
    input?.setAttribute('aria-invalid', 'true');
    if (input instanceof HTMLElement) first ??= input;
  }
  first?.focus();
  return homeless;
}
