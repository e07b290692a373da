import type { Tool, Toolbox } from '../../../src/tools/tool.ts';

/** The same tools, but that one has another program for one of its own. */
export function withProgram(
  toolbox: Toolbox,
  { tool: changed, program, path }: { tool: Tool['name']; program: string; path: string },
): Toolbox {
  return {
    cacheDir: toolbox.cacheDir,
    ensure: (names) => toolbox.ensure(names),
    get: async (name): Promise<Tool> => {
      const tool = await toolbox.get(name);
      return name === changed ? { ...tool, bin: { ...tool.bin, [program]: path } } : tool;
    },
  };
}
