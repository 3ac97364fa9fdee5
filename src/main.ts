#!/usr/bin/env node
import { runProgram } from './commands/program.ts';

process.exit(await runProgram(process.argv));
