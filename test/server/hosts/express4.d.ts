/** Express 4 under another name, for the tests only: as much of it as they use is that of Express 5. */
declare module 'express4' {
  export { default } from 'express';
}
