import { expect } from 'chai';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { programTrouble, unfitPrograms } from '../../../src/tools/program-file.ts';

/** The first bytes of an ELF file. @param data 1: little endian, 2: big */
const elf = (machine: number, data: 1 | 2 = 1): Buffer => {
  const head = Buffer.alloc(64);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, data, 1]).copy(head);
  if (data === 1) head.writeUInt16LE(machine, 18);
  else head.writeUInt16BE(machine, 18);
  return head;
};

describe('what a program was built for', () => {
  for (const [what, head, says] of [
    ['x86-64', elf(62), undefined],
    ['arm64', elf(183), 'a program for arm64'],
    ['s390x, which is big endian', elf(22, 2), 'a program for s390x'],
    ['a machine that nobody knows here', elf(258), 'a program for the ELF machine 258'],
    ['macOS', Buffer.from('cffaedfe0c000001', 'hex'), 'a program for macOS'],
    ['Windows', Buffer.from('MZ\x90\x00'), 'a program for Windows'],
    ['nothing: a script', Buffer.from('#!/bin/sh\necho hello\n'), undefined],
    ['nothing: a file that is cut short', Buffer.from([0x7f, 0x45, 0x4c, 0x46]), undefined],
    ['nothing: an empty file', Buffer.alloc(0), undefined],
  ] as const)
    it(`is read off its header: ${what}`, () => {
      expect(programTrouble(head, 'x64')).to.equal(says);
    });

  it('is another question on another machine', () => {
    expect(programTrouble(elf(183), 'arm64')).to.equal(undefined);
    expect(programTrouble(elf(62), 'arm64')).to.equal('a program for x64');
  });

  it('is told of every program of a folder, and of this very Node nothing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'meshproof-elf-'));
    try {
      await writeFile(join(folder, 'proxy'), elf(183));
      await writeFile(join(folder, 'agent'), elf(40));
      await writeFile(join(folder, 'bootstrap.json'), '{}');
      expect(await unfitPrograms(folder, 'x64')).to.deep.equal([
        'agent is a program for arm',
        'proxy is a program for arm64',
      ]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    const { dirname } = await import('node:path');
    const said = await unfitPrograms(dirname(process.execPath));
    expect(said.filter((line) => line.startsWith('node '))).to.deep.equal([]);
  });
});
