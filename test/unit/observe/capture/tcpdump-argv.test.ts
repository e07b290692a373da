import { expect } from 'chai';
import { readCounters, tcpdumpArgv, type TcpdumpCounters } from '../../../../src/observe/capture/tcpdump-argv.ts';
import type { Tool } from '../../../../src/tools/tool.ts';

const tool: Tool = {
  name: 'tcpdump',
  version: '4.99.3',
  origin: 'debian',
  bin: { tcpdump: '/x/tcpdump' },
  elf: { tcpdump: '/x/tcpdump' },
  root: '/x',
  libraryPath: [],
  env: {},
};

describe('tcpdump command line', () => {
  it('captures TCP whole on eth0 and ends itself', () => {
    expect(tcpdumpArgv({ tcpdump: tool, file: '/e/a.pcap', maxDurationMs: 1500 }).join(' ')).to.equal(
      'timeout --foreground -s INT -k 5 2 /x/tcpdump -i eth0 -n -U -s 0 -B 8192 -Z root -w /e/a.pcap tcp or ip6 or vlan',
    );
  });

  it('hands over the environment of an unpacked tcpdump', () => {
    const argv = tcpdumpArgv({
      tcpdump: { ...tool, env: { LD_LIBRARY_PATH: '/x/lib' } },
      file: 'f.pcap',
      interface: 'any',
    });
    expect(argv.join(' ')).to.include('env LD_LIBRARY_PATH=/x/lib /x/tcpdump -i any');
  });

  it('refuses a tool without the program', () => {
    expect(() => tcpdumpArgv({ tcpdump: { ...tool, bin: {} }, file: 'f' })).to.throw('tcpdump has no program');
  });

  it('reads its counters from the lines at the end, and from the one on SIGUSR1', () => {
    const lines = [
      'listening on eth0',
      '1 packet captured',
      '3 packets received by filter',
      '2 packets dropped by kernel',
    ];
    let counters: TcpdumpCounters | undefined;
    for (const line of lines) counters = readCounters(line, counters) ?? counters;
    expect(counters).to.deep.equal({ captured: 1, received: 3, drops: 2 });
    const live = 'tcpdump: 12 packets captured, 14 packets received by filter, 0 packets dropped by kernel';
    expect(readCounters(live, counters)).to.deep.equal({ captured: 12, received: 14, drops: 0 });
    expect(readCounters('1 packet captured', undefined)?.drops).to.equal(undefined);
  });
});
