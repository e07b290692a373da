import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { scenariosDir } from '../../../src/scenario/load.ts';
import { meshproof } from '../../e2e/cli.ts';

const readScenario = (id: string): string => readFileSync(join(scenariosDir, `${id}.yaml`), 'utf8');

describe('bad input to the command line', () => {
  const folder = mkdtempSync(join(tmpdir(), 'meshproof-cli-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };

  const cases: [what: string, args: () => string[], says: RegExp][] = [
    ['an unknown scenario', () => ['run', 'retries-recover-error'], /did you mean `retries-recover-errors`/],
    ['an unknown command', () => ['rum'], /Did you mean run/],
    ['an unknown option', () => ['run', '--scenari', 'x'], /Did you mean --scenario/],
    [
      'a cluster provider that is not built yet',
      () => ['run', '--cluster', 'kind'],
      /Allowed choices are auto, embedded/,
    ],
    ['a mesh that cannot be adopted', () => ['run', '--lab', 'x', '--mesh-installed'], /Consul .*cannot be adopted/],
    ['a profile that cannot work', () => ['up', '--mesh', 'istio', '--mesh-profile', 'ambient'], /needs ztunnel/],
    ['a release that is too old', () => ['up', '--mesh', 'istio', '--mesh-release', '1.20.0'], /older than what works/],
    ['a release of a mesh that has no choice', () => ['run', '--mesh-release', '1.22.7'], /no choice of releases/],
    ['a mesh to be adopted nowhere', () => ['run', '--mesh', 'istio', '--mesh-installed'], /and none is named/],
    ['a cluster alone with a mesh', () => ['up', '--cluster-only', '--mesh-installed'], /cannot be used with/],
    ['more nodes than a machine should have', () => ['up', '--nodes', '6'], /whole number from 1 to 5/],
    ['a lab name nobody may have', () => ['up', '--lab', 'No!'], /lower-case letters/],
    ['a duration without a number', () => ['run', '--timeout', 'soon'], /90s, 20m or 1h/],
    [
      'a wrong field, with its place',
      () => [
        'run',
        file('field.yaml', 'id: x\ntitle: x\ncriterion: { id: x, title: x }\nexperiment: wire\nload:\n  secods: 3\n'),
      ],
      /field\.yaml:6:3: load\.secods: unknown field `secods`; did you mean `seconds`\?/,
    ],
    [
      'a service that does not exist',
      () => [
        'validate',
        file('service.yaml', readScenario('golden-signals').replace('fault:\n', 'fault:\n  target: trip\n')),
        '--app',
        'tripinsights',
      ],
      /service\.yaml:\d+:11: fault\.target: the application has no service `trip`: .*; did you mean `trips`\?/,
    ],
    [
      'a claim that its fault cannot show',
      () => [
        'validate',
        file(
          'claim.yaml',
          readScenario('timeouts-bound-latency').replace(
            /fault:\n {2}kind: http-delay\n {2}percentage: 100\n {2}delayMs: 5000/,
            'fault: { kind: http-abort, percentage: 30 }',
          ),
        ),
      ],
      /needs the fault http-delay/,
    ],
    [
      'a scenario about a service that the app lacks',
      () => [
        'run',
        '--app',
        'podinfo',
        file('target.yaml', readScenario('golden-signals').replace('fault:\n', 'fault:\n  target: trips\n')),
      ],
      /target\.yaml:\d+:\d+: .*the application has no service `trips`: frontend, backend/,
    ],
    ['an unknown app', () => ['run', '--app', 'podinf'], /MESHPROOF_APP_UNKNOWN.*did you mean `podinfo`/],
    ['an app file that is not there', () => ['up', '--app', 'nowhere/app.yaml'], /nowhere\/app\.yaml cannot be read/],
    [
      'a wrong field of an app file, with its place',
      () => ['validate', file('app.yaml', 'id: shop\nservices:\n  web: { port: 80, protocl: http }\n')],
      /app\.yaml:3:20: services\.web\.protocl: unknown field `protocl`; did you mean `protocol`\?/,
    ],
    ['a list of what there is no list of', () => ['list', 'appz'], /Allowed choices are .*apps/],
    ['what is no YAML', () => ['validate', file('yaml.yaml', 'id: [')], /yaml\.yaml:1:\d+: not YAML/],
    ['a report that is not there', () => ['report', 'check', folder], /MESHPROOF_REPORT_UNREADABLE/],
  ];
  for (const [what, args, says] of cases) {
    it(`${what}: exit code 2, a hint, no stack trace`, async () => {
      const { exitCode, all } = await meshproof(args());
      expect(all).to.match(says);
      expect(all).not.to.match(/\n\s+at .*\.ts:\d+/);
      expect(exitCode).to.equal(2);
    });
  }

  it('a lab that does not exist is exit code 3', async () => {
    const { exitCode, all } = await meshproof(['down', 'nobody-made-this']);
    expect(all).to.match(/MESHPROOF_LAB_UNKNOWN.*\n.*status/);
    expect(exitCode).to.equal(3);
  });

  it('help has examples for every command', async () => {
    for (const command of ['run', 'up', 'down', 'status', 'doctor', 'validate', 'list']) {
      const { exitCode, stdout } = await meshproof([command, '--help']);
      expect(exitCode, command).to.equal(0);
      expect(stdout, command).to.match(/Examples?:\n {2}\$ \.\/bin\/meshproof/);
    }
  });
});
