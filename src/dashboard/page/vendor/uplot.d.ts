/** The server answers `vendor/uplot.js` with the package's own module. */
export { default } from 'uplot';
