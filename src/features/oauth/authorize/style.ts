/** What the pages of OAuth need beyond the style of all pages. */
export const OAUTH_STYLE = `
bdi { font-weight: 600; }
.lead { margin-bottom: 1rem; }
dl.facts {
  display: grid;
  grid-template-columns: max-content 1fr;
  margin: 0 0 1.1rem;
  padding: .2rem .95rem;
  border: 1px solid var(--line);
  border-radius: .55rem;
}
dl.facts > div { display: grid; grid-template-columns: subgrid; grid-column: 1 / -1; column-gap: 1.1rem; padding: .5rem 0; }
dl.facts > div + div { border-top: 1px solid var(--line); }
dl.facts dt { color: var(--quiet); }
dl.facts dd { margin: 0; }
dl.facts dd .quiet { display: block; }
.choice .more { display: block; color: var(--quiet); font-size: .92rem; }
.choice.full b { color: var(--danger); font-weight: 600; }
fieldset > legend { margin-bottom: .6rem; }
.links { display: flex; flex-wrap: wrap; gap: .2rem 1rem; }
.big { font-size: 1.2rem; overflow-wrap: anywhere; }
.split > button { flex: 1 1 0; }
`;
