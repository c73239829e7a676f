// The page: HTML that works without scripts. All text goes through `html`, which escapes it.

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

class Html {
  constructor(text) {
    this.text = text;
  }
}

/** A piece of HTML: whatever is put into it is escaped unless it is a piece of HTML, or a list of those. */
function html(strings, ...values) {
  return new Html(strings.reduce((text, string, i) => text + textOf(values[i - 1]) + string));
}

function textOf(value) {
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(textOf).join('');
  return String(value).replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

/** The whole page; `refusal` says why the last edit was not made. */
export function page(contacts, status, refusal) {
  const { people, groups } = contacts;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Contacts</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header>
<h1>Contacts</h1>
<p>Who knows whom. Chat programs show it at once.</p>
</header>
<main>
${refusal === undefined ? '' : html`<p class="refusal" role="alert">${refusal}</p>`}
<section aria-labelledby="people">
<h2 id="people">People</h2>
${people.length === 0 ? html`<p class="empty">Nobody yet. Add those who have accounts.</p>` : ''}
${people.map((person) => personCard(contacts, person))}
${form('add-person', {}, [
  field('Address', 'person', { placeholder: 'alice', autocapitalize: 'none', required: '' }),
  field('Name', 'name', { placeholder: 'Alice' }),
  button('Add a person'),
])}
</section>
<section aria-labelledby="groups">
<h2 id="groups">Groups</h2>
<p>All members of a group are each other’s contacts.</p>
${groups.map((group) => groupCard(contacts, group))}
${form('add-group', {}, [field('Name', 'group', { placeholder: 'Chess club', required: '' }), button('Add a group')])}
</section>
</main>
<datalist id="everybody">${people.map((person) => html`<option value="${person}">${contacts.nameOf(person)}</option>`)}</datalist>
<footer><p role="status">${status}</p></footer>
</body>
</html>
`.text;
}

/** Where on the page a person or a group is, as an id and in URLs. */
export function anchor(kind, name) {
  return `${kind}-${encodeURIComponent(name)}`;
}

function personCard(contacts, person) {
  const name = contacts.nameOf(person);
  const chip = (other) =>
    html`<li>${contacts.nameOf(other)} ${remover('unfriend', { person, other }, `End the friendship of ${name} and ${contacts.nameOf(other)}`)}</li>`;
  return html`<article id="${anchor('person', person)}">
<h3>${name} <small>${contacts.addressOf(person)}</small></h3>
<ul>${contacts.friendsOf(person).map(chip)}</ul>
${form('befriend', { person }, [
  field('Friend', 'other', { list: 'everybody', autocapitalize: 'none', required: '' }),
  button('Befriend'),
])}
<details><summary>Rename or remove</summary>
${form('rename-person', { person }, [field('Name', 'name', { value: name, required: '' }), button('Rename')])}
${form('remove-person', { person }, [button(`Remove ${name}`, 'danger')])}
</details>
</article>
`;
}

function groupCard(contacts, group) {
  const chip = (person) =>
    html`<li>${contacts.nameOf(person)} ${remover('leave', { group, person }, `Take ${contacts.nameOf(person)} out of ${group}`)}</li>`;
  return html`<article id="${anchor('group', group)}">
<h3>${group}</h3>
<ul>${contacts.membersOf(group).map(chip)}</ul>
${form('join', { group }, [
  field('Member', 'person', { list: 'everybody', autocapitalize: 'none', required: '' }),
  button('Add to the group'),
])}
<details><summary>Remove</summary>
${form('remove-group', { group }, [button(`Remove ${group}`, 'danger')])}
</details>
</article>
`;
}

function form(edit, hidden, content) {
  const inputs = Object.entries(hidden).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  );
  return html`<form method="post" action="/edit/${edit}">${inputs}${content}</form>`;
}

function field(label, name, attributes) {
  const rest = Object.entries(attributes).map(([key, value]) => html` ${key}="${value}"`);
  return html`<label>${label} <input name="${name}" maxlength="64" autocomplete="off"${rest}></label>`;
}

function button(text, kind = 'plain') {
  return html`<button class="${kind}">${text}</button>`;
}

function remover(edit, hidden, title) {
  return form(edit, hidden, html`<button class="remover" title="${title}" aria-label="${title}">×</button>`);
}
