// Loaded before dist/main.js by scripts/code-cache.mjs: when the program ends, writes the code that V8 has compiled by then next to each bundle.
// src/main.ts reads it. The file begins with the SHA-256 of bundle and code.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import v8 from 'node:v8';
import vm from 'node:vm';

// Otherwise V8 lets code go that has not run for a while.
v8.setFlagsFromString('--no-flush-bytecode');

const scripts = [];
vm.Script = class extends vm.Script {
  constructor(source, options) {
    super(source, options);
    scripts.push({ script: this, file: path.resolve(process.argv[1], '..', options.filename) });
  }
};

// Whether a timer fires depends on the load of the machine, and the bytes of the cache on what has run.
const interval = globalThis.setInterval;
globalThis.setInterval = (...args) => {
  const timer = interval(...args);
  clearInterval(timer);
  return timer;
};

process.on('exit', () => {
  // V8 accepts a cache only with the flags that it was made with.
  v8.setFlagsFromString('--flush-bytecode');
  for (const { script, file } of scripts) {
    const code = script.createCachedData();
    const digest = createHash('sha256').update(readFileSync(file)).update(code).digest();
    writeFileSync(file.replace(/js$/, 'cache'), Buffer.concat([digest, code]));
  }
});
