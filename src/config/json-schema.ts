import { toJsonSchema } from '@valibot/to-json-schema';
import { type Kind, type Node, OFF_UNLESS_CONFIGURED, type Section } from './schema.ts';

/** A JSON Schema, or a part of one. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Returns the JSON Schema (draft-07, which editors know best) of a configuration file. */
export function configJsonSchema(definition: Section): JsonSchema {
  const { description, properties, ...rest } = jsonSchemaOf(definition);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Configuration of Parley',
    description,
    ...rest,
    properties: {
      $schema: { type: 'string', description: 'The schema of this file, for editors.' },
      ...Object(properties),
    },
  };
}

function jsonSchemaOf(node: Node): JsonSchema {
  switch (node.node) {
    case 'option': {
      const accepts = kindSchema(node.wrapped);
      return { description: node.doc, ...accepts, ...(node.default === undefined ? {} : { default: node.default }) };
    }
    case 'section': {
      const properties = Object.entries(node.entries).map(([name, entry]) => [name, jsonSchemaOf(entry)]);
      const { doc: description } = node;
      return { description, type: 'object', additionalProperties: false, properties: Object.fromEntries(properties) };
    }
    case 'map': {
      const { doc: description, value } = node;
      return { description, type: 'object', additionalProperties: jsonSchemaOf(value), default: node.default };
    }
    case 'switch': {
      const { section, doc } = node;
      const isOn = section.isOptIn !== true;
      const description = isOn ? doc : `${doc} ${OFF_UNLESS_CONFIGURED}`;
      return { description, anyOf: [{ type: 'boolean' }, jsonSchemaOf(section)], default: isOn };
    }
    case 'overrides':
      // In draft-07 nothing may stand beside a reference.
      return { description: node.doc, allOf: [{ $ref: `#/properties/${node.of}` }] };
  }
}

/** Converts a kind. Checks that JSON Schema cannot express, such as those of addresses, are left to the server. */
function kindSchema(kind: Kind): JsonSchema {
  const { $schema: _, ...schema } = toJsonSchema(kind, {
    target: 'draft-07',
    typeMode: 'input',
    errorMode: 'ignore',
    overrideSchema: ({ valibotSchema, jsonSchema }) =>
      valibotSchema.type === 'object' ? { ...jsonSchema, additionalProperties: false } : jsonSchema,
  });
  return { ...schema };
}
