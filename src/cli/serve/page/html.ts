/** The page at `/`. Text in modules rather than files beside them: `tsc` is the whole build and copies nothing. */
export const PAGE_HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark light">
<title>dualscale: small photographs, enlarged</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="page.css">
<script type="module" src="page.js"></script>
</head>
<body>
<a class="skip" href="#gallery">Skip to the photographs</a>
<header class="top">
  <div class="brand">
    <svg viewBox="0 0 32 32" width="34" height="34" aria-hidden="true"><rect x="2" y="17" width="13" height="13" rx="3" class="mark-small"/><path d="M9 12V7a5 5 0 0 1 5-5h11a5 5 0 0 1 5 5v11a5 5 0 0 1-5 5h-5" class="mark-large"/></svg>
    <h1>dualscale</h1>
  </div>
  <p class="lead">The photographs on this server are small. Left of each line you see what your browser makes of them at this size,
  right of it what a network trained by dual regression makes of the same pixels, at
  <code>/photos/name?upscale=<span data-scale>4</span></code>.</p>
</header>
<div class="bar" role="group" aria-label="View">
  <fieldset><legend>Enlarge</legend><div class="segments" id="scales"></div></fieldset>
  <fieldset><legend>Browser</legend><div class="segments">
    <label><input type="radio" name="browser" value="smooth" checked><span>smooth</span></label>
    <label><input type="radio" name="browser" value="pixels"><span>pixels</span></label>
  </div></fieldset>
  <fieldset class="zoom"><legend>Zoom</legend>
    <button type="button" id="zoom-out" aria-label="Zoom out">&minus;</button>
    <input type="range" id="zoom" min="1" max="8" step="0.25" value="1" aria-label="Zoom">
    <button type="button" id="zoom-in" aria-label="Zoom in">+</button>
    <output id="zoom-text" for="zoom">1&times;</output>
  </fieldset>
</div>
<main id="gallery" tabindex="-1"><p class="notice" id="notice">Looking for photographs&hellip;</p></main>
<footer>
  <p>Drag the line, or focus it and use the arrow keys. Zoomed in, drag the picture, or hold Shift with the arrow keys; <kbd>+</kbd> and <kbd>&minus;</kbd> zoom.</p>
  <p><a href="metrics">metrics</a> &middot; <a href="readyz">readiness</a></p>
</footer>
<noscript><p class="notice">This page compares pictures with a script. Without one, open <code>/photos/name?upscale=4</code> yourself.</p></noscript>
<template id="card">
  <article class="card">
    <div class="stage" data-state="waiting">
      <div class="layer before"><img alt="" decoding="async" draggable="false"></div>
      <div class="layer after"><img alt="" decoding="async" draggable="false"></div>
      <div class="line"><span class="knob"><svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true"><path d="M9 6l-6 6 6 6M15 6l6 6-6 6"/></svg></span></div>
      <span class="tag left">browser</span><span class="tag right">dualscale</span>
      <input class="split" type="range" min="0" max="100" step="1" value="50">
      <p class="status" role="status"></p>
    </div>
    <div class="facts">
      <h2></h2>
      <dl class="what"></dl>
      <p class="time"><strong></strong><span></span></p>
      <div class="stages" aria-hidden="true"></div>
      <dl class="times"></dl>
      <p class="links"><a class="small" target="_blank" rel="noopener">small</a><a class="large" target="_blank" rel="noopener">enlarged</a></p>
    </div>
  </article>
</template>
</body>
</html>
`;
