import type { Tool } from '../../tools/tool.ts';
import { captureError } from './capture-error.ts';

/**
 * TCP only. All of IPv6 and tagged frames are taken, because libpcap's `tcp` looks neither behind IPv6 extension headers
 * nor behind VLAN tags (pcap-filter(7)), and a capture must not be blind to what it is to prove absent.
 */
const filter = 'tcp or ip6 or vlan';
/** Kernel ring of one capture: a burst of 8 MiB may wait for tcpdump on a busy machine. */
const ringKiB = 8192;

export interface TcpdumpArgvOptions {
  tcpdump: Tool;
  file: string;
  interface?: string;
  /** Default: all of TCP. */
  filter?: string | undefined;
  maxDurationMs?: number;
}

/**
 * The command line. `-U` writes each packet at once, so that a killed tcpdump leaves a readable file; `-Z root` because a
 * minimal system has no tcpdump user. No `--immediate-mode`: it selects TPACKET_V2, whose ring holds only 32 packets at
 * this snap length, and drops. `timeout` ends tcpdump if meshproof is killed.
 */
export function tcpdumpArgv(options: TcpdumpArgvOptions): string[] {
  const { tcpdump, file } = options;
  const program = tcpdump.bin['tcpdump'];
  if (program === undefined) throw captureError('tcpdump has no program', 'Run `meshproof doctor --fetch`.');
  const seconds = Math.ceil((options.maxDurationMs ?? 900_000) / 1000);
  const env = Object.entries(tcpdump.env).map(([name, value]) => `${name}=${value}`);
  return [
    'timeout',
    // In our process group, or a wrapper that forks (nsenter into a pid namespace) would keep our signals from it.
    '--foreground',
    '-s',
    'INT',
    '-k',
    '5',
    String(seconds),
    ...(env.length > 0 ? ['env', ...env] : []),
    program,
    '-i',
    options.interface ?? 'eth0',
    '-n',
    '-U',
    '-s',
    '0',
    '-B',
    String(ringKiB),
    '-Z',
    'root',
    '-w',
    file,
    options.filter ?? filter,
  ];
}

export interface TcpdumpCounters {
  captured: number;
  received: number;
  /** Undefined until reported; the last of the three. */
  drops: number | undefined;
}

/** Reads `12 packets captured`, `… received by filter`, `… dropped by kernel`: three lines at the end, one on SIGUSR1. */
export function readCounters(line: string, before: TcpdumpCounters | undefined): TcpdumpCounters | undefined {
  const captured = /(\d+) packets? captured/.exec(line)?.[1];
  const received = /(\d+) packets? received by filter/.exec(line)?.[1];
  const drops = /(\d+) packets? dropped by kernel/.exec(line)?.[1];
  if (captured === undefined && received === undefined && drops === undefined) return undefined;
  return {
    captured: captured === undefined ? (before?.captured ?? 0) : Number(captured),
    received: received === undefined ? (before?.received ?? 0) : Number(received),
    drops: drops === undefined ? before?.drops : Number(drops),
  };
}
