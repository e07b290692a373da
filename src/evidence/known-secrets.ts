/** Shorter ones would be found in everything: they are not looked for. */
const shortest = 6;

/**
 * Values known to be secret, whatever they look like: passwords, tokens and private keys of the lab. They are found as they
 * are and in the forms text gives them: escaped in JSON or a URL, in base64 (also as a part of something longer, such as
 * `user:password`), and line by line where a value has several.
 */
export class KnownSecrets {
  /** By their first three characters; the longest first, for one may begin with another. */
  readonly #forms = new Map<string, string[]>();
  /** A bit for each hash of three characters that begin a form: text has megabytes, and most places need no second look. */
  readonly #begins = new Uint8Array(2 ** 16);

  constructor(values: Iterable<string> = []) {
    for (const value of values) this.add(value);
  }

  /** From now on; what was written before stays. False when the value is too short to be looked for (6 characters). */
  add(value: string): boolean {
    const forms = formsOf(value);
    for (const form of forms) {
      const start = form.slice(0, 3);
      const others = this.#forms.get(start) ?? [];
      if (others.includes(form)) continue;
      this.#forms.set(
        start,
        [...others, form].sort((a, b) => b.length - a.length),
      );
      this.#begins[hashAt(form, 0)] = 1;
    }
    return forms.length > 0;
  }

  /** Where they are in a text: half-open ranges, in order, none over another. */
  placesIn(text: string): { from: number; to: number }[] {
    const places: { from: number; to: number }[] = [];
    if (this.#forms.size === 0) return places;
    for (let at = 0; at + shortest <= text.length; at++) {
      if (this.#begins[hashAt(text, at)] === 0) continue;
      const form = this.#forms.get(text.slice(at, at + 3))?.find((each) => text.startsWith(each, at));
      if (form === undefined) continue;
      places.push({ from: at, to: at + form.length });
      at += form.length - 1;
    }
    return places;
  }

  removeFrom(text: string, replacement: string): string {
    let clean = '';
    let kept = 0;
    for (const { from, to } of this.placesIn(text)) {
      clean += text.slice(kept, from) + replacement;
      kept = to;
    }
    return kept === 0 ? text : clean + text.slice(kept);
  }
}

function hashAt(text: string, at: number): number {
  return ((text.charCodeAt(at) * 31 + text.charCodeAt(at + 1)) * 31 + text.charCodeAt(at + 2)) & 0xffff;
}

/** Those of this process: whoever makes or reads a secret adds it, and whatever is written or printed is without it. */
export const knownSecrets = new KnownSecrets();

function formsOf(value: string): string[] {
  if (value.length < shortest) return [];
  const lines = value.split(/\r?\n/).map((line) => line.trim());
  // Of a key in PEM every line is one, but for those that say what it is; the last may be a few characters.
  const parts = lines.length > 1 ? lines.filter((line) => line.length >= 16 && !line.startsWith('-----')) : [];
  const whole = [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)];
  return [...whole, ...whole.flatMap(base64FormsOf), ...parts].filter((form) => form.length >= shortest);
}

/** What base64 makes of it where it begins at the first, second or third of three bytes; without the characters its neighbours change. */
function base64FormsOf(value: string): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)]);
    const own = bytes.toString('base64').slice(Math.ceil((offset * 8) / 6), Math.floor((bytes.length * 8) / 6));
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')];
  });
}
