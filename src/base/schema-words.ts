import type { z } from 'zod';

/** The parts of a zod schema that lie in it, by what `def` calls them. */
interface Def {
  type?: string;
  shape?: Record<string, z.ZodType>;
  innerType?: z.ZodType;
  element?: z.ZodType;
  valueType?: z.ZodType;
  in?: z.ZodType;
  options?: z.ZodType[];
  discriminator?: string;
  values?: unknown[];
}

const defOf = (schema: z.ZodType | undefined): Def => ((schema as { def?: Def } | undefined)?.def ?? {}) as Def;

/** Field names that a schema has anywhere, each once: enough for a spelling hint. */
export function keysOf(schema: z.ZodType): string[] {
  const keys = new Set<string>();
  const seen = new Set<z.ZodType>();
  const visit = (each: z.ZodType | undefined): void => {
    if (each === undefined || seen.has(each)) return;
    seen.add(each);
    const def = defOf(each);
    for (const key of Object.keys(def.shape ?? {})) keys.add(key);
    children(def).forEach(visit);
  };
  visit(schema);
  return [...keys];
}

/** The values that a field which tells alternatives apart (`experiment`, `kind`) may have. */
export function optionsAt(schema: z.ZodType, path: readonly (string | number)[]): string[] {
  const field = path.at(-1);
  const found: string[] = [];
  const seen = new Set<z.ZodType>();
  const visit = (each: z.ZodType | undefined): void => {
    if (each === undefined || seen.has(each)) return;
    seen.add(each);
    const def = defOf(each);
    if (def.discriminator !== undefined && def.discriminator === field && found.length === 0) {
      for (const option of def.options ?? [])
        found.push(...(defOf(unwrapped(option, def.discriminator)).values ?? []).map(String));
    }
    children(def).forEach(visit);
  };
  // The nearest one above the path first: a schema may tell apart by the same word in several places.
  visit(schemaAt(schema, path.slice(0, -1)) ?? schema);
  return found;
}

function unwrapped(option: z.ZodType, field: string): z.ZodType | undefined {
  const def = defOf(option);
  return def.shape?.[field] ?? (def.in === undefined ? undefined : unwrapped(def.in, field));
}

function schemaAt(schema: z.ZodType | undefined, path: readonly (string | number)[]): z.ZodType | undefined {
  if (schema === undefined || path.length === 0) return schema;
  const def = defOf(schema);
  if (def.innerType) return schemaAt(def.innerType, path);
  if (def.in) return schemaAt(def.in, path);
  if (def.options) {
    for (const option of def.options) {
      const found = schemaAt(option, path);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const [step = '', ...rest] = path;
  return schemaAt(def.shape?.[step] ?? def.element ?? def.valueType, rest);
}

function children(def: Def): (z.ZodType | undefined)[] {
  return [...Object.values(def.shape ?? {}), def.innerType, def.element, def.valueType, def.in, ...(def.options ?? [])];
}
