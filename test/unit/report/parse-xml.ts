export interface XmlElement {
  name: string;
  attributes: Record<string, string>;
  children: XmlElement[];
  text: string;
}

const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decode(text: string): string {
  if (/&(?!(amp|lt|gt|quot|apos|#\d+);)/.test(text)) throw new Error(`stray & in ${text}`);
  return text.replace(/&(?:#(\d+)|(\w+));/g, (_, number: string, name: string) =>
    number ? String.fromCodePoint(Number(number)) : entities[name]!,
  );
}

/** A strict little XML reader: anything that is not well-formed throws. Enough for JUnit. */
export function parseXml(xml: string): XmlElement {
  const root: XmlElement = { name: '', attributes: {}, children: [], text: '' };
  const open = [root];
  let rest = xml.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/, '');
  if (rest === xml) throw new Error('no XML declaration');
  while (rest !== '') {
    const current = open.at(-1)!;
    const [text = ''] = /^[^<]*/.exec(rest) ?? [];
    current.text += decode(text);
    rest = rest.slice(text.length);
    if (rest === '') break;
    const tag = /^<(\/?)([a-z]+)((?:\s[a-z]+="[^"<]*")*)(\/?)>/.exec(rest);
    if (!tag) throw new Error(`no tag: ${rest.slice(0, 80)}`);
    rest = rest.slice(tag[0].length);
    if (tag[1] === '/') {
      if (open.pop()!.name !== tag[2]) throw new Error(`</${tag[2]}> closes nothing`);
      continue;
    }
    const attributes = Object.fromEntries(
      [...tag[3]!.matchAll(/\s([a-z]+)="([^"]*)"/g)].map(([, key, value]) => [key!, decode(value!)]),
    );
    const element = { name: tag[2]!, attributes, children: [], text: '' };
    current.children.push(element);
    if (tag[4] === '') open.push(element);
  }
  if (open.length !== 1 || root.children.length !== 1) throw new Error('unclosed element');
  return root.children[0]!;
}
