import { expect } from 'chai';
import { jsonText } from '../../../src/base/json-text.ts';

describe('JSON as it is kept', () => {
  it('has a line for each row, and says the same as JSON.stringify', () => {
    const samples = Array.from({ length: 20 }, (_, at) => ({ at, waitingUs: at * 1000, runnable: 4 }));
    const value = { cores: 2, samples, nothing: null, text: 'a "quoted"\nword', none: undefined, when: new Date(0) };
    const text = jsonText(value);
    expect(JSON.parse(text)).to.deep.equal(JSON.parse(JSON.stringify(value)));
    expect(text).to.contain('\n    {"at":3,"waitingUs":3000,"runnable":4},\n');
  });

  it('breaks what does not fit, and nothing else', () => {
    const long = 'x'.repeat(200);
    expect(jsonText({ a: [long], b: [1, 2] })).to.equal(`{\n  "a": [\n    "${long}"\n  ],\n  "b": [1,2]\n}`);
    expect(jsonText([])).to.equal('[]');
  });
});
