import type { Command } from 'commander';

/** What a command prints on standard output. */
export async function printed(command: Command, args: readonly string[]): Promise<string> {
  const written: string[] = [];
  const { write } = process.stdout;
  process.stdout.write = (text: string | Uint8Array) => written.push(String(text)) > 0;
  try {
    await command.exitOverride().parseAsync([...args], { from: 'user' });
  } finally {
    process.stdout.write = write;
  }
  return written.join('');
}
