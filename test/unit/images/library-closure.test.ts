import { expect } from 'chai';
import { parseLdd } from '../../../src/images/library-closure.ts';

describe('parseLdd', () => {
  it('reads several programs, leaves out what is not a file, and lists a library once', () => {
    const output = [
      '/usr/bin/node:',
      '\tlinux-vdso.so.1 (0x00007fe58fdfd000)',
      '\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007fe58fd07000)',
      '\t/lib64/ld-linux-x86-64.so.2 (0x00007fe58fdff000)',
      '/usr/bin/busybox:',
      '\tnot a dynamic executable',
      '/usr/bin/envoy:',
      '\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f9514320000)',
    ].join('\n');
    expect(parseLdd(output)).to.deep.equal([
      { soname: 'ld-linux-x86-64.so.2', hostPath: '/lib64/ld-linux-x86-64.so.2' },
      { soname: 'libm.so.6', hostPath: '/lib/x86_64-linux-gnu/libm.so.6' },
    ]);
  });

  it('names the library that is missing', () => {
    expect(() => parseLdd('\tlibpq.so.5 => not found\n'))
      .to.throw(/libpq\.so\.5/)
      .with.property('code', 'MESHPROOF_IMAGE');
  });
});
