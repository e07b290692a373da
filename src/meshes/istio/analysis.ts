import { plural } from '../../base/words.ts';
import type { MeshCheck, MeshFinding } from '../adapter.ts';
import type { IstioInstallation } from './installation.ts';
import { istioctl, whichIstio, type Istioctl } from './istioctl.ts';

/** One message of `istioctl analyze -o json`. Codes: istio.io/latest/docs/reference/config/analysis. */
export interface AnalysisMessage {
  /** `IST0101`. */
  code: string;
  level: 'Error' | 'Warning' | 'Info';
  message: string;
  /** `VirtualService shop/web`. */
  origin?: string;
  documentationUrl?: string;
}

/** Istio's own look at the configuration of a namespace: each code that it finds an error for is a check of its own. */
export function analysis(context: Istioctl, istio: () => Promise<IstioInstallation>, namespace: string): MeshCheck {
  return {
    id: 'mesh/istioctl-analyze',
    title: 'istioctl analyze finds no error in the configuration',
    category: 'mesh',
    async look() {
      const which = whichIstio(await istio());
      const said = await istioctl(context, ['analyze', ...which, '--namespace', namespace, '--output', 'json']);
      return judgeAnalysis(parseAnalysis(said));
    },
  };
}

/** It prints `null` where it finds nothing. */
export function parseAnalysis(output: string): AnalysisMessage[] {
  return (JSON.parse(output.trim() || 'null') as AnalysisMessage[] | null) ?? [];
}

/** Pure. Warnings and hints are told, and are no sickness. */
export function judgeAnalysis(messages: readonly AnalysisMessage[]): Awaited<ReturnType<MeshCheck['look']>> {
  const errors = messages.filter(({ level }) => level === 'Error');
  const others = messages.filter(({ level }) => level !== 'Error');
  const findings = [...new Set(errors.map(({ code }) => code))].map((code): MeshFinding => {
    const own = errors.filter((message) => message.code === code);
    const [first] = own;
    return {
      id: `mesh/${code}`,
      title: `istioctl analyze: ${code}`,
      observed: own.map(textOf).join('; '),
      hint: first?.documentationUrl ?? 'See Istio’s pages of configuration analysis messages.',
    };
  });
  return {
    problems: [],
    findings,
    fine:
      others.length === 0
        ? 'no message'
        : `no error; ${plural(others.length, 'other message')}: ${others.map(textOf).join('; ')}`,
    hint: '',
  };
}

function textOf({ code, level, message, origin }: AnalysisMessage): string {
  return `${code} (${level})${origin === undefined ? '' : ` ${origin}`}: ${message}`;
}
