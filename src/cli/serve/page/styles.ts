/** The page's style sheet: dark and light by the reader's setting, one column below 60rem. */
export const PAGE_CSS = `:root {
  color-scheme: dark light;
  --ground: #101418; --panel: #181e24; --edge: #2b343d; --text: #e8edf1; --quiet: #9aa8b4; --accent: #ff9d4d; --on-accent: #1b1007;
  --host: #6b7885; --queue: #46525d; --decode: #4fa3c7; --infer: #ff9d4d; --encode: #8fc26b;
  font: 16px/1.55 ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
@media (prefers-color-scheme: light) {
  :root {
    --ground: #f5f3ef; --panel: #ffffff; --edge: #ddd8cf; --text: #1d2227; --quiet: #5f6a73; --accent: #b9540a; --on-accent: #ffffff;
    --host: #9aa4ad; --queue: #c9cfd4; --decode: #2f83a8; --infer: #d9731a; --encode: #5d9138;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 84rem; padding: 0 clamp(1rem, 3vw, 2.5rem) 3rem; background: var(--ground); color: var(--text); }
a { color: inherit; text-underline-offset: .2em; text-decoration-color: var(--accent); }
code { font: .92em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; background: var(--panel); border: 1px solid var(--edge); border-radius: .35em; padding: .08em .35em; white-space: nowrap; }
kbd { font: inherit; border: 1px solid var(--edge); border-radius: .3em; padding: 0 .4em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 1rem; z-index: 9; background: var(--panel); padding: .5rem 1rem; }
.top { display: grid; grid-template-columns: auto minmax(0, 46rem); gap: 1rem clamp(1.5rem, 5vw, 4.5rem); align-items: center; justify-content: space-between; padding: clamp(1.5rem, 4vw, 3rem) 0 1.5rem; }
.brand { display: flex; align-items: center; gap: .8rem; }
.brand h1 { margin: 0; font-size: clamp(1.7rem, 3.4vw, 2.4rem); letter-spacing: -.035em; line-height: 1; }
.mark-small { fill: var(--accent); }
.mark-large { fill: none; stroke: currentColor; stroke-width: 2.6; stroke-linecap: round; }
.lead { margin: 0; color: var(--quiet); }
.bar { position: sticky; top: 0; z-index: 5; display: flex; flex-wrap: wrap; align-items: center; gap: .6rem 1.6rem; padding: .7rem 0; margin-bottom: 1.2rem; background: var(--ground); border-bottom: 1px solid var(--edge); }
fieldset { display: flex; align-items: center; gap: .6rem; border: 0; margin: 0; padding: 0; min-width: 0; }
legend { float: left; padding: 0; margin-right: .1rem; color: var(--quiet); font-size: .875rem; }
.segments { display: flex; border: 1px solid var(--edge); border-radius: .6rem; background: var(--panel); padding: 2px; }
.segments label { cursor: pointer; }
.segments input { position: absolute; opacity: 0; pointer-events: none; }
.segments span { display: block; min-width: 2.6rem; padding: .22rem .8rem; border-radius: .45rem; text-align: center; font-weight: 600; font-size: .9rem; }
.segments :checked + span { background: var(--accent); color: var(--on-accent); }
.segments :focus-visible + span { outline: 3px solid var(--accent); outline-offset: 3px; }
.zoom { margin-left: auto; }
.zoom button { width: 2.1rem; height: 2.1rem; border: 1px solid var(--edge); border-radius: .6rem; background: var(--panel); color: inherit; font: inherit; font-size: 1.15rem; line-height: 1; cursor: pointer; }
.zoom input { width: clamp(5rem, 14vw, 10rem); accent-color: var(--accent); }
.zoom output { min-width: 3.2rem; font-variant-numeric: tabular-nums; font-weight: 600; }
#gallery { display: grid; gap: clamp(1.5rem, 3vw, 2.5rem); outline: 0; }
.card { scroll-margin-top: 7rem; display: grid; grid-template-columns: minmax(0, 1fr) 19rem; background: var(--panel); border: 1px solid var(--edge); border-radius: 1rem; overflow: hidden; }
.stage { --ratio: 1.5; --split: 50%; position: relative; aspect-ratio: var(--ratio); width: 100%; max-width: calc(78vh * var(--ratio)); margin: 0 auto; overflow: hidden; background: #0a0c0e; touch-action: pan-y; cursor: ew-resize; user-select: none; -webkit-user-select: none; }
.stage[data-zoomed] { touch-action: none; cursor: grab; }
.stage[data-zoomed][data-held] { cursor: grabbing; }
.layer { position: absolute; inset: 0; overflow: hidden; }
.layer img { display: block; width: 100%; height: 100%; transform-origin: 0 0; }
.layer img:not([src]) { visibility: hidden; }
.pixels .before img { image-rendering: pixelated; }
.after { clip-path: inset(0 0 0 var(--split)); }
.stage:not([data-state="done"]) .after, .stage:not([data-state="done"]) .line, .stage:not([data-state="done"]) .right { opacity: 0; }
.after, .line, .right { transition: opacity .25s; }
.line { position: absolute; inset: 0 auto 0 var(--split); width: 2px; margin-left: -1px; background: #fff; box-shadow: 0 0 0 1px rgb(0 0 0 / .35); pointer-events: none; }
.knob { position: absolute; top: 50%; left: 50%; display: grid; place-items: center; width: 44px; height: 44px; margin: -22px; border-radius: 50%; background: #fff; color: #14181c; box-shadow: 0 2px 14px rgb(0 0 0 / .45); cursor: ew-resize; pointer-events: auto; }
.knob svg { fill: none; stroke: currentColor; stroke-width: 2.2; stroke-linecap: round; stroke-linejoin: round; }
.split { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; pointer-events: none; }
.stage:has(.split:focus-visible) .knob { outline: 4px solid var(--accent); outline-offset: 2px; }
.tag { position: absolute; top: .8rem; padding: .16rem .65rem; border-radius: 1rem; background: rgb(10 12 14 / .72); color: #fff; font-size: .78rem; font-weight: 600; letter-spacing: .01em; pointer-events: none; }
.left { left: .8rem; }
.right { right: .8rem; background: var(--accent); color: var(--on-accent); }
.status { position: absolute; left: 50%; bottom: .9rem; transform: translateX(-50%); width: max-content; max-width: 90%; margin: 0; padding: .3rem .9rem; border-radius: 1rem; background: rgb(10 12 14 / .8); color: #fff; font-size: .875rem; text-align: center; pointer-events: none; }
.status:empty { display: none; }
.stage[data-state="working"]::after { content: ""; position: absolute; left: 0; bottom: 0; width: 34%; height: 3px; background: var(--accent); animation: slide 1.3s ease-in-out infinite alternate; }
@keyframes slide { to { left: 66%; } }
.facts { display: flex; flex-direction: column; gap: .8rem; padding: 1.3rem 1.4rem; min-width: 0; border-left: 1px solid var(--edge); }
.facts h2 { margin: 0; font-size: 1.05rem; overflow-wrap: anywhere; }
.time { margin: 0; display: flex; align-items: baseline; gap: .6rem; flex-wrap: wrap; }
.time strong { font-size: 2rem; line-height: 1.1; letter-spacing: -.03em; font-variant-numeric: tabular-nums; }
.time span { color: var(--quiet); font-size: .875rem; }
.stages { display: flex; gap: 2px; height: 8px; border-radius: 4px; overflow: hidden; background: var(--edge); }
.stages i { min-width: 2px; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .22rem 1rem; margin: 0; font-size: .875rem; font-variant-numeric: tabular-nums; }
dt { color: var(--quiet); }
dt i { display: inline-block; width: .6em; height: .6em; margin-right: .5em; border-radius: 2px; }
dd { margin: 0; text-align: right; overflow-wrap: anywhere; }
.what:empty, .what:empty ~ .time, .what:empty ~ .stages { visibility: hidden; }
.links { margin: auto 0 0; display: flex; gap: 1.2rem; font-size: .9rem; }
.notice { padding: 2rem; text-align: center; color: var(--quiet); border: 1px dashed var(--edge); border-radius: 1rem; }
footer { margin-top: 2.5rem; color: var(--quiet); font-size: .9rem; display: flex; flex-wrap: wrap; justify-content: space-between; gap: .3rem 2rem; }
footer p { margin: 0; }
@media (max-width: 60rem) {
  .top { grid-template-columns: 1fr; }
  .card { grid-template-columns: 1fr; }
  .facts { border-left: 0; border-top: 1px solid var(--edge); padding: 1rem 1.1rem 1.2rem; }
}
@media (max-width: 40rem) {
  .bar { gap: .5rem 1rem; }
  .bar legend { display: none; }
  .zoom { margin-left: 0; width: 100%; }
  .zoom input { flex: 1; }
}
@media (prefers-reduced-motion: reduce) { * { animation: none !important; transition: none !important; } }
`;
