// `--import` it to run TypeScript. Node strips types by itself since 22.18, and knows `using` since 24; where it lacks one, tsx compiles.
function isNative() {
  try {
    new Function('{ using nothing = null; }');
    return process.features.typescript === 'strip';
  } catch {
    return false;
  }
}

if (!isNative()) await import('tsx');
