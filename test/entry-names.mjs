import { existsSync, readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

/**
 * Lint rule: the name of a registry's entry stands in the entry's own folder and in the registry's index, and nowhere else in
 * src/. Whoever needs to know more of an entry than its registry tells is about to write a case for it.
 */

/** Folders whose subfolders are entries; what makes a subfolder one. The entries of apps/ are data: their registry is src/apps. */
const registries = [
  { entries: 'src/clusters', mark: 'index.ts', index: 'src/clusters/index.ts' },
  { entries: 'src/meshes', mark: 'index.ts', index: 'src/meshes/index.ts' },
  { entries: 'apps', mark: 'app.yaml', index: 'src/apps/default-app.ts' },
];

/** Words that code has for other things too: nobody can tell which is meant. */
const everyday = new Set(['kind', 'existing']);

/** Names of programs, whoever uses them. */
const allowed = new Set(['src/tools/tool.ts']);

/** Entries by name, with the places that may name them. */
export function entriesBelow(root) {
  return registries.flatMap(({ entries, mark, index }) =>
    readdirSync(join(root, entries), { withFileTypes: true })
      .filter(
        (entry) =>
          entry.isDirectory() && !everyday.has(entry.name) && existsSync(join(root, entries, entry.name, mark)),
      )
      .map(({ name }) => ({ name, folder: `${entries}/${name}/`, index })),
  );
}

/** @param entries `{ name, folder, index }[]`; `root` is the repository's folder */
export function entryNamesRule(root, entries = entriesBelow(root)) {
  return {
    meta: {
      type: 'problem',
      schema: [],
      messages: {
        elsewhere:
          '{{name}} is an entry of a registry: its name belongs into {{folder}} and {{index}}. Ask the entry for what you need to know.',
      },
    },
    create(context) {
      const file = relative(root, context.filename).split(sep).join('/');
      if (!file.startsWith('src/') || allowed.has(file)) return {};
      const foreign = entries
        .filter(({ folder, index }) => !file.startsWith(folder) && file !== index)
        .map((entry) => ({ ...entry, word: wordOf(entry.name) }));
      const check = (node, text) => {
        for (const { name, folder, index, word } of foreign) {
          if (word.test(text)) context.report({ node, messageId: 'elsewhere', data: { name, folder, index } });
        }
      };
      return {
        Identifier: (node) => check(node, node.name),
        Literal: (node) => typeof node.value === 'string' && check(node, node.value),
        TemplateElement: (node) => check(node, node.value.raw),
        JSXText: (node) => check(node, node.value),
      };
    },
  };
}

/** The name as a word, also of a name in camelCase, capitals or with dashes: `shop` is none in `meshOptions`. */
function wordOf(name) {
  const [first, ...rest] = [...name].map((letter) => [letter, letter.toUpperCase()]);
  const either = rest.map(([lower, upper]) => `[${lower}${upper}]`).join('');
  return new RegExp(`(?:(?<![a-zA-Z])[${first.join('')}]|(?<=[a-z0-9])${first[1]})${either}(?![a-z])`);
}
