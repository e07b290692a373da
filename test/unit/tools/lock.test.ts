import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { goVersionOf } from '../../../src/tools/go-build.ts';
import { fill, parseLock, readLock, toolsDirectory, type ToolsLock } from '../../../src/tools/lock.ts';
import { toolNames } from '../../../src/tools/tool.ts';
import { inRange } from '../../../src/tools/version.ts';

function changed(change: (lock: ToolsLock) => void): () => ToolsLock {
  const lock = structuredClone(readLock());
  change(lock);
  return () => parseLock(lock);
}

describe('tools/lock.json', () => {
  const lock = readLock();

  it('is what docs/tools.md says of licences', () => {
    const rows = readFileSync(join(toolsDirectory, '../docs/tools.md'), 'utf8').split('\n');
    for (const [name, { licence }] of Object.entries(lock.tools)) {
      const row = rows.find((each) => each.startsWith(`| ${name} `));
      expect(row, name).to.match(new RegExp(`\\| ${licence.replaceAll('.', '\\.')} \\|$`));
    }
  });

  it('names every tool and no other', () => expect(Object.keys(lock.tools)).to.have.members(toolNames));

  for (const [name, tool] of Object.entries(lock.tools)) {
    it(`${name}: what it would get fits what it accepts from the host`, () => {
      if (tool.host.file) return expect(tool.host.programs).to.deep.equal([]);
      const pack = tool.package;
      if (pack.kind !== 'none') {
        const programs =
          pack.kind === 'go-files' ? [] : pack.kind === 'pypi' ? Object.keys(pack.programs) : pack.programs;
        expect(programs, 'package').to.have.members(tool.host.programs);
      }
      if (tool.release) {
        expect(tool.release.files.flatMap((file) => Object.keys(file.programs))).to.have.members(tool.host.programs);
        if (name !== 'cni-plugins') expect(inRange(tool.version, tool.host.range), tool.host.range).to.equal(true);
      }
      for (const checked of tool.host.checked ?? []) expect(tool.host.programs).to.include(checked);
      return undefined;
    });
    const pack = tool.package;
    if (pack.kind === 'go' || pack.kind === 'go-files') {
      it(`${name}: its Go module is there, pins this version, and the locked Go does`, () => {
        expect(readFileSync(join(toolsDirectory, pack.directory, 'go.sum'), 'utf8')).to.include(
          `\n${pack.module} v${tool.version} h1:`,
        );
        const goMod = readFileSync(join(toolsDirectory, pack.directory, 'go.mod'), 'utf8');
        expect(goMod).to.match(
          new RegExp(`(^|\\s)${pack.module.replaceAll('.', '\\.')} v${tool.version.replaceAll('.', '\\.')}\\s`),
        );
        expect(inRange(lock.go.version, `>=${goVersionOf(pack.directory)}`)).to.equal(true);
      });
    }
    const { release, official } = tool;
    if (official) {
      it(`${name}: its official release is another program than what is built, and has the same name`, () => {
        expect(official.files.flatMap((file) => Object.keys(file.programs))).to.have.members(tool.host.programs);
        expect(official.version).not.to.equal(tool.version);
      });
    }
    const files = [...(release?.files ?? []), ...(official?.files ?? [])];
    if (files.length === 0) continue;
    it(`${name}: every template is filled`, () => {
      for (const file of files) {
        const text = fill(`${file.url} ${file.checksums} ${Object.values(file.programs).join(' ')}`, {
          version: tool.version,
        });
        expect(text).not.to.match(/[{}]/);
      }
    });
    it(`${name}: downloads only over TLS`, () => {
      for (const file of files) expect(`${file.url} ${file.checksums}`).to.match(/^https:\S+ https:/);
    });
  }

  const broken: [string, (lock: ToolsLock) => void, RegExp][] = [
    ['a tool is absent', (l) => Reflect.deleteProperty(l.tools, 'etcd'), /etcd/],
    ['a range is not a range', (l) => (l.tools.etcd.host.range = '^3.4'), /range|comparators/],
    ['a field is misspelt', (l) => Object.assign(l.tools.etcd, { relaese: {} }), /relaese/],
    [
      'a release has no checksum file',
      (l) => Reflect.deleteProperty(l.tools.etcd.release!.files[0]!, 'checksums'),
      /checksums/,
    ],
    ['neither release nor a reason', (l) => Reflect.deleteProperty(l.tools.tcpdump, 'noRelease'), /noRelease/],
    ['the probe may take longer than 5 s', (l) => (l.probe.timeoutMs = 6000), /timeoutMs/],
    ['a wheel has no sha256', (l) => Object.assign(l.tools.envoy.package, { sha256: 'abc' }), /sha256/],
  ];
  for (const [what, change, message] of broken) {
    it(`is refused when ${what}`, () => expect(changed(change)).to.throw(message));
  }

  it('is accepted unchanged', () => expect(changed(() => {})).not.to.throw());
});
