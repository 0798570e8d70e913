/**
 * Loaded before the daemon of a simulated site: its machine's wall clock as it would be if somebody set it. What only
 * counts (`performance.now`) is left alone, as the kernel leaves it.
 */
const machine = Date.now;
let shiftMs = 0;
Date.now = () => machine() + shiftMs;

process.on('message', (message: unknown) => {
  const asked: unknown = Object(message).shiftMs;
  if (typeof asked === 'number') shiftMs = asked;
});
// Whoever listens is kept running by it; a daemon that is done must end.
process.channel?.unref();
// Its own processes live by the channel to it, and have no clock to be shifted: they are started without this.
process.execArgv.splice(process.execArgv.indexOf('--import'), 2);
