/** The page's script. It builds elements and sets `textContent`, so file names and messages are never read as HTML. */
export const PAGE_JS = `const STAGES = ['host', 'queue', 'decode', 'infer', 'encode'];
const LABELS = { host: 'image server', queue: 'waiting', decode: 'decode', infer: 'network', encode: 'encode' };
const $ = (selector, root = document) => root.querySelector(selector);
const view = { scale: 4, zoom: 1 };
const cards = [];

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const urlOf = (name, scale) => 'photos/' + encodeURIComponent(name) + (scale ? '?upscale=' + scale : '');
const formatMs = (ms) => ms < 10 ? ms.toFixed(1) + ' ms' : ms < 10000 ? Math.round(ms) + ' ms' : (ms / 1000).toFixed(1) + ' s';
const formatBytes = (bytes) => bytes < 1e6 ? Math.round(bytes / 1000) + ' kB' : (bytes / 1e6).toFixed(1) + ' MB';
const size = (image) => image.naturalWidth + ' \\u00d7 ' + image.naturalHeight;

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function stageTimes(header) {
  const times = {};
  for (const part of (header || '').split(',')) {
    const [name, ...parameters] = part.trim().split(';');
    const duration = parameters.map((p) => p.trim()).find((p) => p.startsWith('dur='));
    if (STAGES.includes(name) && duration) times[name] = Number(duration.slice(4));
  }
  return times;
}

function createCard(name) {
  const root = $('#card').content.firstElementChild.cloneNode(true);
  const stage = $('.stage', root);
  const card = { name, root, stage, before: $('.before img', root), after: $('.after img', root), split: $('.split', root), x: 0.5, y: 0.5, run: null, blobUrl: '', isNear: false };
  $('h2', root).textContent = name;
  card.before.alt = name + ', enlarged by the browser';
  card.after.alt = name + ', enlarged by dualscale';
  card.split.setAttribute('aria-label', 'Dividing line on ' + name + ': left of it the browser, right of it dualscale');
  $('.small', root).href = urlOf(name);
  card.before.addEventListener('load', () => {
    stage.style.setProperty('--ratio', card.before.naturalWidth / card.before.naturalHeight);
    place(card);
  });
  card.before.addEventListener('error', () => say(card, 'failed', 'The picture could not be loaded.'));
  card.split.addEventListener('input', () => stage.style.setProperty('--split', card.split.value + '%'));
  listenForPointer(card);
  listenForKeys(card);
  return card;
}

function say(card, state, text) {
  card.stage.dataset.state = state;
  $('.status', card.root).textContent = text;
}

/** Keeps the picture over the stage: x and y are the point of the picture at the stage's middle, 0 to 1. */
function place(card) {
  const half = 0.5 / view.zoom;
  card.x = clamp(card.x, half, 1 - half);
  card.y = clamp(card.y, half, 1 - half);
  const transform = 'translate(' + (0.5 - card.x * view.zoom) * 100 + '%,' + (0.5 - card.y * view.zoom) * 100 + '%) scale(' + view.zoom + ')';
  card.before.style.transform = transform;
  card.after.style.transform = transform;
  card.stage.toggleAttribute('data-zoomed', view.zoom > 1);
}

function setZoom(zoom) {
  view.zoom = clamp(zoom, 1, 8);
  $('#zoom').value = view.zoom;
  $('#zoom-text').textContent = String(Math.round(view.zoom * 100) / 100) + '\\u00d7';
  cards.forEach(place);
}

function listenForPointer(card) {
  const { stage } = card;
  let held = null;
  stage.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    const box = stage.getBoundingClientRect();
    const lineX = box.left + box.width * card.split.value / 100;
    const isLine = view.zoom === 1 || Math.abs(event.clientX - lineX) < 28;
    held = { isLine, clientX: event.clientX, clientY: event.clientY };
    stage.setPointerCapture(event.pointerId);
    stage.toggleAttribute('data-held', !isLine);
    if (isLine) moveLine(card, event, box);
    card.split.focus({ preventScroll: true, focusVisible: false });
    event.preventDefault();
  });
  stage.addEventListener('pointermove', (event) => {
    if (!held) return;
    const box = stage.getBoundingClientRect();
    if (held.isLine) return moveLine(card, event, box);
    card.x -= (event.clientX - held.clientX) / box.width / view.zoom;
    card.y -= (event.clientY - held.clientY) / box.height / view.zoom;
    held.clientX = event.clientX;
    held.clientY = event.clientY;
    place(card);
  });
  const release = () => { held = null; stage.removeAttribute('data-held'); };
  stage.addEventListener('pointerup', release);
  stage.addEventListener('pointercancel', release);
  stage.addEventListener('dblclick', (event) => {
    const box = stage.getBoundingClientRect();
    card.x = (event.clientX - box.left) / box.width;
    card.y = (event.clientY - box.top) / box.height;
    setZoom(view.zoom > 1 ? 1 : 3);
  });
}

function moveLine(card, event, box) {
  card.split.value = clamp((event.clientX - box.left) / box.width * 100, 0, 100);
  card.stage.style.setProperty('--split', card.split.value + '%');
}

function listenForKeys(card) {
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  card.split.addEventListener('keydown', (event) => {
    const step = steps[event.key];
    if (step && event.shiftKey) {
      card.x += step[0] * 0.1 / view.zoom;
      card.y += step[1] * 0.1 / view.zoom;
      place(card);
    } else if (event.key === '+' || event.key === '=') setZoom(view.zoom + 0.5);
    else if (event.key === '-') setZoom(view.zoom - 0.5);
    else return;
    event.preventDefault();
  });
}

function row(list, label, value, color) {
  const term = element('dt', label);
  if (color) {
    const patch = element('i');
    patch.style.background = 'var(--' + color + ')';
    term.prepend(patch);
  }
  list.append(term, element('dd', value));
}

function showFacts(card, answer) {
  const { total, times, header, inBytes, outBytes, scale } = answer;
  $('.time strong', card.root).textContent = formatMs(total);
  $('.time span', card.root).textContent = 'from request to picture';
  const bar = $('.stages', card.root);
  const what = $('.what', card.root);
  const list = $('.times', card.root);
  for (const part of [bar, what, list]) part.replaceChildren();
  row(what, 'size', size(card.before) + ' \\u2192 ' + size(card.after));
  row(what, 'bytes', formatBytes(inBytes) + ' \\u2192 ' + formatBytes(outBytes));
  const model = /model=([^;]+)/.exec(header || '');
  row(what, 'model', model ? model[1] : 'none');
  for (const stage of STAGES) {
    if (times[stage] === undefined) continue;
    const piece = element('i');
    piece.style.cssText = 'flex:' + Math.max(times[stage], 0.01) + ';background:var(--' + stage + ')';
    bar.append(piece);
    row(list, LABELS[stage], formatMs(times[stage]), stage);
  }
  const large = $('.large', card.root);
  large.href = urlOf(card.name, scale);
  $('.right', card.root).textContent = 'dualscale ' + scale + '\\u00d7';
}

async function load(url, signal) {
  const response = await fetch(url, { signal, cache: 'no-store' });
  if (response.ok) return { response, blob: await response.blob() };
  const problem = await response.json().catch(() => null);
  const text = problem && [problem.title, problem.detail].filter((part) => typeof part === 'string').join(' ');
  throw new Error(text || 'The server answered ' + response.status + '.');
}

function show(image, blob) {
  const url = URL.createObjectURL(blob);
  image.src = url;
  return image.decode().then(() => url);
}

async function enlarge(card) {
  const { scale } = view;
  const run = new AbortController();
  card.run = run;
  try {
    if (!card.small) {
      card.small = (await load(urlOf(card.name), run.signal)).blob;
      await show(card.before, card.small);
    }
    say(card, 'working', 'enlarging ' + scale + '\\u00d7 \\u2026');
    const start = performance.now();
    const { response, blob } = await load(urlOf(card.name, scale), run.signal);
    const total = performance.now() - start;
    const blobUrl = await show(card.after, blob);
    if (run.signal.aborted) return;
    URL.revokeObjectURL(card.blobUrl);
    card.blobUrl = blobUrl;
    const header = response.headers.get('x-dualscale');
    showFacts(card, { total, times: stageTimes(response.headers.get('server-timing')), header, inBytes: card.small.size, outBytes: blob.size, scale });
    say(card, 'done', header && header.startsWith('skipped') ? 'left as it is: ' + header.replace('skipped; reason=', '') : '');
    card.scale = scale;
  } catch (error) {
    if (!run.signal.aborted) say(card, 'failed', error.message);
  }
}

/** One picture at a time, the nearest first: the times shown are then those of one request, not of six at once. */
let isBusy = false;
async function work() {
  if (isBusy) return;
  isBusy = true;
  for (;;) {
    const card = cards.find((candidate) => candidate.isNear && candidate.scale !== view.scale && candidate.failedAt !== view.scale);
    if (!card) break;
    await enlarge(card);
    if (card.stage.dataset.state === 'failed') card.failedAt = view.scale;
  }
  isBusy = false;
}

function setScale(scale) {
  view.scale = scale;
  for (const text of document.querySelectorAll('[data-scale]')) text.textContent = scale;
  for (const card of cards) {
    card.run?.abort();
    card.failedAt = undefined;
  }
  void work();
}

function offerScales(scales) {
  for (const scale of scales) {
    const label = element('label');
    const radio = element('input');
    Object.assign(radio, { type: 'radio', name: 'scale', value: scale, checked: scale === view.scale });
    radio.addEventListener('change', () => setScale(scale));
    label.append(radio, element('span', scale + '\\u00d7'));
    $('#scales').append(label);
  }
}

async function start() {
  const { photos, scales } = await (await fetch('photos.json')).json();
  view.scale = scales.includes(4) ? 4 : scales[scales.length - 1];
  offerScales(scales);
  for (const text of document.querySelectorAll('[data-scale]')) text.textContent = view.scale;
  $('#zoom').addEventListener('input', (event) => setZoom(Number(event.target.value)));
  $('#zoom-in').addEventListener('click', () => setZoom(view.zoom + 0.5));
  $('#zoom-out').addEventListener('click', () => setZoom(view.zoom - 0.5));
  for (const radio of document.querySelectorAll('[name=browser]')) {
    radio.addEventListener('change', () => $('#gallery').classList.toggle('pixels', radio.value === 'pixels' && radio.checked));
  }
  if (photos.length === 0) {
    $('#notice').textContent = 'There are no JPEG, PNG, WebP or AVIF files in the folder this server was given.';
    return;
  }
  $('#notice').remove();
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const card = cards.find((candidate) => candidate.root === entry.target);
      card.isNear = entry.isIntersecting;
    }
    void work();
  }, { rootMargin: '60% 0px' });
  for (const name of photos) {
    const card = createCard(name);
    cards.push(card);
    $('#gallery').append(card.root);
    near.observe(card.root);
  }
}

start().catch((error) => { $('#notice').textContent = 'The page could not start: ' + error.message; });
`;
