/** What the pages of OAuth need beyond the style of all pages. */
export const OAUTH_STYLE = `
bdi { font-weight: 600; }
.lead { margin-bottom: 1rem; }
dl.facts { margin: 0 0 1.1rem; padding: .35rem .95rem; border: 1px solid var(--line); border-radius: .55rem; }
dl.facts > div { display: flex; flex-wrap: wrap; gap: .1rem 1rem; padding: .45rem 0; }
dl.facts > div + div { border-top: 1px solid var(--line); }
dl.facts dt { flex: 0 0 7.5rem; color: var(--quiet); }
dl.facts dd { flex: 1 1 12rem; margin: 0; }
dl.facts dd .quiet { display: block; }
.choice .more { display: block; color: var(--quiet); font-size: .92rem; }
.choice.full b { color: var(--danger); font-weight: 600; }
fieldset > legend { margin-bottom: .6rem; }
.links { display: flex; flex-wrap: wrap; gap: .2rem 1rem; }
input.user-code { text-transform: uppercase; text-align: center; }
.big { font-size: 1.2rem; overflow-wrap: anywhere; }
.split > button { flex: 1 1 0; }
`;
