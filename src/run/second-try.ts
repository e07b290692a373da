import { Judging } from '../claims/judging.ts';
import { readMachine } from '../judge/machine.ts';
import { scenarioStatus } from '../judge/verdict/status-of.ts';
import type { Engine } from './engine.ts';
import type { PlannedTrial } from './trials.ts';
import { reasonOf, runWave, type TrialOutcome } from './wave.ts';

/** A machine that is always busy is not waited for: that many waves of a run are tried again. */
const wavesAgain = 2;

/** A trial that came to no conclusion, and what was wrong with the machine meanwhile. */
interface Spoilt {
  planned: PlannedTrial;
  first: TrialOutcome;
  why: string[];
}

/**
 * Runs waves, and once more those trials that came to no conclusion while the machine was busy: a neighbour's burst is over
 * soon, and says nothing about the mesh. What a trial found is never a reason: a failure stands, and so does a trial without a
 * conclusion on a calm machine. The first try stays in the evidence, and an assertion judges from it that the machine was busy.
 */
export class SecondTries {
  readonly #engine: Engine;
  #left = wavesAgain;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async run(wave: readonly PlannedTrial[]): Promise<TrialOutcome[]> {
    const { signal, progress } = this.#engine.context;
    const outcomes = await runWave(wave, this.#engine);
    const spoilt = await this.#spoilt(wave, outcomes);
    if (spoilt.length === 0 || this.#left === 0 || signal.aborted) return outcomes;
    this.#left--;
    for (const { first, why } of spoilt)
      progress.warn(`${first.report.id}: no conclusion, and the machine was busy (${why.join('; ')}): tried once more`);
    const again = await this.#again(spoilt);
    return outcomes.map((outcome) => again.get(outcome) ?? outcome);
  }

  async #spoilt(wave: readonly PlannedTrial[], outcomes: readonly TrialOutcome[]): Promise<Spoilt[]> {
    const { reader } = this.#engine.context.evidence;
    const looked = outcomes.map(async (first, index) => {
      const planned = wave[index];
      if (planned === undefined || first.report.status !== 'invalid') return [];
      const states = await Promise.all(first.machine.map((machine) => readMachine(machine, reader)));
      const why = [...new Set(states.flatMap(({ notCalm }) => notCalm))];
      return why.length === 0 ? [] : [{ planned, first, why }];
    });
    return (await Promise.all(looked)).flat();
  }

  /** Second outcomes by the first. */
  async #again(spoilt: readonly Spoilt[]): Promise<Map<TrialOutcome, TrialOutcome>> {
    const { evidence } = this.#engine.context;
    const aside = await Promise.all(spoilt.map(({ first }) => evidence.setAside(first.report.id)));
    const seconds = await runWave(
      spoilt.map(({ planned }) => planned),
      this.#engine,
    );
    const outcomes = seconds.map(async (second, index) => {
      const { first } = spoilt[index]!;
      const moved = aside[index]!;
      const arms = first.machine.map((machine) => ({
        ...machine,
        load: moved(machine.load),
        pressure: moved(machine.pressure),
      }));
      return [first, await this.#withFirstTry(second, arms)] as const;
    });
    return new Map(await Promise.all(outcomes));
  }

  async #withFirstTry(second: TrialOutcome, arms: TrialOutcome['machine']): Promise<TrialOutcome> {
    const { context, events } = this.#engine;
    const { report } = second;
    const judging = new Judging(context.evidence.reader);
    const { id, status, observed } = await judging.on({ prefix: report.id, role: 'validity' })(
      'first-try',
      'The first try did not count: the machine was busy',
      'machine-was-busy',
      { arms },
      'This is the second try, on a machine that has something else to do now and then: see first-try/ in the evidence.',
    );
    events.emit({ type: 'assertion', id, status, observed });
    // What broke off or was interrupted stays what it is.
    if (second.error !== undefined) return second;
    const assertions = [...judging.assertions, ...report.assertions];
    const whole = scenarioStatus(assertions);
    return { ...second, report: { ...report, assertions, status: whole, reason: reasonOf(whole, assertions) } };
  }
}
