/** How all pages look: one column, wide and narrow, light and dark as the reader's system is. */
export const STYLE = `:root {
  color-scheme: light dark;
  --ground: #f3f4f8;
  --card: #ffffff;
  --ink: #1b1d27;
  --quiet: #5b6072;
  --line: #d5d8e3;
  --field: #ffffff;
  --accent: #3d4fd1;
  --accent-ink: #ffffff;
  --accent-soft: #eceefc;
  --danger: #b3261e;
  --danger-soft: #fcebe9;
  --good: #1c6b3c;
  --good-soft: #e6f4eb;
  --shadow: 0 1px 2px rgb(20 24 50 / 6%), 0 8px 28px rgb(20 24 50 / 8%);
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12131a;
    --card: #1c1e28;
    --ink: #eceef6;
    --quiet: #a3a8bb;
    --line: #383c4c;
    --field: #14161e;
    --accent: #9aa7ff;
    --accent-ink: #12131a;
    --accent-soft: #262a44;
    --danger: #ffb4ab;
    --danger-soft: #3f201e;
    --good: #8fd9ab;
    --good-soft: #183124;
    --shadow: none;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0;
  min-height: 100vh;
  display: flex;
  flex-direction: column;
  background: var(--ground);
  color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  overflow-wrap: anywhere;
}
header.site, footer.site, main { width: 100%; max-width: 28rem; margin: 0 auto; padding: 0 1rem; }
main:has(.wide) { max-width: 44rem; }
body:has(.wide) header.site, body:has(.wide) footer.site { max-width: 44rem; }
header.site { padding-top: clamp(1.25rem, 6vh, 4rem); }
header.site p { margin: 0 0 1rem; font-weight: 650; font-size: 1.05rem; letter-spacing: -.01em; }
header.site p::before {
  content: "";
  display: inline-block;
  width: .7em;
  height: .7em;
  margin-right: .55em;
  border-radius: .2em .2em .2em 0;
  background: var(--accent);
}
footer.site { margin-top: auto; padding-top: 2rem; padding-bottom: 1.25rem; color: var(--quiet); font-size: .85rem; }
footer.site p { margin: 0; }
.card {
  background: var(--card);
  border: 1px solid var(--line);
  border-radius: .9rem;
  box-shadow: var(--shadow);
  padding: clamp(1.15rem, 4vw, 1.9rem);
  margin-bottom: 1.1rem;
}
h1 { font-size: 1.5rem; line-height: 1.25; letter-spacing: -.015em; margin: 0 0 .6rem; text-wrap: balance; }
h2 { font-size: 1.12rem; line-height: 1.3; margin: 0 0 .4rem; }
h3 { font-size: 1rem; margin: 1.7rem 0 .3rem; }
p { margin: 0 0 .9rem; }
.card > :last-child, .card > :last-child > :last-child, form > :last-child, li > :last-child { margin-bottom: 0; }
form + p, form + form { margin-top: 1rem; }
.quiet { color: var(--quiet); font-size: .92rem; }
a { color: var(--accent); }
label, legend { display: block; font-weight: 600; margin-bottom: .3rem; padding: 0; }
fieldset { border: 0; margin: 0 0 1rem; padding: 0; min-width: 0; }
.field { margin-bottom: 1rem; }
.field .quiet { margin: .3rem 0 0; }
input:not([type=checkbox], [type=radio], [type=hidden]), select {
  width: 100%;
  min-height: 2.9rem;
  padding: .5rem .75rem;
  font: inherit;
  color: inherit;
  background: var(--field);
  border: 1px solid var(--quiet);
  border-radius: .55rem;
}
input.code { font: 1.25rem/1.4 ui-monospace, "SF Mono", Menlo, Consolas, monospace; letter-spacing: .12em; }
.choice { display: flex; gap: .65rem; align-items: flex-start; font-weight: 400; margin-bottom: .65rem; }
.choice input { flex: none; width: 1.15rem; height: 1.15rem; margin: .2rem 0 0; accent-color: var(--accent); }
button, .button {
  display: inline-block;
  min-height: 2.75rem;
  padding: .55rem 1.15rem;
  font: inherit;
  font-weight: 600;
  text-align: center;
  text-decoration: none;
  color: var(--accent-ink);
  background: var(--accent);
  border: 1px solid transparent;
  border-radius: .55rem;
  cursor: pointer;
}
button:hover, .button:hover { filter: brightness(1.08); }
button:disabled { opacity: .55; cursor: default; }
button.plain { color: var(--accent); background: transparent; border-color: var(--line); }
button.danger { color: var(--danger); background: transparent; border-color: var(--line); }
button.full { width: 100%; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.actions { display: flex; flex-wrap: wrap; gap: .6rem; margin-top: 1rem; }
.notice { padding: .7rem .95rem; border-radius: .55rem; background: var(--accent-soft); margin: 0 0 1rem; }
.notice.error { color: var(--danger); background: var(--danger-soft); }
.notice.good { color: var(--good); background: var(--good-soft); }
.or { display: flex; align-items: center; gap: .8rem; color: var(--quiet); font-size: .9rem; margin: 1.1rem 0; }
.or::before, .or::after { content: ""; flex: 1; border-top: 1px solid var(--line); }
ul.rows { list-style: none; margin: .8rem 0 0; padding: 0; }
ul.rows > li {
  display: flex;
  flex-wrap: wrap;
  gap: .5rem 1rem;
  align-items: center;
  justify-content: space-between;
  padding: .8rem 0;
  border-top: 1px solid var(--line);
}
ul.rows > li > div { flex: 1 1 14rem; min-width: 0; }
ul.rows p { margin: 0; }
ul.rows form, ul.rows details { margin: 0; }
.inline { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
.inline input:not([type=hidden]) { flex: 1 1 10rem; width: auto; }
.state { display: inline-block; padding: .05rem .55rem; border-radius: 1rem; font-size: .82rem; font-weight: 600; }
.state { color: var(--quiet); background: var(--ground); vertical-align: .08em; }
.state.on { color: var(--good); background: var(--good-soft); }
details { margin-top: .9rem; }
summary { cursor: pointer; font-weight: 600; color: var(--accent); }
details[open] > summary { margin-bottom: .8rem; }
code, .mono { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
.secret { padding: .7rem .9rem; border: 1px dashed var(--quiet); border-radius: .55rem; user-select: all; }
ol.codes {
  display: grid;
  grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr));
  gap: .35rem 1.5rem;
  margin: 0 0 1rem;
  padding: .9rem .9rem .9rem 3.1rem;
  border: 1px dashed var(--quiet);
  border-radius: .55rem;
}
.qr { background: #fff; border: 1px solid var(--line); border-radius: .55rem; padding: .4rem; width: 13.5rem; margin: 0 0 1rem; }
.qr svg { display: block; width: 100%; height: auto; }
.visually-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
[hidden] { display: none !important; }
@media (max-width: 30rem) {
  header.site, footer.site, main { padding-left: .7rem; padding-right: .7rem; }
  .actions button, .actions .button { flex: 1 1 100%; }
}
@media (forced-colors: active) { .card, button, .button, .notice { border: 1px solid; } }
`;
