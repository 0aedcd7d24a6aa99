/** Starts a process, suspends it as a pause does, says its pid, and waits to be killed. */
import { spawn } from 'node:child_process';
import { killWithServer } from '../../../src/jobs/queue/job-process.ts';

const { pid = 0 } = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
const release = killWithServer(pid);
if (process.argv[2] === 'released') release();
process.kill(pid, 'SIGSTOP');
process.stdout.write(`${pid}\n`);
setInterval(() => {}, 1000);
