/** How a picture was made small, as the server's blind model sees it: blur with its kernel, noise, compression. */
/** @import { Inspection } from '../api-types.ts' */
/** @import { Api } from './api.js' */
import { messageOf } from './api.js';
import { element, fill, setText } from './dom.js';
import { figure, panel } from './parts.js';

/** Below this share of the scale the two widths of a blur are called equal. */
const ROUND = 0.1;
/** From here on no compression shows. */
const UNCOMPRESSED = 97;

/** The width, and its direction where it has one. @param {Inspection} inspection @returns {[string, string]} */
function blurTexts({ sigmaX, sigmaY, angle, scale }) {
  if (sigmaX - sigmaY < ROUND * scale) return [`σ ${((sigmaX + sigmaY) / 2).toFixed(2)}`, ''];
  const degrees = Math.round((angle * 180) / Math.PI);
  return [`σ ${sigmaX.toFixed(2)}`, `along ${degrees}°, ${sigmaY.toFixed(2)} across, `];
}

/** One pixel a sample, white the largest; the root shows the tails, which decide what a picture looks like. @param {Inspection} inspection */
function kernelDrawing(inspection) {
  const { kernel } = inspection;
  const size = kernel.length;
  const most = Math.max(...kernel.flat());
  const drawing = element('canvas', { width: size, height: size, class: 'kernel', role: 'img' });
  drawing.ariaLabel = `Estimated blur: ${blurTexts(inspection).join(' ')} in pixels of the enlarged picture`;
  const context = drawing.getContext('2d');
  const pixels = context?.createImageData(size, size);
  if (!context || !pixels) return drawing;
  kernel.flat().forEach((value, i) => {
    const shade = Math.round(255 * Math.sqrt(Math.max(0, value) / most));
    pixels.data.set([shade, shade, shade, 255], 4 * i);
  });
  context.putImageData(pixels, 0, 0);
  return drawing;
}

/** @param {Api} api @returns {{ root: HTMLElement, show: (sample: string, scale: number | undefined) => void }} */
export function createInspectionPanel(api) {
  const status = element('p', { class: 'quiet', role: 'status' });
  const place = element('div', { class: 'kernel-place' });
  const figures = {
    blur: figure('Blur'),
    noise: figure('Noise'),
    jpeg: figure('JPEG'),
    consistency: figure('Consistency'),
  };
  const list = element('dl', { class: 'figures' }, ...Object.values(figures).map(({ root }) => root));
  const body = element('div', { class: 'inspection', hidden: true }, place, list);
  let asked = '';

  /** @param {Inspection} inspection */
  const write = (inspection) => {
    const { sigmaX, scale, noiseSigma, jpegQuality, consistencyError } = inspection;
    fill(place, kernelDrawing(inspection));
    const [width, direction] = blurTexts(inspection);
    figures.blur.set(width, `${direction}in enlarged pixels; ${(sigmaX / scale).toFixed(2)} in these`);
    figures.noise.set(`σ ${noiseSigma.toFixed(1)}`, 'of 255');
    const isCompressed = jpegQuality < UNCOMPRESSED;
    figures.jpeg.set(isCompressed ? String(jpegQuality) : 'none seen', isCompressed ? 'quality' : '');
    figures.consistency.set(consistencyError.toFixed(2), 'of 255, from its enlargement made small like that');
    setText(status, `As ${inspection.model} sees its most detailed part.`);
  };
  return {
    root: panel({ title: 'How this picture was made small' }, status, body),
    async show(sample, scale) {
      const path = `samples/${encodeURIComponent(sample)}/inspection${scale === undefined ? '' : `?scale=${scale}`}`;
      if (path === asked) return;
      asked = path;
      setText(status, 'Looking…');
      try {
        const inspection = await api.get(path);
        if (path !== asked) return;
        write(inspection);
        body.hidden = false;
      } catch (error) {
        if (path !== asked) return;
        body.hidden = true;
        setText(status, messageOf(error));
      }
    },
  };
}
