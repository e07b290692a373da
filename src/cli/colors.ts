import picocolors from 'picocolors';

/** Colours only for a person at a terminal: picocolors alone also paints in CI, where the last line is read by programs. */
export const pc = picocolors.createColors(process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined);
