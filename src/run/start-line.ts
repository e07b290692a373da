/** One of those who start together. */
export interface Place {
  /** Resolves when everybody is there, or has given up. */
  arrive(): Promise<void>;
  /** Gives up, so that nobody waits for it; nothing after it has arrived. */
  leave(): void;
}

/** Lets several start at once, the slowest deciding when: what one still prepares disturbs what another measures. */
export function startLine(count: number): Place[] {
  let missing = count;
  let go = (): void => {};
  const gone = new Promise<void>((resolve) => (go = resolve));
  return Array.from({ length: count }, (): Place => {
    let counted = false;
    const leave = (): void => {
      if (counted) return;
      counted = true;
      missing--;
      if (missing === 0) go();
    };
    return {
      arrive: async () => {
        leave();
        await gone;
      },
      leave,
    };
  });
}
