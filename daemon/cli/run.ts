/** `latchkey run`: the daemon itself, until it is asked to stop. */
import type { Command } from 'commander';
import type { RunOptions } from './daemon-process.ts';
import { lengthOption, variableOption } from './variables.ts';

export function runCommand(program: Command): void {
  program
    .command('run')
    .description('run the daemon until it is asked to stop (SIGTERM)')
    .requiredOption('--config <file>', 'the site, as `latchkey check-config` accepts it')
    .addOption(variableOption())
    .addOption(
      lengthOption('--stop-within <time>', 'what has not ended by then is ended, 1s to 15s', {
        from: '1s',
        to: '15s',
      }),
    )
    .addHelpText(
      'after',
      '\nExample:\n  $ latchkey run --config /etc/latchkey/config.yaml\n\nExit status: 0 asked to stop, 1 it could not start, 2 the config is wrong, 3 another unit of the site acts now. Asked twice, or not at its end in time, it ends itself by SIGKILL: nothing that was acknowledged is lost.',
    )
    .action(async (options: RunOptions) => {
      const { runDaemon } = await import('./daemon-process.ts');
      await runDaemon(options);
    });
}
