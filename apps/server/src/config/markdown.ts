import { type Setting, sections } from './settings.js';

const INTRODUCTION = `# Configuration

Every setting has a default that works on one machine. Settings are read from the environment and from a \`.env\` file in the folder that
the server is started in; where both name one, the environment wins, and blank counts as not set. A wrong value stops the start with one
sentence that names the setting. This page is printed from the schema in \`apps/server/src/config/settings.ts\` by \`npm run docs\`.
`;

/** The page `docs/configuration.md`, from the schema itself. */
export function configurationMarkdown(): string {
  const tables = sections.map(({ title, settings }) => {
    const rows = Object.values<Setting>(settings).map(row);
    return [`\n## ${title}\n`, '| setting | default | takes | what it does |', '|---|---|---|---|', ...rows, ''].join('\n');
  });
  return INTRODUCTION + tables.join('');
}

function row({ key, fallback, type, doc }: Setting): string {
  const standard = fallback === undefined ? 'not set' : fallback === '' ? 'none' : `\`${fallback}\``;
  return `| \`${key}\` | ${standard} | ${cell(type.description ?? '')} | ${cell(doc)} |`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('*', '\\*');
}
