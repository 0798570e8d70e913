/** How a command ends that does not end well. */
import { ConfigError } from '../../drivers/contract/errors.ts';

/** 0 done, 1 failed, 2 what was given is wrong, 3 another unit of the site acts: no use in starting again. */
export const EXIT = { done: 0, failed: 1, badInput: 2, fenced: 3 } as const;

/** Ends a command with one line on stderr and an exit code. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: number;
  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A command that people read the output of. */
export async function orTell(command: () => Promise<void>): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever read us has seen enough (`| head`).
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
  await orSay(command);
}

/** What is expected of people is told in one line, with its exit status; all else is thrown. */
export async function orSay(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof CommandFailure)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error instanceof ConfigError ? EXIT.badInput : error.exitCode;
  }
}
