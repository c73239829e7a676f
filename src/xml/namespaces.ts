import { notWellFormed, policyViolation, restrictedXml } from './limits.ts';
import { NS_XML, NS_XMLNS } from './ns.ts';
import type { Tape } from './tape.ts';

/**
 * Makes the start tag at the end of the tape canonical: the element's name without its prefix, its namespace as `xmlns`
 * where it differs from the parent's, and every prefix that an attribute uses declared beside it.
 * Returns the element's namespace. Namespaces in XML 1.0.
 */
export function resolvePrefixes(tape: Tape, firstName: number, defaultNs: string, maxBindings: number): string {
  const attributes = tape.takeAttributes(firstName);
  for (const { name, end } of attributes) {
    if (name.startsWith('xmlns:')) bind(tape, name.slice(6), tape.literals[end] as string, maxBindings);
  }
  const name = tape.names[firstName] as string;
  const prefix = prefixOf(name);
  const ns = prefix === '' ? defaultNs : namespaceOf(tape, prefix);
  if (ns === NS_XML) throw restrictedXml('elements may not be in the namespace of the prefix xml');
  tape.names[firstName] = name.slice(prefix === '' ? 0 : prefix.length + 1);
  const used = new Map<string, string>();
  const expandedNames = new Set<string>();
  for (const attribute of attributes) {
    const prefix = prefixOf(attribute.name);
    if (attribute.name === 'xmlns' || prefix === 'xmlns') continue;
    if (prefix !== '' && prefix !== 'xml') {
      const uri = namespaceOf(tape, prefix);
      const expandedName = `${uri} ${attribute.name.slice(prefix.length + 1)}`;
      if (expandedNames.has(expandedName)) throw notWellFormed('an element has two attributes of the same name');
      expandedNames.add(expandedName);
      used.set(prefix, uri);
    }
    tape.attribute(attribute.name, attribute.start, attribute.end);
  }
  if (ns !== tape.namespaces[tape.depth]) tape.literalAttribute('xmlns', ns);
  for (const [prefix, uri] of used) tape.literalAttribute(`xmlns:${prefix}`, uri);
  return ns;
}

/** Refuses the declarations that Namespaces in XML §3 and §5 forbid; the prefix of a default namespace is ''. */
export function checkDeclaration(prefix: string, uri: string): void {
  const isForbidden =
    prefix === 'xmlns' || uri === NS_XMLNS || (prefix === 'xml') !== (uri === NS_XML) || (prefix !== '' && uri === '');
  if (isForbidden) throw notWellFormed('a namespace declaration is not allowed');
}

function bind(tape: Tape, prefix: string, uri: string, maxBindings: number): void {
  checkDeclaration(prefix, uri);
  if (tape.bindings.length >= maxBindings) throw policyViolation(`more than ${maxBindings} prefixes are declared`);
  tape.bindings.push({ prefix, uri, depth: tape.depth + 1 });
}

function prefixOf(name: string): string {
  return name.slice(0, Math.max(name.indexOf(':'), 0));
}

function namespaceOf(tape: Tape, prefix: string): string {
  if (prefix === 'xml') return NS_XML;
  const isMeant = (binding: { prefix: string }): boolean => binding.prefix === prefix;
  const binding = tape.bindings.findLast(isMeant) ?? tape.outerBindings.findLast(isMeant);
  if (binding === undefined) throw notWellFormed('a prefix is not declared');
  return binding.uri;
}
