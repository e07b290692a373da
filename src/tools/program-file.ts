import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** `e_machine` of an ELF header by Node's word for the architecture (System V ABI, and `elf.h` of Linux). */
const machines: Readonly<Record<string, number>> = { x64: 62, arm64: 183, arm: 40, ia32: 3, riscv64: 243, s390x: 22 };
const headBytes = 20;

/** Files of a folder that are programs of another machine, one line each. Nothing is started. */
export async function unfitPrograms(folder: string, arch: string = process.arch): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const found: string[] = [];
  for (const { name } of entries.filter((entry) => !entry.isDirectory()).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const trouble = await headOf(join(folder, name)).then(
      (head) => programTrouble(head, arch),
      // Not readable: whoever wants to run it says so.
      () => undefined,
    );
    if (trouble !== undefined) found.push(`${name} is ${trouble}`);
  }
  return found;
}

/** Pure: what a file is that begins like this, where Linux on this architecture cannot run it; scripts and data are none. */
export function programTrouble(head: Buffer, arch: string): string | undefined {
  if (head.subarray(0, 2).toString('latin1') === 'MZ') return 'a program for Windows';
  if (['feedface', 'feedfacf', 'cefaedfe', 'cffaedfe'].includes(head.subarray(0, 4).toString('hex')))
    return 'a program for macOS';
  if (head.length < headBytes || head.readUInt32BE(0) !== 0x7f454c46) return undefined;
  // The sixth byte says in which order the others are to be read.
  const machine = head[5] === 2 ? head.readUInt16BE(18) : head.readUInt16LE(18);
  if (machine === machines[arch]) return undefined;
  const known = Object.keys(machines).find((each) => machines[each] === machine);
  return `a program for ${known ?? `the ELF machine ${machine}`}`;
}

async function headOf(path: string): Promise<Buffer> {
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
